// What `GET /stats` counts.
#pragma once

#include <cstdint>

namespace neonsim {

struct counters {
    std::uint64_t wakes = 0;  // of a suspended compute: what Neon would bill
    std::uint64_t suspends = 0;
    std::uint64_t restarts = 0;
    std::uint64_t crashes = 0;  // PostgreSQL ended without being told to
    std::uint64_t logins = 0;   // startup packets over TLS
    std::uint64_t logins_ok = 0;
    std::uint64_t refusals = 0;  // errors at log-in
    std::uint64_t cancels = 0;   // cancel requests, known or not
};

}  // namespace neonsim
