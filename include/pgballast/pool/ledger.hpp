// The books of one pool: who waits, what is open, when to connect again, whom to
// tell what. Pure: no socket, no clock, no lock; whoever shares it brings a mutex.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "pgballast/config/settings.hpp"
#include "pgballast/pool/backoff.hpp"
#include "pgballast/pool/breaker.hpp"
#include "pgballast/pool/failure.hpp"

namespace pgballast::pool {

/// Who waits, in order of arrival.
using ticket = std::uint64_t;

enum class wish {
    backend,  // a client wants to run something
    login,    // a first login wants to know that the upstream would have it
};

class ledger {
 public:
    using time_point = std::chrono::steady_clock::time_point;

    /// A NOTICE is due after this long a wait, once.
    static constexpr std::chrono::seconds notice_after{5};

    ledger(const config::database& settings, std::uint32_t jitter_seed);

    /// Somebody found no idle backend. `worker` is where the answer is to be sent.
    /// While the breaker is open nobody is let in: the failure is returned instead.
    struct admission {
        ticket id;                       // valid when `refused` is empty
        std::optional<failure> refused;
    };
    admission wait(unsigned worker, wish what, time_point now);

    /// The waiter went away. Unknown tickets are ignored: it may just have been served.
    void leave(ticket id);

    /// A backend is free: who has waited longest for one? The waiter is removed.
    /// Waiters with `wish::login` are passed over: `opened` has answered them.
    struct grant {
        ticket id;
        unsigned worker;
        std::chrono::milliseconds waited;
    };
    std::optional<grant> oldest(time_point now);

    /// A connection attempt ended well: the backend is open and counted. Every
    /// `wish::login` waiter is served by that and returned.
    std::vector<grant> opened(time_point now);

    /// A connection attempt ended badly.
    void failed(const failure& why, time_point now);

    /// An open backend is gone. `by_server`: it was not we who closed it.
    void closed(bool by_server, time_point now);

    /// What is to be done now. Call after every change above and at `wakeup`.
    struct refusal {
        ticket id;
        unsigned worker;
        failure why;
    };
    struct notice {
        ticket id;
        unsigned worker;
        std::chrono::milliseconds waited;
    };
    struct decisions {
        unsigned open = 0;              // connection attempts to start; already counted
        std::vector<refusal> refused;   // removed from the queue
        std::vector<notice> notices;
        std::optional<time_point> wakeup;  // call again then, if nothing happens earlier
    };
    decisions decide(time_point now);

    unsigned waiting() const noexcept;      // wish::backend only
    unsigned open_count() const noexcept { return open_; }
    unsigned connecting() const noexcept { return connecting_; }
    const std::optional<failure>& last_failure() const noexcept { return last_failure_; }
    breaker::state breaker_state(time_point now) const noexcept;

 private:
    // The implementer's.
};

}  // namespace pgballast::pool
