// What a failed connection attempt means: is it of use to try again?
#pragma once

#include <boost/system/error_code.hpp>
#include <string_view>

#include "pgballast/pool/failure.hpp"

namespace pgballast::pool {

/// From the ErrorResponse a server has answered the login with; `sqlstate` may be
/// empty. The server's own text is kept, its SQLSTATE too unless a better one is known.
///
/// `neon`: Neon's proxy sends every error of a login as XX000, those of the PostgreSQL
/// behind it included, so that only the text tells them apart.
failure classify(bool neon, std::string_view sqlstate, std::string_view message);

/// How far an attempt had come.
enum class step { resolve, connect, tls, login };

/// From what the system, the resolver or the TLS library says. A time limit that was
/// reached is passed as `errc::timed_out`, an end of file as any error of that
/// meaning. `words`, where given, say it better than the code's own message.
failure classify(bool neon, step at, const boost::system::error_code& why,
                 std::string_view words = {});

}  // namespace pgballast::pool
