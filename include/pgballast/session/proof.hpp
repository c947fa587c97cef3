// Questions to the catalog of a new backend, after another one was lost in the middle of
// a statement: whether running that again would be right. Each is one SELECT of one row of one
// boolean. They mean the same under any settings of the client; that nothing but true is a proof,
// an error included, is the caller's to see to.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "pgballast/sql/read_only.hpp"

namespace pgballast::session {

/// Asks whether a SELECT of these mentions only reads: if every relation is an ordinary or
/// partitioned table or a materialised view, with all that inherits from it, without row security
/// and of columns whose types are built-in, enums, arrays or domains of these; if all its
/// functions, operators and types are the built-in ones; and if no cast, constraint, domain, index
/// or family of operators brings in a user's code behind its back.
///
/// It must run with the client's search_path in force: names are looked up by it. What the
/// session had that the new backend lacks, temporary tables above all, it cannot know.
///
/// Nothing where the answer is no without asking: a parameter's declared type that is not
/// built-in (0 is undeclared), or a name with a backslash.
std::optional<std::string> reads_only_query(const sql::mentions& select,
                                            std::span<const std::uint32_t> parameter_types);

/// Asks whether all that a statement may do in this database is undone by its rollback, whatever
/// triggers, rules and functions it runs: there are no foreign servers and no untrusted languages,
/// every function in C is the server's own or of an extension that is known to keep to
/// the transaction, and no function's source holds COPY or the name of a function whose effects
/// last. What views and defaults call is not looked at, nor are bodies of the standard's kind
/// (BEGIN ATOMIC): they would have to call such a function on purpose.
std::string rolls_back_whole_query();

}  // namespace pgballast::session
