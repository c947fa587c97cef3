// A look at a session in its client's think time: what it would take to carry it over.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pgballast/session/restore.hpp"
#include "pgballast/session/sql_statements.hpp"

namespace pgballast::session {

struct look {
    /// Settings as they are, to be set on another backend in this order.
    startup_settings values;

    /// What cannot be carried over, in words: "temporary tables"; empty if there is none.
    std::string pin;

    /// Those of SQL's PREPARE, one more than `sql_statements::max` at most.
    sql_statements::digests statements;
};

/// The query: one row. `names` are settings, in lower case. Their values come as the octets
/// that the server has, whatever the client's encoding is.
std::string look_query(const std::vector<std::string>& names);

/// The body of the DataRow that answers it; nothing where it does not. `login_user` is who
/// a backend fresh from its login is.
std::optional<look> decode_look(wire::bytes row, const std::vector<std::string>& names,
                                wire::bytes login_user);

}  // namespace pgballast::session
