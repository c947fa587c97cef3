#include "pgballast/sql/grammar.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "tree.hpp"

namespace pgballast::sql {
namespace {

namespace json = boost::json;

using named_command = std::pair<std::string_view, command>;

constexpr std::array of_nodes{
    named_command{"SelectStmt", command::select},
    named_command{"InsertStmt", command::insert},
    named_command{"UpdateStmt", command::update},
    named_command{"DeleteStmt", command::remove},
    named_command{"MergeStmt", command::merge},
    named_command{"DoStmt", command::code},
    named_command{"CreateFunctionStmt", command::code},
};

/// TransactionStmtKind in PostgreSQL's nodes/parsenodes.h.
constexpr std::array of_kinds{
    named_command{"TRANS_STMT_BEGIN", command::begin},
    named_command{"TRANS_STMT_START", command::begin},
    named_command{"TRANS_STMT_COMMIT", command::commit},
    named_command{"TRANS_STMT_ROLLBACK", command::rollback},
    named_command{"TRANS_STMT_ROLLBACK_TO", command::rollback_to},
    named_command{"TRANS_STMT_SAVEPOINT", command::savepoint},
    named_command{"TRANS_STMT_RELEASE", command::release},
    named_command{"TRANS_STMT_PREPARE", command::prepare_transaction},
    named_command{"TRANS_STMT_COMMIT_PREPARED", command::commit_prepared},
    named_command{"TRANS_STMT_ROLLBACK_PREPARED", command::rollback_prepared},
};

template <typename Table>
command find(const Table& table, std::string_view name) {
    const auto at = std::ranges::find(table, name, &named_command::first);
    return at == table.end() ? command::other : at->second;
}

command of_setting(const json::object& set) {
    const bool of_transaction =
        string_in(set, "kind") == "VAR_SET_MULTI" && string_in(set, "name") == "TRANSACTION";
    return of_transaction ? command::set_transaction : command::other;
}

// Of a UNION the first SELECT bears it, however deep that is.
bool makes_table(const json::object* select) {
    for (; select; select = select->contains("larg") ? select->at("larg").if_object() : nullptr)
        if (select->contains("intoClause"))
            return true;
    return false;
}

parsed statement(const json::object& raw, std::size_t text_size) {
    parsed out;
    const auto number = [&](const char* name) {
        const auto* value = raw.if_contains(name);
        return value && value->is_int64() ? static_cast<std::size_t>(value->get_int64()) : 0;
    };
    out.begin = number("stmt_location");
    const auto size = number("stmt_len");  // 0: the rest of the text
    out.end = size == 0 ? text_size : out.begin + size;

    const auto* value = raw.if_contains("stmt");
    const auto what = value ? node_in(*value) : std::nullopt;
    if (!what)
        return out;
    if (what->type == "TransactionStmt") {
        out.what = find(of_kinds, string_in(*what->members, "kind"));
        out.chain = what->members->contains("chain");
    } else if (what->type == "VariableSetStmt") {
        out.what = of_setting(*what->members);
    } else if (what->type != "SelectStmt" || !makes_table(what->members)) {
        out.what = find(of_nodes, what->type);
    }
    return out;
}

}  // namespace

std::optional<std::vector<parsed>> parse(std::string_view text) {
    const auto statements = statements_of(text);
    if (!statements)
        return std::nullopt;
    std::vector<parsed> out;
    for (const auto& raw : *statements)
        if (raw.is_object())
            out.push_back(statement(raw.get_object(), text.size()));
    return out;
}

}  // namespace pgballast::sql
