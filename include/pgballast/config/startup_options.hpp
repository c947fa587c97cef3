// The `options` a client or a connection string sends at start-up.
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgballast/config/error.hpp"

namespace pgballast::config {

/// Splits `-c name=value --other-name=value` into settings, in order, as PostgreSQL
/// does: blanks part words, a backslash keeps the next character, '-' in a name is '_'.
///
/// Errors: any other switch or word, and a setting without a value. The old one-letter
/// switches of `postgres` (`-e`, `-S 1024`) all have names and are not accepted.
/// https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNECT-OPTIONS
boost::system::result<std::vector<std::pair<std::string, std::string>>, parse_error>
parse_startup_options(std::string_view options);

}  // namespace pgballast::config
