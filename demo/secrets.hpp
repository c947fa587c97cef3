// What must not be readable in the database: passwords and session tokens.
#pragma once

#include <string>
#include <string_view>

namespace signup_demo {

/// Call once before anything else here. Throws `std::runtime_error`.
void start_crypto();

/// Argon2id with libsodium's interactive limits (64 MiB, two passes), as `$argon2id$…`: the
/// parameters and the salt are in it. Takes about a tenth of a second, on purpose.
/// Throws `std::bad_alloc` when the memory cannot be had.
std::string hash_password(std::string_view password);

/// 32 random octets, base64url without padding: 43 characters.
std::string make_session_token();

/// SHA-256 in hexadecimal. A token is random, so nothing slower is needed.
std::string digest_of(std::string_view token);

}  // namespace signup_demo
