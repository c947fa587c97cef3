// Texts by PostgreSQL's grammar: statements lie behind each other, and what is proved of
// a text is proved of one statement that may be run twice.
#include "fuzz.hpp"
#include "pgballast/sql/grammar.hpp"
#include "pgballast/sql/read_only.hpp"
#include "pgballast/sql/rule_u.hpp"

using namespace pgballast;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::input(data, size);
    const auto statements = sql::parse(text);
    const auto mentions = sql::mentions_of_select(text);
    const bool under_rule_u = sql::rule_u_allows(text);
    if (!statements) {
        require(!mentions && !under_rule_u);
        return 0;
    }

    std::size_t behind = 0;
    for (const auto& one : *statements) {
        require(behind <= one.begin && one.begin < one.end && one.end <= text.size());
        require(!one.chain || one.what == sql::command::commit ||
                one.what == sql::command::rollback);
        behind = one.end;
    }
    if (mentions)
        require(statements->size() == 1 && statements->front().what == sql::command::select);
    if (under_rule_u)
        require(statements->size() == 1 && statements->front().what <= sql::command::merge);
    return 0;
}
