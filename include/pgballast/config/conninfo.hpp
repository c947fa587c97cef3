// The syntax of connection strings: PostgreSQL URLs and keyword/value strings, as
// libpq 15 reads them (PQconninfoParse). What the values mean is dsn.hpp's business.
// https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING
#pragma once

#include <boost/system/result.hpp>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "pgballast/config/error.hpp"

namespace pgballast::config {

/// Values by keyword; the last one given counts, as in libpq.
using conninfo = std::map<std::string, std::string, std::less<>>;

/// Whether a text begins as a URL does: `postgresql://` or `postgres://`.
bool is_connection_url(std::string_view text);

/// Splits a connection string into keywords and decoded values.
///
/// Errors name the position (from 1) and what is accepted there. They quote no part
/// of the text but keywords, and not even those where they may be part of a password.
boost::system::result<conninfo, parse_error> parse_conninfo(std::string_view text);

}  // namespace pgballast::config
