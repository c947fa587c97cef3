#include "pgballast/sql/frozen_time.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "lexer.hpp"

namespace pgballast::sql {
namespace {

constexpr std::array<std::string_view, 4> times{"now", "today", "tomorrow", "yesterday"};

bool is_letter(char c) noexcept {
    return c >= 'a' && c <= 'z';
}

/// `text` is in lower case. Only letters make another word: `'{now,2024-01-01}'` and
/// `'today10:00'` are times.
bool says(std::string_view text, std::string_view word) noexcept {
    for (auto at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
        const auto behind = at + word.size();
        const bool begins = at == 0 || !is_letter(text[at - 1]);
        const bool ends = behind == text.size() || !is_letter(text[behind]);
        if (begins && ends)
            return true;
    }
    return false;
}

bool says_a_time(std::string_view text) {
    const auto lower = folded(text);
    return std::ranges::any_of(times, [&](auto word) { return says(lower, word); });
}

/// `'to' 'day'`, with a line feed between, is `'today'`. Comments may stand there too.
bool may_join_strings(std::string_view text) noexcept {
    for (auto at = text.find('\''); at != text.npos; at = text.find('\'', at + 1)) {
        const auto next = text.find_first_not_of(" \t\n\r\f\v", at + 1);
        if (next != text.npos && next != at + 1 && text[next] == '\'')
            return true;
        if (next != text.npos && text.substr(next).starts_with("--"))
            return true;
    }
    return false;
}

/// Of what the lexer does not follow. Escapes spell the words in ways that no search finds:
/// a backslash, or any other character in U&'…' UESCAPE '…'.
bool may_say_a_time(std::string_view text) {
    return text.find('\\') != text.npos || text.find("&'") != text.npos || says_a_time(text) ||
           may_join_strings(text);
}

}  // namespace

bool freezes_time(std::string_view text) {
    lexer tokens{text};
    std::string literal;  // strings that follow each other are one, as far as lines part them
    for (;;) {
        const auto one = tokens.next();
        if (one.what == token::kind::string) {
            literal += one.text.substr(1, one.text.size() - 2);
            continue;
        }
        if (says_a_time(literal))
            return true;
        literal.clear();
        if (one.what == token::kind::odd)
            return may_say_a_time(one.text);
        if (one.what == token::kind::end)
            return false;
    }
}

}  // namespace pgballast::sql
