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

/// Reads the text PostgreSQL keeps in pg_authid.rolpassword.
///
/// Errors: `errc::bad_verifier`.
boost::system::result<scram_verifier> parse_scram_verifier(std::string_view text);
std::string to_string(const scram_verifier& verifier);

/// Derives a verifier, with a fresh random salt. The password is prepared with
/// SASLprep as PostgreSQL does (kept as it is where that fails).
scram_verifier make_scram_verifier(std::string_view password, int iterations = 4096);

/// The same with a given raw salt: tells whether a verifier is a password's.
scram_verifier make_scram_verifier(std::string_view password, std::string_view salt,
                                   int iterations);

/// A verifier no password matches, the same each time for the same user name and
/// secret, so that an unknown user is not told apart from a wrong password.
scram_verifier make_mock_verifier(std::string_view user, std::string_view secret);

/// The client's side of one exchange: first, final, verify, in this order.
class scram_client {
 public:
    /// `binding`: hash of the server's certificate (tls-server-end-point) for
    /// SCRAM-SHA-256-PLUS, else empty. `could_bind`: the connection is on TLS and
    /// we could have bound it, but the server did not offer -PLUS (GS2 flag 'y').
    /// `nonce` is for tests; empty draws a random one.
    explicit scram_client(std::string_view password, std::string_view binding = {},
                          bool could_bind = false, std::string_view nonce = {});
    scram_client(const scram_client&) = delete;
    scram_client& operator=(const scram_client&) = delete;
    ~scram_client();

    std::string_view mechanism() const noexcept;

    /// client-first-message.
    std::string first() const;

    /// client-final-message for the server-first-message. Takes a few milliseconds
    /// for PostgreSQL's 4096 iterations.
    ///
    /// Errors: what is malformed or above the bounds on a lying server: 1 KiB of
    /// nonce and of salt, a million iterations; `errc::nonce_mismatch`;
    /// `errc::out_of_order` at a second server-first-message.
    boost::system::result<std::string> final(std::string_view server_first);

    /// Checks the server's signature; without it nothing proves who answered.
    ///
    /// Errors: `errc::wrong_signature`, `errc::refused_by_server`,
    /// `errc::out_of_order` before `final`, or what is malformed.
    boost::system::error_code verify(std::string_view server_final);

    /// The server has proved that it knows the password's verifier. Before, an
    /// AuthenticationOk is worth nothing.
    bool verified() const noexcept { return step_ == step::verified; }

 private:
    enum class step { server_first, server_final, verified, failed };

    std::string bare() const;

    std::string password_;  // prepared
    std::string gs2_header_;
    std::string binding_;
    std::string nonce_;
    sha256_digest signature_{};       // which the server must show
    step step_ = step::server_first;  // what is due
};

/// The server's side of one exchange: first, final, in this order.
class scram_server {
 public:
    /// `binding` non-empty: SCRAM-SHA-256-PLUS is offered on this connection.
    /// `nonce` is for tests; empty draws a random one.
    explicit scram_server(scram_verifier verifier, std::string_view binding = {},
                          std::string_view nonce = {});
    scram_server(const scram_server&) = delete;
    scram_server& operator=(const scram_server&) = delete;
    ~scram_server();

    /// server-first-message for the client-first-message of `mechanism`. The user
    /// named in it is ignored, as by PostgreSQL, whose clients send none.
    ///
    /// Errors: `errc::unknown_mechanism`; `errc::binding_downgrade` for a client
    /// that thinks we cannot bind although -PLUS was offered;
    /// `errc::unsupported_binding`, `errc::unsupported_authzid`,
    /// `errc::unsupported_extension`, `errc::out_of_order`, or what is malformed.
    boost::system::result<std::string> first(std::string_view mechanism,
                                             std::string_view client_first);

    /// server-final-message, once the client has proved that it knows the password.
    ///
    /// Errors: `errc::wrong_password`, `errc::binding_mismatch`,
    /// `errc::nonce_mismatch`, `errc::out_of_order`, or what is malformed.
    boost::system::result<std::string> final(std::string_view client_final);

 private:
    enum class step { client_first, client_final, done };

    scram_verifier verifier_;
    std::string binding_;
    std::string nonce_;             // ours; behind the client's once that is known
    std::string expected_binding_;  // what c= must hold: GS2 header, binding
    std::string client_first_bare_;
    std::string server_first_;
    step step_ = step::client_first;  // what is due
};

}  // namespace pgballast::auth
