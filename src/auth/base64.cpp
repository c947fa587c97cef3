#include "pgballast/auth/base64.hpp"

#include <openssl/evp.h>

#include <cassert>

namespace pgballast::auth {
namespace {

constexpr std::size_t text_size_max = 1 << 20;  // far above any use, far below INT_MAX

const unsigned char* octets(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::size_t padding_of(std::string_view text) {
    if (text.ends_with("=="))
        return 2;
    return text.ends_with('=') ? 1 : 0;
}

}  // namespace

std::string base64_encode(std::string_view raw) {
    assert(raw.size() <= text_size_max / 4 * 3);
    std::string text((raw.size() + 2) / 3 * 4, '\0');
    // Writes a terminator too, where std::string keeps its own.
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), octets(raw),
                    static_cast<int>(raw.size()));
    return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0 || text.size() > text_size_max)
        return std::nullopt;
    std::string raw(text.size() / 4 * 3, '\0');
    const auto size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(raw.data()), octets(text),
                                      static_cast<int>(text.size()));
    if (size != static_cast<int>(raw.size()))
        return std::nullopt;
    raw.resize(raw.size() - padding_of(text));  // decoded as zero bits

    // libcrypto passes over white space, misplaced padding and stray bits.
    if (base64_encode(raw) != text)
        return std::nullopt;
    return raw;
}

}  // namespace pgballast::auth
