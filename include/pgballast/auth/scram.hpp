// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS as PostgreSQL speaks them: both sides,
// messages in and out. RFC 5802, RFC 7677, RFC 5929 (tls-server-end-point).
#pragma once

#include <array>
#include <boost/system/result.hpp>
#include <string>
#include <string_view>

#include "pgballast/auth/error.hpp"

namespace pgballast::auth {

using sha256_digest = std::array<unsigned char, 32>;

/// What a server keeps of a password: "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>".
struct scram_verifier {
    int iterations = 4096;
    std::string salt;  // raw
    sha256_digest stored_key{};
    sha256_digest server_key{};
};

boost::system::result<scram_verifier> parse_scram_verifier(std::string_view text);
std::string to_string(const scram_verifier& verifier);

/// Derives a verifier, with a fresh random salt. The password is prepared with
/// SASLprep as PostgreSQL does (kept as it is where that fails).
scram_verifier make_scram_verifier(std::string_view password, int iterations = 4096);

/// A verifier no password matches, the same each time for the same user name and
/// secret, so that an unknown user is not told apart from a wrong password.
scram_verifier make_mock_verifier(std::string_view user, std::string_view secret);

/// The client's side of one exchange.
class scram_client {
 public:
    /// `binding`: hash of the server's certificate (tls-server-end-point) for
    /// SCRAM-SHA-256-PLUS, else empty. `could_bind`: the connection is on TLS and
    /// we could have bound it, but the server did not offer -PLUS (GS2 flag 'y').
    /// `nonce` is for tests; empty draws a random one.
    scram_client(std::string_view password, std::string_view binding = {}, bool could_bind = false,
                 std::string_view nonce = {});

    std::string_view mechanism() const noexcept;

    /// client-first-message.
    std::string first() const;

    /// client-final-message for the server-first-message. Limits everything a lying
    /// server could send: nonce length, salt, iterations (at most 10 million… bounded).
    boost::system::result<std::string> final(std::string_view server_first);

    /// Checks the server's signature; without it nothing proves who answered.
    boost::system::error_code verify(std::string_view server_final);

 private:
    // The implementer's.
};

/// The server's side of one exchange.
class scram_server {
 public:
    /// `binding` non-empty: SCRAM-SHA-256-PLUS is offered on this connection.
    explicit scram_server(scram_verifier verifier, std::string_view binding = {},
                          std::string_view nonce = {});

    /// server-first-message for the client-first-message of `mechanism`.
    boost::system::result<std::string> first(std::string_view mechanism,
                                             std::string_view client_first);

    /// server-final-message, once the client has proved that it knows the password.
    ///
    /// Errors: `errc::wrong_password`, or what is malformed.
    boost::system::result<std::string> final(std::string_view client_final);

 private:
    // The implementer's.
};

}  // namespace pgballast::auth
