#include "settings.hpp"

#include <charconv>

namespace neonsim {
namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text, Number max) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= max))
        return std::nullopt;
    return value;
}

constexpr std::int64_t wake_max_ms = 600'000;
constexpr double autosuspend_max_s = 7 * 24 * 3600;  // Neon's own longest

}  // namespace

std::optional<wake_time> parse_wake_time(std::string_view text) {
    const auto dash = text.find('-');
    const auto min = parse_number(text.substr(0, dash), wake_max_ms);
    const auto max = dash == text.npos ? min : parse_number(text.substr(dash + 1), wake_max_ms);
    if (!min || !max || *min > *max)
        return std::nullopt;
    return wake_time{std::chrono::milliseconds{*min}, std::chrono::milliseconds{*max}};
}

std::optional<std::optional<std::chrono::milliseconds>> parse_autosuspend(std::string_view text) {
    using milliseconds = std::chrono::milliseconds;
    if (text == "off")
        return std::optional<milliseconds>{};
    const auto seconds = parse_number(text, autosuspend_max_s);
    if (!seconds)
        return std::nullopt;
    return std::optional{milliseconds{static_cast<std::int64_t>(*seconds * 1000)}};
}

}  // namespace neonsim
