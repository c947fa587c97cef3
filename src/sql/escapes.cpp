#include "escapes.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>

namespace pgballast::sql {
namespace {

struct number {
    std::uint32_t value = 0;
    std::size_t digits = 0;
};

/// The number that `text` begins with, of at most so many digits.
number number_at(std::string_view text, int base, std::size_t digits_max) {
    number read;
    const auto digits = text.substr(0, digits_max);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), read.value, base);
    read.digits = error == std::errc{} ? static_cast<std::size_t>(end - digits.data()) : 0;
    return read;
}

char character_of(std::uint32_t code) {
    return static_cast<char>(std::min(code, std::uint32_t{255}));
}

/// Appends what the escape means whose backslash stood before `rest`, and takes it off.
void take_escape(std::string_view& rest, std::string& out) {
    const char kind = rest.front();
    number code;
    std::size_t prefix = 1;
    switch (kind) {
        case 'x':
            code = number_at(rest.substr(1), 16, 2);
            break;
        case 'u':
            code = number_at(rest.substr(1), 16, 4);
            break;
        case 'U':
            code = number_at(rest.substr(1), 16, 8);
            break;
        default:
            code = number_at(rest, 8, 3);
            code.value &= 0xff;
            prefix = 0;
    }
    if (code.digits != 0) {
        out += character_of(code.value);
        rest.remove_prefix(prefix + code.digits);
        return;
    }
    static constexpr std::string_view letters = "bfnrt";
    static constexpr std::string_view meant = "\b\f\n\r\t";
    const auto place = letters.find(kind);
    out += place == std::string_view::npos ? kind : meant[place];
    rest.remove_prefix(1);
}

}  // namespace

std::string without_escapes(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (;;) {
        const auto stop = std::min(text.find('\\'), text.size());
        out += text.substr(0, stop);
        text.remove_prefix(stop);
        if (text.size() < 2)  // a backslash at the very end escapes nothing
            return out;
        text.remove_prefix(1);
        take_escape(text, out);
    }
}

}  // namespace pgballast::sql
