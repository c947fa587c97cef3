#include "definitions.hpp"

#include "pgballast/sql/words.hpp"
#include "raw_text.hpp"

namespace pgballast::sql {
namespace {

constexpr auto plain_verbs =
    words_of("abort", "analyse", "analyze", "begin", "checkpoint", "close", "cluster", "commit",
             "copy", "deallocate", "declare", "delete", "discard", "end", "execute", "explain",
             "fetch", "insert", "listen", "lock", "merge", "move", "notify", "prepare", "reindex",
             "release", "reset", "rollback", "savepoint", "select", "set", "show", "start", "table",
             "truncate", "unlisten", "update", "vacuum", "values", "with");

bool is_plain_at(raw_text& text, std::size_t place) {
    place = text.behind_gap(place);
    while (text.at(place) == '(')
        place = text.behind_gap(place + 1);
    if (text.has_long_gap())
        return false;
    const bool is_empty = place == text.text().size() || text.at(place) == ';';
    return is_empty || plain_verbs.contains(text.word_at(place));
}

}  // namespace

bool begins_plainly(std::string_view all) {
    raw_text text{all};
    std::size_t place = 0;
    for (;;) {
        if (!is_plain_at(text, place))
            return false;
        const auto semicolon = all.find(';', place);
        if (semicolon == std::string_view::npos)
            return true;
        place = semicolon + 1;
    }
}

}  // namespace pgballast::sql
