// What a client is told of requests whose backend was lost.
#pragma once

#include "pgballast/wire/messages.hpp"
#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::session {

// Some drivers take phrases like "terminating connection" for the end of their own
// connection, so the server's words go into the detail of an error of ours.
inline wire::error_message unknown_outcome(wire::bytes severity, wire::bytes detail) {
    return {severity, wire::sqlstate::outcome_unknown,
            "the backend was lost while the request was running: its outcome is unknown", detail,
            "Find out whether it took effect before you run it again."};
}

inline wire::error_message did_not_commit(wire::bytes detail) {
    return {"ERROR", wire::sqlstate::serialization_failure,
            "the statement was lost with its backend and did not commit", detail, "Run it again."};
}

}  // namespace pgballast::session
