#include "pgballast/sql/text_facts.hpp"

#include "definitions.hpp"
#include "escapes.hpp"
#include "judgement.hpp"
#include "pgballast/sql/words.hpp"
#include "raw_scan.hpp"

namespace pgballast::sql {
namespace {

/// Escape strings in escape strings: to be read as often as they are nested.
constexpr int nesting_max = 6;

void scan(raw_scan& found, std::string_view text) {
    found.read(text);
    std::string inner{text.find('\\') == std::string_view::npos ? std::string_view{} : text};
    for (int depth = 0; inner.find('\\') != std::string::npos; ++depth) {
        if (depth == nesting_max) {
            found.expect_anything();
            break;
        }
        inner = without_escapes(inner);
        found.read(inner);
    }
    found.end();
}

}  // namespace

text_facts facts_of(std::string_view text) {
    const auto judged = judge(text);
    text_facts facts;
    facts.left = judged.left;
    facts.moves_sequence = judged.moves_sequence;
    if (judged.left != trace::unknown)
        return facts;

    raw_scan found{facts, false};
    scan(found, text);
    facts.may_define |= found.selects_into() || !begins_plainly(text);
    return facts;
}

text_facts facts_of_function(std::string_view source, std::string_view language) {
    static constexpr auto quiet = words_of("c", "internal", "plpgsql", "sql");
    text_facts facts;
    facts.left = trace::unknown;
    raw_scan found{facts, !quiet.contains(language)};
    scan(found, source);
    facts.may_define |= found.defines();
    return facts;
}

}  // namespace pgballast::sql
