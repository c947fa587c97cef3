#include "pgballast/sql/prepare.hpp"

#include "lexer.hpp"

namespace pgballast::sql {
namespace {

std::optional<std::string> name_in(const token& name) {
    if (name.what == token::kind::word)
        return folded(name.text);
    if (name.what != token::kind::quoted_word)
        return std::nullopt;
    return std::string{name.text.substr(1, name.text.size() - 2)};
}

/// Nothing follows `next` but semicolons.
bool is_last(lexer& tokens, token next) {
    while (next.is(';'))
        next = tokens.next();
    return next.what == token::kind::end;
}

}  // namespace

std::optional<std::string> prepared(std::string_view text) {
    lexer tokens{text};
    if (!tokens.next().is_word("prepare"))
        return std::nullopt;
    const auto name = tokens.next();
    auto next = tokens.next();
    if (!next.is('(') && !next.is_word("as"))  // PREPARE TRANSACTION has a string here
        return std::nullopt;
    while (next.what != token::kind::end && next.what != token::kind::odd && !next.is(';'))
        next = tokens.next();
    return is_last(tokens, next) ? name_in(name) : std::nullopt;
}

bool may_deallocate(std::string_view text) {
    const auto first = lexer{text}.next();
    return first.is_word("deallocate") || first.is_word("discard");
}

std::optional<std::string> deallocated(std::string_view text) {
    lexer tokens{text};
    if (!tokens.next().is_word("deallocate"))
        return std::nullopt;
    auto name = tokens.next();
    auto behind = tokens.next();
    if (name.is_word("prepare") && behind.what != token::kind::end && !behind.is(';')) {
        name = behind;
        behind = tokens.next();
    }
    return is_last(tokens, behind) && !name.is_word("all") ? name_in(name) : std::nullopt;
}

}  // namespace pgballast::sql
