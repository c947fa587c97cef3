// What can go wrong inside TLS.
#pragma once

#include <boost/system/error_code.hpp>

namespace pgballast::net {

enum class tls_errc {
    certificate_rejected = 1,  // not signed by a trusted root, expired, or another's name
    no_name_to_check,          // verify-full, but the host has no name
    no_alpn,                   // direct TLS, and the peer does not speak of "postgresql"
    unusable,                  // out of memory, or a context that cannot be used
};

const boost::system::error_category& tls_category() noexcept;

inline boost::system::error_code make_error_code(tls_errc e) noexcept {
    return {static_cast<int>(e), tls_category()};
}

/// OpenSSL's own error codes (`ERR_get_error`), with its words for them.
const boost::system::error_category& openssl_category() noexcept;

/// The oldest error of this thread's OpenSSL queue, `tls_errc::unusable` if there is
/// none. The queue is emptied.
boost::system::error_code take_openssl_error() noexcept;

}  // namespace pgballast::net

template <>
struct boost::system::is_error_code_enum<pgballast::net::tls_errc> : std::true_type {};
