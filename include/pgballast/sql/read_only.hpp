// What a SELECT would have to be asked about, before it can be said to only read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgballast::sql {

/// What a SELECT refers to by name, each once. Nothing in it writes or locks by itself; what its
/// names stand for is the catalog's to tell: see session/proof.hpp.
struct mentions {
    std::vector<std::string> relations;  // quoted, as to_regclass() reads them
    std::vector<std::string> types;      // quoted, as to_regtype() reads them
    std::vector<std::string> functions;  // of a vetted list, unless somebody has more of that name
    std::vector<std::string> operators;
    std::vector<std::string> columns;  // the `f` of each `t.f`, which may call f(t)

    // Those of the functions and operators that are given literals and parameters only. Which
    // types these are is PostgreSQL's guess, and may become an extension's.
    std::vector<std::string> guessed_functions;
    std::vector<std::string> guessed_operators;

    bool operator==(const mentions&) const = default;
};

/// The mentions of a text that is one SELECT (or VALUES, or TABLE). Nothing if it is
/// anything else, or has INTO, a locking clause, a WITH that writes, TABLESAMPLE, XML, SEARCH,
/// CYCLE, a function that is not known to only compute or read, a function or an operator
/// of a schema other than pg_catalog, or whatever else is not known to be harmless.
/// Its bounds are those of parse().
std::optional<mentions> mentions_of_select(std::string_view text);

}  // namespace pgballast::sql
