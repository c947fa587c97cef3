#include "pgballast/config/dsn.hpp"

#include <algorithm>

#include "hosts.hpp"
#include "pgballast/config/keywords.hpp"
#include "pgballast/config/names.hpp"
#include "pgballast/config/nearest.hpp"

namespace pgballast::config {
namespace {

using problem = std::optional<parse_error>;

constexpr auto target_session_attrs_names = std::to_array<std::string_view>(
    {"any", "read-write", "read-only", "primary", "standby", "prefer-standby"});

std::string value_of(const conninfo& values, std::string_view keyword) {
    const auto found = values.find(keyword);
    return found == values.end() ? std::string{} : found->second;
}

parse_error not_one_of(std::string_view keyword, std::string_view found,
                       std::span<const std::string_view> accepted) {
    return {std::string{keyword} + ": found " + quote(found) + ", " +
            expected_one_of(accepted, found)};
}

template <typename E>
problem read_name(const conninfo& values, std::string_view keyword, E& out) {
    const auto found = values.find(keyword);
    if (found == values.end())
        return {};
    const auto value = from_name<E>(found->second);
    if (!value)
        return not_one_of(keyword, found->second, names<E>);
    out = *value;
    return {};
}

/// Whether a refused keyword's value asks for nothing we would not do anyway.
bool is_harmless(const keyword& known, std::string_view value) {
    const auto words = ' ' + std::string{known.harmless} + ' ';
    const auto word = ' ' + std::string{value} + ' ';
    return value.empty() || (value.find(' ') == value.npos && words.find(word) != words.npos);
}

problem refuse_keywords(const conninfo& values) {
    for (const auto& [name, value] : values) {
        const auto* known = find_keyword(name);
        if (known->use == keyword_use::refused && !is_harmless(*known, value))
            return parse_error{name + " is not supported: " + std::string{known->reason}};
    }
    return {};
}

problem read_connect_timeout(const conninfo& values, dsn& out) {
    const auto found = values.find("connect_timeout");
    if (found == values.end())
        return {};
    const auto seconds = detail::parse_libpq_integer(found->second);
    if (!seconds)
        return parse_error{"connect_timeout: found " + quote(found->second) +
                           ", expected whole seconds"};
    // libpq's documentation: zero and below are no limit, one second counts as two.
    if (*seconds > 0)
        out.connect_timeout = std::chrono::seconds{std::max(*seconds, 2)};
    return {};
}

problem read_target_session_attrs(const conninfo& values, dsn& out) {
    const auto found = values.find("target_session_attrs");
    if (found == values.end())
        return {};
    if (std::ranges::count(target_session_attrs_names, found->second) == 0)
        return not_one_of("target_session_attrs", found->second, target_session_attrs_names);
    out.target_session_attrs = found->second;
    return {};
}

problem read_tls(const conninfo& values, dsn& out) {
    out.sslrootcert = value_of(values, "sslrootcert");
    out.sslcert = value_of(values, "sslcert");
    out.sslkey = value_of(values, "sslkey");
    if (out.sslrootcert == "system")
        out.sslmode = sslmode::verify_full;

    if (auto error = read_name(values, "sslmode", out.sslmode))
        return error;
    if (auto error = read_name(values, "sslnegotiation", out.sslnegotiation))
        return error;
    if (auto error = read_name(values, "channel_binding", out.channel_binding))
        return error;

    if (out.sslrootcert == "system" && out.sslmode != sslmode::verify_full)
        return parse_error{"sslmode: found " + quote(to_string(out.sslmode)) +
                           ", expected verify-full, which sslrootcert=system demands"};
    if (out.sslnegotiation == sslnegotiation::direct && out.sslmode < sslmode::require)
        return parse_error{"sslmode: found " + quote(to_string(out.sslmode)) +
                           ", expected require, verify-ca or verify-full, one of which "
                           "sslnegotiation=direct demands"};
    return {};
}

}  // namespace

boost::system::result<dsn, parse_error> make_dsn(const conninfo& values) {
    if (auto error = refuse_keywords(values))
        return *error;

    auto hosts = detail::combine_hosts(value_of(values, "host"), value_of(values, "hostaddr"),
                                       value_of(values, "port"));
    if (!hosts)
        return hosts.error();

    dsn out;
    out.hosts = std::move(*hosts);
    out.user = value_of(values, "user");
    out.password = value_of(values, "password");
    out.dbname = value_of(values, "dbname");
    out.options = value_of(values, "options");
    out.application_name = value_of(values, "application_name");
    if (out.application_name.empty())
        out.application_name = value_of(values, "fallback_application_name");

    for (const auto read : {read_tls, read_connect_timeout, read_target_session_attrs})
        if (auto error = read(values, out))
            return *error;
    return out;
}

boost::system::result<dsn, parse_error> parse_dsn(std::string_view text) {
    const auto values = parse_conninfo(text);
    if (!values)
        return values.error();
    return make_dsn(*values);
}

}  // namespace pgballast::config
