#include "pgballast/auth/saslprep.hpp"

#include <openssl/crypto.h>
#include <stringprep.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <span>
#include <vector>

// The steps are written out, although libidn has the whole profile, because
// PostgreSQL's order differs from the RFC's: it looks for prohibited characters
// before normalisation, not after, and does not look at pure ASCII at all. What is
// left of a difference: libidn normalises as Unicode 3.2 did, before corrigenda 4
// and 5 (five rare ideographs, some sequences of odd combining marks).

namespace pgballast::auth {
namespace {

/// Code points of a password, wiped when they go.
class code_points {
 public:
    code_points() = default;
    code_points(const code_points&) = delete;
    code_points& operator=(const code_points&) = delete;
    ~code_points() { OPENSSL_cleanse(values_.data(), values_.size() * sizeof(values_[0])); }

    /// Takes and wipes `size` values that libidn has allocated.
    void take(std::uint32_t* values, std::size_t size) {
        values_.assign(values, values + size);
        OPENSSL_cleanse(values, size * sizeof *values);
        std::free(values);
    }

    std::vector<std::uint32_t>& values() noexcept { return values_; }

 private:
    std::vector<std::uint32_t> values_;
};

bool in_table(std::uint32_t code, const Stringprep_table_element* entry) {
    for (; entry->start != 0 || entry->end != 0; ++entry) {
        const auto last = entry->end != 0 ? entry->end : entry->start;
        if (entry->start <= code && code <= last)
            return true;
    }
    return false;
}

/// RFC 4013, 2.1: other spaces become a space; what is invisible goes.
void map(std::vector<std::uint32_t>& password) {
    for (auto& code : password)
        if (in_table(code, stringprep_rfc3454_C_1_2))
            code = ' ';
    std::erase_if(password, [](auto code) { return in_table(code, stringprep_rfc3454_B_1); });
}

/// RFC 4013, 2.3 and 2.5.
bool prohibited(std::uint32_t code) {
    static constexpr const Stringprep_table_element* tables[] = {
        stringprep_rfc3454_C_1_2, stringprep_rfc3454_C_2_1, stringprep_rfc3454_C_2_2,
        stringprep_rfc3454_C_3,   stringprep_rfc3454_C_4,   stringprep_rfc3454_C_5,
        stringprep_rfc3454_C_6,   stringprep_rfc3454_C_7,   stringprep_rfc3454_C_8,
        stringprep_rfc3454_C_9,   stringprep_rfc3454_A_1,
    };
    return std::ranges::any_of(tables, [&](auto table) { return in_table(code, table); });
}

/// RFC 3454, 6: text that is written from right to left is so wholly.
bool mixes_directions(std::span<const std::uint32_t> password) {
    const auto right_to_left = [](auto code) { return in_table(code, stringprep_rfc3454_D_1); };
    const auto left_to_right = [](auto code) { return in_table(code, stringprep_rfc3454_D_2); };
    if (std::ranges::none_of(password, right_to_left))
        return false;
    return std::ranges::any_of(password, left_to_right) || !right_to_left(password.front()) ||
           !right_to_left(password.back());
}

std::optional<std::string> normalize(std::span<const std::uint32_t> password) {
    auto* const normal =
        stringprep_ucs4_nfkc_normalize(password.data(), static_cast<ssize_t>(password.size()));
    if (normal == nullptr)
        return std::nullopt;
    std::size_t size = 0;
    while (normal[size] != 0)
        ++size;
    code_points wiped;
    wiped.take(normal, size);

    std::size_t octets = 0;
    auto* const utf8 = stringprep_ucs4_to_utf8(
        wiped.values().data(), static_cast<ssize_t>(wiped.values().size()), nullptr, &octets);
    if (utf8 == nullptr)
        return std::nullopt;
    std::string result{utf8, octets};
    OPENSSL_cleanse(utf8, octets);
    std::free(utf8);
    return result;
}

std::optional<std::string> saslprep(std::string_view password) {
    std::size_t size = 0;
    auto* const codes =
        stringprep_utf8_to_ucs4(password.data(), static_cast<ssize_t>(password.size()), &size);
    if (codes == nullptr)
        return std::nullopt;
    code_points mapped;
    mapped.take(codes, size);
    map(mapped.values());

    if (mapped.values().empty() || std::ranges::any_of(mapped.values(), prohibited) ||
        mixes_directions(mapped.values()))
        return std::nullopt;
    return normalize(mapped.values());
}

}  // namespace

std::string prepare_password(std::string_view password) {
    const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    const bool has_zero = password.find('\0') != std::string_view::npos;  // would end it in libidn
    if (has_zero || std::ranges::all_of(password, ascii))
        return std::string{password};
    return saslprep(password).value_or(std::string{password});
}

}  // namespace pgballast::auth
