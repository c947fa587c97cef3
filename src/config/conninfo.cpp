#include "pgballast/config/conninfo.hpp"

#include <algorithm>

#include "conninfo_parsers.hpp"
#include "pgballast/config/keywords.hpp"
#include "pgballast/config/nearest.hpp"

namespace pgballast::config {
namespace {

/// Any unknown keyword is quoted only if it looks like one: it may be a piece of a password.
bool looks_like_keyword(std::string_view name) {
    constexpr std::size_t size_max = 32;
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    return !name.empty() && name.size() <= size_max && std::ranges::all_of(name, fits);
}

}  // namespace

bool is_connection_url(std::string_view text) {
    return text.starts_with("postgresql://") || text.starts_with("postgres://");
}

boost::system::result<conninfo, parse_error> parse_conninfo(std::string_view text) {
    if (const auto zero = text.find('\0'); zero != text.npos)
        return parse_error{"at position " + std::to_string(zero + 1) + ": a zero byte"};
    return is_connection_url(text) ? detail::parse_connection_url(text)
                                   : detail::parse_keyword_values(text);
}

namespace detail {

parse_error error_at(std::size_t offset, std::string_view what) {
    return {"at position " + std::to_string(offset + 1) + ": " + std::string{what}};
}

std::optional<parse_error> store(conninfo& out, std::string_view name, std::string value,
                                 bool maybe_password) {
    // Long gone from the documentation, and still read by libpq 15.
    if (name == "requiressl") {
        out.insert_or_assign("sslmode", value.starts_with('1') ? "require" : "prefer");
        return {};
    }
    if (!find_keyword(name)) {
        if (maybe_password || !looks_like_keyword(name))
            return parse_error{"an unknown keyword, not shown as it may be part of a password"};
        return parse_error{"unknown keyword " + quote(name) +
                           did_you_mean(name, known_keyword_names())};
    }
    out.insert_or_assign(std::string{name}, std::move(value));
    return {};
}

}  // namespace detail
}  // namespace pgballast::config
