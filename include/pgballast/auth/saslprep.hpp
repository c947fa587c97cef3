// How PostgreSQL prepares a password before SCRAM hashes it. RFC 4013.
#pragma once

#include <string>
#include <string_view>

namespace pgballast::auth {

/// The password's SASLprep form where it has one, else the password as it is:
/// not UTF-8, or with characters SASLprep prohibits. PostgreSQL and libpq do the
/// same, so a password in any encoding works as long as both sides send its bytes.
std::string prepare_password(std::string_view password);

}  // namespace pgballast::auth
