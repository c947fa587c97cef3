// The judgement of SQL texts, which decides whether a lost session may go on.
#include <algorithm>
#include <string>

#include "../../src/sql/lexer.hpp"
#include "fuzz.hpp"
#include "pgballast/sql/text_facts.hpp"
#include "pgballast/sql/traceless.hpp"

using namespace pgballast;
using fuzz::require;
using sql::token;
using sql::trace;

namespace {

bool is_lower_case(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

std::string with_quotes_doubled(std::string_view text) {
    std::string out;
    for (const char c : text)
        out.append(c == '\'' ? 2 : 1, c);
    return out;
}

/// What a text sets, it sets in a body as well.
void require_names(const sql::text_facts& facts, const sql::text_facts& inside) {
    for (const auto& name : facts.names)
        require(inside.unknown_name || std::ranges::count(inside.names, name) == 1);
    require(inside.unknown_name || !facts.unknown_name);
    require(inside.reads_sequence || !facts.reads_sequence);
    require(inside.seeds_random || !facts.seeds_random);
}

void check_facts(std::string_view text) {
    const auto facts = sql::facts_of(text);
    require(facts.left == sql::trace_of(text));
    require(facts.names.size() <= sql::text_facts::names_max);
    for (const auto& name : facts.names) {
        require(!name.empty() && std::ranges::all_of(name, is_lower_case));
        require(std::ranges::count(facts.names, name) == 1);
    }
    if (facts.left != trace::unknown) {
        auto expected = sql::text_facts{};
        expected.left = facts.left;
        expected.moves_sequence = facts.moves_sequence;
        require(facts == expected);
        return;
    }
    const auto block = std::string{"begin "}.append(text) + "\n; end";
    const auto dollars = sql::facts_of("do $x$" + block + "$x$");
    require_names(facts, dollars);
    for (const auto& name : facts.names)
        require(std::ranges::count(dollars.names, name) == 1);
    require_names(facts, sql::facts_of_function(block, "plpgsql"));
    if (text.find('"') != text.npos)
        return;  // a quoted name has a length, with quotes doubled in it another
    require_names(facts, sql::facts_of("do '" + with_quotes_doubled(block) + "'"));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::input(data, size);

    // Tokens lie in the text, in order, and do not end before it does.
    sql::lexer tokens{text};
    const auto* at = text.data();
    bool odd = false;
    for (auto one = tokens.next(); one.what != token::kind::end; one = tokens.next()) {
        require(!odd && !one.text.empty() && one.text.data() >= at);
        at = one.text.data() + one.text.size();
        require(at <= text.data() + text.size());
        odd = one.what == token::kind::odd;
    }

    // More text never makes a text more harmless.
    const std::string whole{text};
    const auto verdict = sql::trace_of(text);
    require(!odd || verdict == trace::unknown);
    for (const auto* more : {";select 1", "\n;select 1", "\n;show all"})
        require(sql::trace_of(whole + more) >= verdict);
    require(sql::trace_of(whole + "\n;listen c") == trace::unknown);
    require(sql::trace_of("show all;" + whole) == verdict);
    require(sql::trace_of("listen c;" + whole) == trace::unknown);
    check_facts(text);
    return 0;
}
