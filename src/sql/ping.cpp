#include "pgballast/sql/ping.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "lexer.hpp"

namespace pgballast::sql {
namespace {

/// Tokens in lower case, a space between them.
constexpr std::pair<std::string_view, ping> statements[] = {
    {"", ping::empty},
    {"select 1", ping::one},
    {"rollback", ping::rollback},
    {"rollback work", ping::rollback},
    {"rollback transaction", ping::rollback},
    {"abort", ping::rollback},
    {"discard all", ping::discard_all},
    {"discard plans", ping::discard_plans},
    {"discard sequences", ping::discard_sequences},
    {"discard temp", ping::discard_temp},
    {"discard temporary", ping::discard_temp},
    {"reset all", ping::reset},
    {"reset session authorization", ping::reset},
    {"set session authorization default", ping::set_default_user},
    {"close all", ping::close_all},
    {"unlisten *", ping::unlisten_all},
    {"deallocate all", ping::deallocate_all},
    {"deallocate prepare all", ping::deallocate_all},
    {"select pg_advisory_unlock_all ( )", ping::unlock_all},
};

constexpr std::size_t statement_size_max = 64;

/// Behind a semicolon or the text's end; nothing where it is none of these.
std::optional<ping> next_ping(lexer& tokens, token& behind) {
    std::string statement;
    for (behind = tokens.next(); behind.what != token::kind::end && !behind.is(';');
         behind = tokens.next()) {
        if (statement.size() > statement_size_max)
            return std::nullopt;
        statement += (statement.empty() ? "" : " ") + folded(behind.text);
    }
    const auto* found =
        std::ranges::find(statements, statement, &std::pair<std::string_view, ping>::first);
    return found == std::end(statements) ? std::nullopt : std::optional{found->second};
}

/// ROLLBACK would end what the others have begun together; DISCARD ALL refuses.
bool stands_alone(ping one) {
    return one == ping::rollback || one == ping::discard_all;
}

}  // namespace

std::vector<ping> pings_in(std::string_view text) {
    std::vector<ping> found;
    lexer tokens{text};
    token behind;
    do {
        const auto one = next_ping(tokens, behind);
        if (!one)
            return {};
        if (*one != ping::empty)
            found.push_back(*one);
    } while (behind.what != token::kind::end);
    if (found.empty())
        found.push_back(ping::empty);
    if (found.size() > 1 && std::ranges::any_of(found, stands_alone))
        return {};
    return found;
}

}  // namespace pgballast::sql
