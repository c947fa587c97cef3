// What each byte of an SQL text may be part of.
// PostgreSQL documentation, 4.1 "Lexical Structure"; src/backend/parser/scan.l.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pgballast::sql {

namespace character {
inline constexpr std::uint8_t blank = 1;
inline constexpr std::uint8_t digit = 2;
inline constexpr std::uint8_t letter = 4;  // begins a word: a letter, `_`, all beyond ASCII
inline constexpr std::uint8_t dollar = 8;
inline constexpr std::uint8_t word = digit | letter | dollar;  // goes on with a word

inline constexpr auto table = [] {
    std::array<std::uint8_t, 256> kinds{};
    for (const char c : std::string_view{" \t\n\r\f\v"})
        kinds[static_cast<unsigned char>(c)] = blank;
    for (std::size_t c = 0; c < kinds.size(); ++c) {
        if (c >= '0' && c <= '9')
            kinds[c] = digit;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c > 127)
            kinds[c] = letter;
    }
    kinds['$'] = dollar;
    return kinds;
}();
}  // namespace character

constexpr bool is_any_of(char c, std::uint8_t kinds) noexcept {
    return (character::table[static_cast<unsigned char>(c)] & kinds) != 0;
}

/// How many bytes of `text`, from `from` on, are of these kinds.
constexpr std::size_t length_of(std::string_view text, std::uint8_t kinds,
                                std::size_t from = 0) noexcept {
    auto at = from;
    while (at < text.size() && is_any_of(text[at], kinds))
        ++at;
    return at - from;
}

}  // namespace pgballast::sql
