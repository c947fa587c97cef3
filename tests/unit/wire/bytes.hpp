// Octets for tests.
#pragma once

#include <cstdint>
#include <string>

namespace pgballast::wire::test {

/// A word in network order.
inline std::string word(std::uint32_t value) {
    std::string octets;
    for (int shift = 24; shift >= 0; shift -= 8)
        octets.push_back(static_cast<char>(value >> shift));
    return octets;
}

/// A packet of the start-up phase: its length, which counts itself, and `body`.
inline std::string packet(const std::string& body) {
    return word(static_cast<std::uint32_t>(body.size() + 4)) + body;
}

inline std::string frame(char type, const std::string& body) {
    return type + packet(body);
}

}  // namespace pgballast::wire::test
