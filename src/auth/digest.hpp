// SHA-256 and the keys SCRAM makes with it. Private to this layer.
#pragma once

#include <openssl/crypto.h>

#include <string>
#include <string_view>

#include "pgballast/auth/random.hpp"
#include "pgballast/auth/scram.hpp"

namespace pgballast::auth {

/// A digest that must not stay in memory.
struct secret_digest {
    sha256_digest octets{};

    ~secret_digest() { OPENSSL_cleanse(octets.data(), octets.size()); }
};

inline std::string_view view(const sha256_digest& digest) noexcept {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

inline bool equal_in_constant_time(const sha256_digest& a, const sha256_digest& b) noexcept {
    return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

/// RFC 5802's H(), HMAC() and Hi().
///
/// They throw std::runtime_error where libcrypto fails: it has no memory, no
/// entropy or no SHA-256, and no login can be decided.
sha256_digest sha256(std::string_view text);
sha256_digest hmac_sha256(std::string_view key, std::string_view text);
sha256_digest pbkdf2_sha256(std::string_view password, std::string_view salt, int iterations);

/// What SCRAM derives from a password. RFC 5802, 3.
struct scram_keys {
    secret_digest client_key;
    sha256_digest stored_key;
    secret_digest server_key;
};

/// `password` is prepared already.
scram_keys derive_keys(std::string_view password, std::string_view salt, int iterations);

/// `a` XOR `b`.
sha256_digest combine(const sha256_digest& a, const sha256_digest& b) noexcept;

}  // namespace pgballast::auth
