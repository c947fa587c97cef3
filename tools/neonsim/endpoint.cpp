#include "endpoint.hpp"

#include <algorithm>

namespace neonsim {
namespace {

constexpr std::string_view missing_endpoint =
    "Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) "
    "for SNI support or pass the endpoint ID (first part of the domain name) as a parameter: "
    "'?options=endpoint%3D<endpoint-id>'. See more at https://neon.tech/sni";

bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/// The next word and what separates it from the one before; a backslash takes the
/// next character as it is. PostgreSQL, "pg_split_opts".
std::string_view take_word(std::string_view& options) {
    while (!options.empty() && is_space(options.front()))
        options.remove_prefix(1);
    std::size_t size = 0;
    while (size < options.size() && !is_space(options[size]))
        size += options[size] == '\\' && size + 1 < options.size() ? 2 : 1;
    const auto word = options.substr(0, size);
    options.remove_prefix(size);
    return word;
}

/// X of "endpoint=X" or "project=X".
std::optional<std::string_view> value_of_endpoint(std::string_view word) {
    for (const std::string_view key : {"endpoint=", "project="})
        if (word.starts_with(key))
            return word.substr(key.size());
    return std::nullopt;
}

bool is_letter_of_endpoint(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

}  // namespace

startup_options split_options(std::string_view options) {
    startup_options split;
    for (auto word = take_word(options); !word.empty(); word = take_word(options)) {
        if (const auto endpoint = value_of_endpoint(word)) {
            split.endpoint = *endpoint;
            continue;
        }
        if (word.starts_with("neon_"))  // Neon's own options, for its proxy too
            continue;
        if (!split.rest.empty())
            split.rest += ' ';
        split.rest += word;
    }
    return split;
}

endpoint_choice choose_endpoint(std::string_view server_name, std::string_view option) {
    // A name without a dot, such as localhost, names a machine.
    const auto dot = server_name.find('.');
    const auto label = dot == server_name.npos ? std::string_view{} : server_name.substr(0, dot);

    if (!label.empty() && !option.empty() && label != option)
        return {{},
                "Inconsistent project name inferred from SNI ('" + std::string{label} +
                    "') and project option ('" + std::string{option} + "')."};
    const std::string chosen{label.empty() ? option : label};
    if (!std::ranges::all_of(chosen, is_letter_of_endpoint))
        return {{},
                "Project name ('" + chosen +
                    "') must contain only alphanumeric characters and hyphens ('-')."};
    return {chosen, {}};
}

endpoint_password split_password(std::string_view password) {
    for (const char separator : {';', '$'}) {
        const auto at = password.find(separator);
        if (at == password.npos)
            continue;
        if (const auto endpoint = value_of_endpoint(password.substr(0, at)))
            return {std::string{*endpoint}, std::string{password.substr(at + 1)}, {}};
        break;
    }
    return {{}, {}, std::string{missing_endpoint}};
}

}  // namespace neonsim
