// SHA-256, by libcrypto.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

#include "pgballast/wire/frame.hpp"

namespace pgballast::session {

/// Throws std::runtime_error where libcrypto has none.
inline std::array<unsigned char, 32> sha256(wire::bytes text) {
    std::array<unsigned char, 32> octets;
    if (EVP_Digest(text.data(), text.size(), octets.data(), nullptr, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error{"libcrypto: no SHA-256"};
    return octets;
}

}  // namespace pgballast::session
