// The requests that a lost backend has not answered, taken apart: what of them would run.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pgballast/wire/frame.hpp"
#include "pgballast/wire/messages.hpp"

namespace pgballast::session {

using wire::bytes;

/// All that one ReadyForQuery answers: a Query, a FunctionCall, or the messages up to a Sync.
struct request {
    bytes all;                          // its messages
    bytes partial;                      // the last one, not whole: it has not been run
    bool ended = false;                 // else the client has not sent its last one
    bool simple = false;                // a Query or FunctionCall
    bool describes = false;             // … of the extended protocol what it runs, with Describe
    bool readable = true;               // `runs` is all that it runs
    std::vector<bytes> runs;            // the definition of each statement, see wire::parse_fields
    std::vector<std::string> prepares;  // names of statements
};

/// What a statement that was prepared before is made from; nothing if that is not known.
using definition_finder = std::function<std::optional<bytes>(bytes name)>;

/// `messages`: whole ones, but for the last.
std::vector<request> requests_in(bytes messages, const definition_finder& find);

/// Whether a client is in a transaction block behind a request that has failed: `before`, if it
/// has nothing to say to that. Nothing if that cannot be known.
std::optional<bool> in_block_behind(const request& of, bool before);

/// It may have made what a rollback leaves there: a lock of the session, a statement of PREPARE.
bool may_outlive_rollback(const request& of);

/// What a client in a block has sent may have had an effect that a lost backend does not roll back:
/// a commit, or a statement behind the end of the block. What cannot be read may.
bool may_have_effect(std::span<const request> requests, wire::txn before);

/// It opens a block, and does nothing else.
bool only_begins(const request& of);

}  // namespace pgballast::session
