#include "pgballast/session/opening.hpp"

#include "pgballast/sql/grammar.hpp"
#include "pgballast/sql/words.hpp"
#include "pgballast/wire/prepared.hpp"

namespace pgballast::session {
namespace {

/// The settings transaction_isolation, transaction_read_only and transaction_deferrable can be
/// set by any means.
bool may_set_otherwise(bytes text) {
    return sql::contains_folded(text, "transaction_") || sql::contains_folded(text, "set_config");
}

/// Appends what a statement has to say of its block. False if that cannot be told.
bool append_opening(std::string& opening, const sql::parsed& one, bytes text) {
    const bool first = opening.empty();
    const bool ends = one.what == sql::command::commit || one.what == sql::command::rollback;
    if (!first && (one.what == sql::command::begin || (ends && !one.chain)))
        return false;  // another block, or none
    if (first ? one.what != sql::command::begin : one.what != sql::command::set_transaction)
        return !first && !may_set_otherwise(text);
    opening.append(first ? "" : ";").append(text);
    return true;
}

bool append_opening(std::string& opening, bytes text) {
    const auto statements = sql::parse(text);
    if (!statements)
        return !opening.empty() && !sql::contains_folded(text, "transaction");
    for (const auto& one : *statements)
        if (!append_opening(opening, one, text.substr(one.begin, one.end - one.begin)))
            return false;
    return true;
}

}  // namespace

std::string opening_of(const std::vector<request>& transaction) {
    std::string opening;
    for (const auto& one : transaction) {
        if (!one.readable)
            return {};
        for (const auto definition : one.runs)
            if (!append_opening(opening, wire::query_text(definition)))
                return {};
    }
    return opening;
}

}  // namespace pgballast::session
