// Tokens of an SQL text, for those who must not misread it: what is not plainly
// understood (a backslash in a string, an unfinished quote) ends as `odd`.
// PostgreSQL documentation, 4.1 "Lexical Structure".
#pragma once

#include <string>
#include <string_view>

#include "pgballast/sql/words.hpp"

namespace pgballast::sql {

struct token {
    enum class kind { end, word, quoted_word, string, number, parameter, symbol, odd };

    kind what = kind::end;
    std::string_view text;  // as written; a symbol is one character

    bool is(char symbol) const noexcept {
        return what == kind::symbol && text.size() == 1 && text.front() == symbol;
    }

    bool is_word(std::string_view name) const noexcept {
        return what == kind::word && same_word(text, name);
    }
};

class lexer {
 public:
    explicit lexer(std::string_view text) noexcept : rest_{text} {}

    /// The next token; `end` for ever after the last.
    token next();

 private:
    bool skip_blanks_and_comments();  // false: a comment without its end
    bool skip_block_comment();
    token take(token::kind what, std::size_t size);
    token string_literal();
    token quoted_word();
    token dollar();

    std::string_view rest_;
};

/// `word` in lower case, as PostgreSQL folds what is not quoted (ASCII only).
std::string folded(std::string_view word);

}  // namespace pgballast::sql
