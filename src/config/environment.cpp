#include "pgballast/config/environment.hpp"

#include <cstdlib>

namespace pgballast::config {
namespace {

constexpr std::size_t expanded_size_max = std::size_t{64} << 10;
constexpr std::string_view name_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

// A parse_error can be made of a string as well, so a value has to be said to be one.
using text_result = boost::system::result<std::string, parse_error>;
using boost::system::in_place_value;

/// `reference` is what stands between the braces.
text_result look_up(std::string_view reference, const environment& env) {
    const auto separator = reference.find(":-");
    const std::string name{reference.substr(0, separator)};
    if (name.empty() || name.find_first_not_of(name_alphabet) != name.npos)
        return parse_error{"found " + quote("${" + name + "}") +
                           ", expected the name of a variable: ${NAME} or ${NAME:-default}"};

    const auto value = env(name);
    if (separator == reference.npos) {
        if (!value)
            return parse_error{"the environment has no " + name + " (a default is written ${" +
                               name + ":-default})"};
        return {in_place_value, *value};
    }
    if (value && !value->empty())
        return {in_place_value, *value};
    return {in_place_value, reference.substr(separator + 2)};
}

}  // namespace

environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value ? std::optional<std::string>{value} : std::nullopt;
    };
}

boost::system::result<std::string, parse_error> expand(std::string_view text,
                                                       const environment& env) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        if (text.substr(at).starts_with("$${")) {
            out += "${";
            at += 3;
            continue;
        }
        if (!text.substr(at).starts_with("${")) {
            out += text[at++];
            continue;
        }
        const auto end = text.find('}', at);
        if (end == text.npos)
            return parse_error{"expected a '}' to end ${"};
        const auto value = look_up(text.substr(at + 2, end - at - 2), env);
        if (!value)
            return value.error();
        out += *value;
        at = end + 1;
        if (out.size() > expanded_size_max)
            return parse_error{"larger than 64 KiB"};
    }
    return {in_place_value, std::move(out)};
}

}  // namespace pgballast::config
