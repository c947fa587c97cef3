#include "pgballast/sql/deallocate.hpp"

#include "lexer.hpp"

namespace pgballast::sql {
namespace {

bool is_word(const token& one, std::string_view word) {
    return one.what == token::kind::word && folded(one.text) == word;
}

}  // namespace

bool may_deallocate(std::string_view text) {
    const auto first = lexer{text}.next();
    return is_word(first, "deallocate") || is_word(first, "discard");
}

std::optional<std::string> deallocated(std::string_view text) {
    lexer tokens{text};
    if (!is_word(tokens.next(), "deallocate"))
        return std::nullopt;
    auto name = tokens.next();
    auto behind = tokens.next();
    if (is_word(name, "prepare") && behind.what != token::kind::end && !behind.is(';')) {
        name = behind;
        behind = tokens.next();
    }
    while (behind.is(';'))
        behind = tokens.next();
    if (behind.what != token::kind::end || is_word(name, "all"))
        return std::nullopt;
    if (name.what == token::kind::word)
        return folded(name.text);
    if (name.what != token::kind::quoted_word)
        return std::nullopt;
    return std::string{name.text.substr(1, name.text.size() - 2)};
}

}  // namespace pgballast::sql
