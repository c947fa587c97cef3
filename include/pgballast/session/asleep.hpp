// Answers that need no server: to what drivers' pools send while nobody needs the database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pgballast/sql/ping.hpp"
#include "pgballast/wire/frame.hpp"

namespace pgballast::session {

struct asleep_answer {
    std::vector<sql::ping> to;
    std::size_t used = 0;                   // bytes of the client's input
    std::string reply;                      // with ReadyForQuery at its end
    std::optional<std::string> definition;  // of the unnamed statement that was parsed
};

/// The answer to a Query, or to a segment of the extended protocol up to its Sync, at the
/// front of `in`, as a server gives it outside of transactions to a session that is as it was
/// at login. Nothing where it asks for anything but pings, or has not come whole.
/// PostgreSQL protocol 3.0, "Message Flow".
std::optional<asleep_answer> answer_without_server(wire::bytes in);

}  // namespace pgballast::session
