// The statements of a text, by PostgreSQL's own grammar.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace pgballast::sql {

enum class command {
    select,  // VALUES and TABLE too, and one whose WITH writes; but INTO makes a table: other
    insert,
    update,
    remove,  // DELETE
    merge,
    begin,     // and START TRANSACTION
    commit,    // and END
    rollback,  // and ABORT
    rollback_to,
    savepoint,
    release,
    prepare_transaction,
    commit_prepared,
    rollback_prepared,
    set_transaction,  // SET TRANSACTION, but for its snapshot
    code,             // DO, CREATE FUNCTION, CREATE PROCEDURE
    other,            // EXPLAIN, COPY, CALL, SET, EXECUTE, DECLARE, …
};

struct parsed {
    command what = command::other;
    bool chain = false;  // COMMIT or ROLLBACK, AND CHAIN
    // Its place in the text, in bytes: from behind the semicolon before it, blanks and comments
    // included, up to its own.
    std::size_t begin = 0;
    std::size_t end = 0;

    bool operator==(const parsed&) const = default;
};

/// The statements of a query string by the grammar of PostgreSQL 15, none for an empty one.
/// Nothing if it cannot be parsed: by a syntax error, over 64 KiB, over 4000 words and signs,
/// nested some 250 deep, in no UTF-8 where that matters, or with a backslash anywhere, because
/// what that means in a string is a setting's to say (standard_conforming_strings).
///
/// Takes half a MiB of stack at worst, and 5 to 100 µs for what is usual, 10 ms for the longest:
/// not for every query.
std::optional<std::vector<parsed>> parse(std::string_view text);

}  // namespace pgballast::sql
