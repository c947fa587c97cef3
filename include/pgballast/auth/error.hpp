// Why an authentication exchange failed.
#pragma once

#include <boost/system/error_code.hpp>

namespace pgballast::auth {

enum class errc {
    malformed_message = 1,  // not a message of this exchange
    message_too_long,       // longer than we are willing to keep
    out_of_order,           // a message that is not due now
    unknown_mechanism,      // a mechanism that was not offered
    unsupported_extension,  // a mandatory extension (m=), of which we know none
    unsupported_authzid,    // a client that wants to act as somebody else
    unsupported_binding,    // channel binding other than tls-server-end-point
    binding_downgrade,      // a client that believes we did not offer -PLUS
    binding_mismatch,       // the peers see different TLS connections
    nonce_mismatch,         // a nonce that is not, or does not extend, the one sent
    bad_salt,               // empty, too long, or not base64
    bad_iterations,         // none, or more than we are willing to compute
    bad_verifier,           // text that is no SCRAM-SHA-256 verifier
    wrong_password,         // the client's proof is wrong
    wrong_signature,        // the server does not know the password's verifier
    refused_by_server,      // the server's final message is an error (e=)
    md5_unavailable,        // libcrypto refuses MD5 (FIPS)
};

const boost::system::error_category& error_category() noexcept;

inline boost::system::error_code make_error_code(errc e) noexcept {
    return {static_cast<int>(e), error_category()};
}

}  // namespace pgballast::auth

template <>
struct boost::system::is_error_code_enum<pgballast::auth::errc> : std::true_type {};
