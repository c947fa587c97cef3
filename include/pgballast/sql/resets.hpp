// Which settings a text returns to where they were at login.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pgballast::sql {

struct resets {
    static constexpr std::size_t names_max = 64;  // more are taken for all

    bool all = false;                // RESET ALL: all but who one is
    std::vector<std::string> names;  // lower case

    bool empty() const noexcept { return !all && names.empty(); }
    bool contains(std::string_view name) const noexcept;

    void add(resets other);
};

/// RESET, SET … TO DEFAULT and DISCARD ALL, as they are written; those of the transaction
/// only (LOCAL) are none. A text that is not understood, but has such words, may do all of them.
resets resets_in(std::string_view text);

}  // namespace pgballast::sql
