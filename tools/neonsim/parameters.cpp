#include "parameters.hpp"

#include <charconv>

namespace neonsim {
namespace {

constexpr std::int64_t ms_max = 3'600'000;

/// Everything as text: JSON's numbers and truth values read as a query writes them.
std::string to_text(const boost::json::value& value) {
    return value.is_string() ? std::string{value.get_string()} : boost::json::serialize(value);
}

}  // namespace

parameters::parameters(std::string_view query, std::string_view body) {
    if (!body.empty()) {
        boost::system::error_code error;
        const auto parsed = boost::json::parse(body, error);
        if (error || !parsed.is_object())
            throw bad_request{"the body is not a JSON object"};
        values_ = parsed.get_object();
    }
    while (!query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        const auto equals = pair.find('=');
        if (equals == pair.npos)
            throw bad_request{"not name=value: " + std::string{pair}};
        values_[pair.substr(0, equals)] = pair.substr(equals + 1);
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
    }
}

std::string parameters::text(std::string_view name, std::string otherwise) {
    const auto found = values_.find(name);
    if (found == values_.end())
        return otherwise;
    auto value = to_text(found->value());
    values_.erase(found);
    return value;
}

std::int64_t parameters::integer(std::string_view name, std::int64_t otherwise, std::int64_t max) {
    const auto value = text(name, std::to_string(otherwise));
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc{} || end != value.data() + value.size() || number < 0 || number > max)
        throw bad_request{std::string{name} + " must be a whole number from 0 to " +
                          std::to_string(max)};
    return number;
}

std::chrono::milliseconds parameters::ms(std::string_view name,
                                         std::chrono::milliseconds otherwise) {
    return std::chrono::milliseconds{integer(name, otherwise.count(), ms_max)};
}

bool parameters::flag(std::string_view name, bool otherwise) {
    const auto value = text(name, otherwise ? "true" : "false");
    if (value != "true" && value != "false")
        throw bad_request{std::string{name} + " must be true or false"};
    return value == "true";
}

void parameters::finish() const {
    if (!values_.empty())
        throw bad_request{"unknown parameter: " + std::string{values_.begin()->key()}};
}

}  // namespace neonsim
