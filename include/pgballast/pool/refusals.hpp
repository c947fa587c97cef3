// What those are told who wait, have waited in vain, or are not let in to wait: 57P03
// (cannot_connect_now) with the real cause as DETAIL and what to do as HINT.
//
// Their connections stay open, so the texts avoid the phrases by which drivers
// recognise a dead connection.
#pragma once

#include <chrono>
#include <string>

#include "pgballast/pool/failure.hpp"

namespace pgballast::pool {

/// The text of the NOTICE to one who has `waited`. `exhausted`: not for the database to
/// wake, but for a backend that others use.
std::string notice_of_wait(std::chrono::milliseconds waited, bool exhausted);

/// No backend within `wait_timeout`: the last attempt failed for `cause`.
failure refuse_unavailable(std::chrono::milliseconds wait_timeout, const failure& cause);

/// No backend within `wait_timeout`: the upstream has not answered at all.
failure refuse_unanswered(std::chrono::milliseconds wait_timeout);

/// No backend within `wait_timeout`: all `open` are in use.
failure refuse_exhausted(std::chrono::milliseconds wait_timeout, unsigned open);

/// As many attempts as are allowed have failed, the last one for `cause`.
failure refuse_after_attempts(unsigned attempts, const failure& cause);

/// The breaker is open; without a `cause` nothing has ever answered.
failure refuse_by_breaker(std::chrono::milliseconds open_for, const failure* cause);

}  // namespace pgballast::pool
