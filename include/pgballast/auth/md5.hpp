// PostgreSQL's md5 authentication. PostgreSQL protocol 3.0, "Start-up".
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>

#include "pgballast/auth/error.hpp"

namespace pgballast::auth {

/// The answer to AuthenticationMD5Password, for one PasswordMessage:
/// "md5" + md5(md5(password + user) + salt), in lower-case hexadecimal.
///
/// `salt`: the 4 bytes of the request.
///
/// Errors: `errc::md5_unavailable` where libcrypto refuses MD5.
boost::system::result<std::string> md5_response(std::string_view user, std::string_view password,
                                                std::string_view salt);

/// The same from what a server keeps: "md5" + md5(password + user).
boost::system::result<std::string> md5_response(std::string_view stored, std::string_view salt);

}  // namespace pgballast::auth
