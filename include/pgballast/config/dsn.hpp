// What a connection string means: from keywords and values to a `dsn`.
#pragma once

#include <boost/system/result.hpp>
#include <string_view>

#include "pgballast/config/conninfo.hpp"
#include "pgballast/config/settings.hpp"

namespace pgballast::config {

/// Reads a PostgreSQL URL or a keyword/value string with libpq 15's rules, and
/// `sslrootcert=system` and `sslnegotiation` with those of 16 and 17.
///
/// Unlike libpq's, an unnamed host is `/var/run/postgresql`; `user` and `dbname` stay
/// empty where not given; neither the environment nor any file is read.
///
/// Errors name the keyword, what was found and what is accepted; never a password.
boost::system::result<dsn, parse_error> parse_dsn(std::string_view text);

/// The second half of the above.
boost::system::result<dsn, parse_error> make_dsn(const conninfo& values);

}  // namespace pgballast::config
