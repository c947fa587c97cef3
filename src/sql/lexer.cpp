#include "lexer.hpp"

#include <algorithm>

namespace pgballast::sql {
namespace {

bool is_blank(char c) {
    return std::string_view{" \t\n\r\f\v"}.find(c) != std::string_view::npos;
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool begins_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) > 127;
}

bool continues_word(char c) {
    return begins_word(c) || is_digit(c) || c == '$';
}

std::size_t length_while(std::string_view text, bool (*holds)(char)) {
    return static_cast<std::size_t>(std::ranges::find_if_not(text, holds) - text.begin());
}

}  // namespace

token lexer::next() {
    if (!skip_blanks_and_comments())
        return take(token::kind::odd, rest_.size());
    if (rest_.empty())
        return {};

    const char first = rest_.front();
    if (begins_word(first)) {
        const auto size = length_while(rest_, continues_word);
        // E'…', B'…', X'…', N'…', U&'…' and U&"…": strings with rules of their own.
        const auto after = rest_.substr(size);
        const bool prefixed = size == 1 && (after.starts_with('\'') || after.starts_with("&'") ||
                                            after.starts_with("&\""));
        return take(prefixed ? token::kind::odd : token::kind::word,
                    prefixed ? rest_.size() : size);
    }
    if (is_digit(first)) {
        // Before PostgreSQL 15 `1into` was a number and a word.
        const auto size = length_while(rest_, is_digit);
        const bool glued = size != rest_.size() && continues_word(rest_[size]);
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
        rest_.remove_prefix(length_while(rest_, is_blank));
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
    const auto digits = length_while(rest_.substr(1), is_digit);
    const bool glued = digits + 1 < rest_.size() && continues_word(rest_[digits + 1]);
    if (digits != 0 && !glued)
        return take(token::kind::parameter, digits + 1);
    return take(token::kind::odd, rest_.size());  // $tag$ … $tag$
}

std::string folded(std::string_view word) {
    std::string lower{word};
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

}  // namespace pgballast::sql
