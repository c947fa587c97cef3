// The four messages of a SCRAM exchange, taken apart. RFC 5802, 7. Private to
// this layer. Views point into the message that was parsed.
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>

#include "pgballast/auth/scram.hpp"

namespace pgballast::auth {

inline constexpr std::string_view mechanism_plain = "SCRAM-SHA-256";
inline constexpr std::string_view mechanism_plus = "SCRAM-SHA-256-PLUS";
inline constexpr std::string_view binding_type = "tls-server-end-point";

// Bounds on what the peer may send. PostgreSQL's nonces and salts have 24 and 16
// bytes; the largest count takes libcrypto about half a second.
inline constexpr std::size_t message_size_max = 4096;
inline constexpr std::size_t nonce_size_max = 1024;
inline constexpr std::size_t salt_size_max = 1024;
inline constexpr int iterations_max = 1'000'000;

/// "n,,n=user,r=nonce". The user is not kept: PostgreSQL's clients send none and
/// its servers go by the startup packet.
struct client_first_message {
    char binding_flag;              // 'n': cannot bind; 'y': could, but was not offered; 'p': binds
    std::string_view binding_type;  // of 'p'
    std::string_view gs2_header;    // all before `bare`
    std::string_view bare;
    std::string_view nonce;
};

/// "r=nonce,s=salt,i=iterations".
struct server_first_message {
    std::string_view nonce;
    std::string salt;  // raw
    int iterations;
};

/// "c=binding,r=nonce,p=proof".
struct client_final_message {
    std::string binding;  // raw: the GS2 header and the channel-binding data
    std::string_view nonce;
    sha256_digest proof;
    std::string_view without_proof;
};

boost::system::result<client_first_message> parse_client_first(std::string_view text);
boost::system::result<server_first_message> parse_server_first(std::string_view text);
boost::system::result<client_final_message> parse_client_final(std::string_view text);

/// "v=signature". Errors: `errc::refused_by_server` for "e=reason".
boost::system::result<sha256_digest> parse_server_final(std::string_view text);

/// Reads a decimal number of `text` as a count of iterations from 1 to `max`.
boost::system::result<int> parse_iterations(std::string_view text, int max);

/// Reads base64 of exactly one digest; false if it is anything else.
bool parse_digest(std::string_view text, sha256_digest& digest);

/// RFC 5802, 3: what both sides sign.
std::string auth_message(std::string_view client_first_bare, std::string_view server_first,
                         std::string_view client_final_without_proof);

/// As PostgreSQL makes them: 18 random octets in base64.
std::string make_nonce();

}  // namespace pgballast::auth
