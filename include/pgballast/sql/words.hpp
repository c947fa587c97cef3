// Words as PostgreSQL compares them: what is not quoted in any case, by ASCII.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <string_view>

namespace pgballast::sql {

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Below zero, zero or above: where `word`, in any case, stands to `name`, in lower case. The
/// shorter comes first, so that most comparisons end at once.
constexpr int compare_word(std::string_view word, std::string_view name) noexcept {
    if (word.size() != name.size())
        return word.size() < name.size() ? -1 : 1;
    for (std::size_t at = 0; at < word.size(); ++at)
        if (const int apart = lower(word[at]) - name[at]; apart != 0)
            return apart;
    return 0;
}

constexpr bool same_word(std::string_view word, std::string_view name) noexcept {
    return compare_word(word, name) == 0;
}

/// Two names as PostgreSQL tells those of settings apart.
constexpr bool same_name(std::string_view one, std::string_view other) noexcept {
    return std::ranges::equal(one, other, {}, lower, lower);
}

/// Whether `part` occurs somewhere, in any case.
constexpr bool contains_folded(std::string_view text, std::string_view part) noexcept {
    return std::search(text.begin(), text.end(), part.begin(), part.end(),
                       [](char a, char b) { return lower(a) == lower(b); }) != text.end() ||
           part.empty();
}

constexpr bool begins_with_word(std::string_view word, std::string_view name) noexcept {
    return same_word(word.substr(0, name.size()), name);
}

inline constexpr auto by_word = [](std::string_view a, std::string_view b) {
    return compare_word(a, b) < 0;
};

/// Where `word` stands in a table in the order of `by_word`; its end if nowhere.
template <typename Table, typename Word = std::identity>
constexpr auto find_word(const Table& table, std::string_view word, Word word_of = {}) noexcept {
    const auto at = std::ranges::partition_point(
        table, [&](std::string_view name) { return compare_word(word, name) > 0; }, word_of);
    return at != table.end() && same_word(word, std::invoke(word_of, *at)) ? at : table.end();
}

/// A constant set of words in lower case, written in any order.
template <std::size_t Count>
class word_set {
 public:
    consteval explicit word_set(std::array<std::string_view, Count> words) : sorted_{words} {
        std::ranges::sort(sorted_, by_word);
    }

    constexpr bool contains(std::string_view word) const noexcept {
        return find_word(sorted_, word) != sorted_.end();
    }

 private:
    std::array<std::string_view, Count> sorted_;
};

template <typename... Words>
consteval auto words_of(const Words&... words) {
    return word_set{std::array<std::string_view, sizeof...(Words)>{words...}};
}

}  // namespace pgballast::sql
