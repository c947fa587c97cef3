#include "secrets.hpp"

#include <sodium.h>

#include <array>
#include <new>
#include <stdexcept>

namespace signup_demo {

void start_crypto() {
    if (sodium_init() < 0)
        throw std::runtime_error{"libsodium cannot be initialised"};
}

std::string hash_password(std::string_view password) {
    std::array<char, crypto_pwhash_STRBYTES> text;
    if (crypto_pwhash_str_alg(
            text.data(), password.data(), password.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
            crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) != 0)
        throw std::bad_alloc{};
    return text.data();
}

std::string make_session_token() {
    constexpr auto variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    std::array<unsigned char, 32> octets;
    randombytes_buf(octets.data(), octets.size());
    std::array<char, sodium_base64_ENCODED_LEN(octets.size(), variant)> text;
    return sodium_bin2base64(text.data(), text.size(), octets.data(), octets.size(), variant);
}

std::string digest_of(std::string_view token) {
    std::array<unsigned char, crypto_hash_sha256_BYTES> digest;
    crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(token.data()),
                       token.size());
    std::array<char, 2 * digest.size() + 1> text;
    return sodium_bin2hex(text.data(), text.size(), digest.data(), digest.size());
}

}  // namespace signup_demo
