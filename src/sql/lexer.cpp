#include "lexer.hpp"

#include <algorithm>

#include "characters.hpp"
#include "pgballast/sql/words.hpp"

namespace pgballast::sql {

token lexer::next() {
    if (!skip_blanks_and_comments())
        return take(token::kind::odd, rest_.size());
    if (rest_.empty())
        return {};

    const char first = rest_.front();
    if (is_any_of(first, character::letter)) {
        const auto size = length_of(rest_, character::word);
        // E'…', B'…', X'…', N'…', U&'…' and U&"…": strings with rules of their own.
        const auto after = rest_.substr(size);
        const bool prefixed = size == 1 && (after.starts_with('\'') || after.starts_with("&'") ||
                                            after.starts_with("&\""));
        return take(prefixed ? token::kind::odd : token::kind::word,
                    prefixed ? rest_.size() : size);
    }
    if (is_any_of(first, character::digit)) {
        // Before PostgreSQL 15 `1into` was a number and a word.
        const auto size = length_of(rest_, character::digit);
        const bool glued = size != rest_.size() && is_any_of(rest_[size], character::word);
        return take(glued ? token::kind::odd : token::kind::number, glued ? rest_.size() : size);
    }
    switch (first) {
        case '\'':
            return string_literal();
        case '"':
            return quoted_word();
        case '$':
            return dollar();
        case '\\':
            return take(token::kind::odd, rest_.size());
        default:
            return take(token::kind::symbol, 1);
    }
}

bool lexer::skip_blanks_and_comments() {
    for (;;) {
        rest_.remove_prefix(length_of(rest_, character::blank));
        if (rest_.starts_with("--"))
            rest_.remove_prefix(std::min(rest_.find_first_of("\n\r"), rest_.size()));
        else if (rest_.starts_with("/*")) {
            if (!skip_block_comment())
                return false;
        } else
            return true;
    }
}

bool lexer::skip_block_comment() {  // they nest
    std::size_t depth = 0;
    for (std::size_t at = 0; at + 1 < rest_.size();) {
        const auto two = rest_.substr(at, 2);
        if (two == "/*") {
            ++depth;
            at += 2;
        } else if (two == "*/") {
            at += 2;
            if (--depth == 0) {
                rest_.remove_prefix(at);
                return true;
            }
        } else
            ++at;
    }
    return false;
}

token lexer::take(token::kind what, std::size_t size) {
    const token taken{what, rest_.substr(0, size)};
    rest_.remove_prefix(size);
    return taken;
}

token lexer::string_literal() {
    // A backslash means one thing or another by standard_conforming_strings: odd.
    for (std::size_t from = 1;;) {
        const auto stop = rest_.find_first_of("'\\", from);
        if (stop == std::string_view::npos || rest_[stop] == '\\')
            return take(token::kind::odd, rest_.size());
        if (!rest_.substr(stop + 1).starts_with('\''))
            return take(token::kind::string, stop + 1);
        from = stop + 2;  // a doubled quote
    }
}

token lexer::quoted_word() {
    const auto stop = rest_.find('"', 1);
    if (stop == std::string_view::npos || rest_.substr(stop + 1).starts_with('"'))
        return take(token::kind::odd, rest_.size());
    return take(token::kind::quoted_word, stop + 1);
}

token lexer::dollar() {
    const auto digits = length_of(rest_, character::digit, 1);
    const bool glued = digits + 1 < rest_.size() && is_any_of(rest_[digits + 1], character::word);
    if (digits != 0 && !glued)
        return take(token::kind::parameter, digits + 1);
    return take(token::kind::odd, rest_.size());  // $tag$ … $tag$
}

std::string folded(std::string_view word) {
    std::string lower_case{word};
    std::ranges::transform(lower_case, lower_case.begin(), lower);
    return lower_case;
}

}  // namespace pgballast::sql
