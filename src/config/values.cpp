#include "pgballast/config/values.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace pgballast::config {
namespace {

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr auto duration_units = std::to_array<unit>({
    {"ms", 1},
    {"s", 1000},
    {"m", 60'000},
    {"h", 3'600'000},
    {"d", 86'400'000},
});
constexpr auto size_units = std::to_array<unit>({
    {"", 1},
    {"B", 1},
    {"KiB", 1 << 10},
    {"MiB", 1 << 20},
    {"GiB", 1 << 30},
});

std::optional<std::uint64_t> parse_with_unit(std::string_view text, std::span<const unit> units) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse_unsigned(text.substr(0, digits));
    if (!number)
        return {};
    for (const auto& [name, factor] : units)
        if (text.substr(digits) == name) {
            if (*number > std::numeric_limits<std::uint64_t>::max() / factor)
                return {};
            return *number * factor;
        }
    return {};
}

parse_error bad_address(std::string_view found, std::string_view last_alternative) {
    return {"found " + quote(found) + ", expected host:port, [IPv6]:port or " +
            std::string{last_alternative}};
}

parse_error bad_listen(std::string_view found) {
    return bad_address(found, "unix:/directory");
}

boost::system::result<endpoint, parse_error> parse_unix_listen(std::string_view directory) {
    // sockaddr_un holds 108 bytes with the closing zero.
    constexpr std::size_t directory_size_max = 107 - std::string_view{"/.s.PGSQL.65535"}.size();
    endpoint out{std::string{directory}, 6432};
    if (const auto colon = directory.rfind(':'); colon != directory.npos)
        if (const auto port = parse_unsigned(directory.substr(colon + 1))) {
            if (*port < 1 || *port > 65535)
                return parse_error{"found port " + std::to_string(*port) + ", expected 1 to 65535"};
            out = {std::string{directory.substr(0, colon)}, static_cast<std::uint16_t>(*port)};
        }
    if (!out.is_unix())
        return bad_listen("unix:" + std::string{directory});
    if (out.host.size() > directory_size_max)
        return parse_error{"found a directory of " + std::to_string(out.host.size()) +
                           " bytes, expected at most " + std::to_string(directory_size_max)};
    return out;
}

std::optional<endpoint> parse_tcp_listen(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == text.npos)
        return {};
    auto host = text.substr(0, colon);
    const auto port = parse_unsigned(text.substr(colon + 1));

    const bool bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    const bool has_colon = host.find(':') != host.npos;
    if (host.empty() || has_colon != bracketed || host.find_first_of("[]/ \t") != host.npos ||
        !port || *port > 65535)
        return {};
    return endpoint{std::string{host}, static_cast<std::uint16_t>(*port)};
}

}  // namespace

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size())
        return {};
    return value;
}

std::optional<milliseconds> parse_duration(std::string_view text) {
    if (text == "0")
        return milliseconds{0};
    const auto count = parse_with_unit(text, duration_units);
    if (!count || *count > static_cast<std::uint64_t>(duration_max.count()))
        return {};
    return milliseconds{*count};
}

std::optional<std::size_t> parse_size(std::string_view text) {
    return parse_with_unit(text, size_units);
}

std::optional<bool> parse_bool(std::string_view text) {
    if (text == "true" || text == "yes" || text == "on")
        return true;
    if (text == "false" || text == "no" || text == "off")
        return false;
    return {};
}

boost::system::result<endpoint, parse_error> parse_listen(std::string_view text) {
    constexpr std::string_view unix_prefix = "unix:";
    if (text.starts_with(unix_prefix))
        return parse_unix_listen(text.substr(unix_prefix.size()));
    auto place = parse_tcp_listen(text);
    if (!place)
        return bad_listen(text);
    return std::move(*place);
}

boost::system::result<std::optional<endpoint>, parse_error> parse_admin_listen(
    std::string_view text) {
    if (text == "off")
        return std::optional<endpoint>{};
    auto place = parse_tcp_listen(text);
    if (!place)
        return bad_address(text, "off");
    return place;
}

}  // namespace pgballast::config
