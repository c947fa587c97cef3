#include "digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

namespace pgballast::auth {
namespace {

const unsigned char* octets(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

void require(bool done, const char* what) {
    if (!done)
        throw std::runtime_error{std::string{"libcrypto: no "} + what};
}

}  // namespace

sha256_digest sha256(std::string_view text) {
    sha256_digest digest;
    require(
        EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1,
        "SHA-256");
    return digest;
}

sha256_digest hmac_sha256(std::string_view key, std::string_view text) {
    sha256_digest digest;
    require(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), octets(text), text.size(),
                 digest.data(), nullptr) != nullptr,
            "HMAC-SHA-256");
    return digest;
}

sha256_digest pbkdf2_sha256(std::string_view password, std::string_view salt, int iterations) {
    sha256_digest digest;
    require(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), octets(salt),
                              static_cast<int>(salt.size()), iterations, EVP_sha256(),
                              static_cast<int>(digest.size()), digest.data()) == 1,
            "PBKDF2");
    return digest;
}

std::string random_octets(std::size_t size) {
    std::string result(size, '\0');
    require(
        RAND_bytes(reinterpret_cast<unsigned char*>(result.data()), static_cast<int>(size)) == 1,
        "random octets");
    return result;
}

scram_keys derive_keys(std::string_view password, std::string_view salt, int iterations) {
    const secret_digest salted{pbkdf2_sha256(password, salt, iterations)};
    const secret_digest client_key{hmac_sha256(view(salted.octets), "Client Key")};
    return {client_key,
            sha256(view(client_key.octets)),
            {hmac_sha256(view(salted.octets), "Server Key")}};
}

sha256_digest combine(const sha256_digest& a, const sha256_digest& b) noexcept {
    sha256_digest result;
    std::ranges::transform(a, b, result.begin(), std::bit_xor<unsigned char>{});
    return result;
}

}  // namespace pgballast::auth
