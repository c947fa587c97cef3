// The two syntaxes behind parse_conninfo, and what they share.
#pragma once

#include <optional>

#include "pgballast/config/conninfo.hpp"

namespace pgballast::config::detail {

boost::system::result<conninfo, parse_error> parse_connection_url(std::string_view text);
boost::system::result<conninfo, parse_error> parse_keyword_values(std::string_view text);

/// `offset` counts from 0, what the user reads from 1.
parse_error error_at(std::size_t offset, std::string_view what);

/// Keeps a value, unless its keyword is unknown. `maybe_password`: what stands in the
/// keyword's place may be the rest of a password that was not quoted or encoded.
std::optional<parse_error> store(conninfo& out, std::string_view name, std::string value,
                                 bool maybe_password = false);

}  // namespace pgballast::config::detail
