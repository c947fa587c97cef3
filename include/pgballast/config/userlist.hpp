// PgBouncer's file of users: `"name" "secret"`, one a line.
// https://www.pgbouncer.org/config.html#authentication-file-format
#pragma once

#include <boost/system/result.hpp>
#include <string_view>
#include <vector>

#include "pgballast/config/error.hpp"
#include "pgballast/config/settings.hpp"

namespace pgballast::config {

/// A secret is a SCRAM-SHA-256 verifier, "md5" and 32 hexadecimal digits, or a password.
/// A double quote inside is written twice. Lines that begin with `;` or `#` and empty ones
/// are passed over, and so is what stands behind the secret. Of two lines for one name the
/// later counts. A user without a secret cannot log in, and is left out.
///
/// Errors: the first line that is none of these, by its number.
boost::system::result<std::vector<user>, parse_error> parse_userlist(std::string_view text);

}  // namespace pgballast::config
