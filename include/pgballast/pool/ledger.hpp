// The books of one pool: who waits, what is open, when to connect again, whom to
// tell what. Pure: no socket, no clock, no lock; whoever shares it brings a mutex.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pgballast/config/settings.hpp"
#include "pgballast/pool/breaker.hpp"
#include "pgballast/pool/clock.hpp"
#include "pgballast/pool/failure.hpp"
#include "pgballast/pool/line.hpp"
#include "pgballast/pool/pace.hpp"

namespace pgballast::pool {

enum class wish {
    backend,  // a client wants to run something
    login,    // a first login wants to know that the upstream would have it
};

/// Connections are opened because somebody waits, so that a sleeping compute is left
/// alone; up to `min` more right after one has been opened, while the compute is awake
/// anyway; and, with `keep_warm`, up to `min` at any time.
class ledger {
 public:
    using time_point = pool::time_point;

    /// A NOTICE is due after this long a wait, once.
    static constexpr std::chrono::seconds notice_after{5};

    ledger(const config::database& settings, std::uint32_t jitter_seed);

    /// Somebody found no idle backend. `worker` is where the answer is to be sent.
    /// While the breaker is open nobody is let in: the failure is returned instead.
    ///
    /// `wish::login` is for a pool without backends: an open one is the answer already.
    struct admission {
        ticket id;  // valid when `refused` is empty
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
    /// `wish::login` waiter is served by that and returned. Give the backend to the
    /// `oldest` waiter before `decide` is called, or another one is opened for it.
    std::vector<grant> opened(time_point now);

    /// A connection attempt ended badly.
    void failed(const failure& why, time_point now);

    /// An open backend is gone. `by_server`: it was not we who closed it.
    void closed(bool by_server, time_point now);

    /// What is to be done now. Call after every change above and at `wakeup`. `idle`
    /// backends are about to be given to waiters: none is opened in their place. When one
    /// of them turns out not to be there, call again with what is left.
    struct refusal {
        ticket id;
        unsigned worker;
        failure why;
        unsigned attempts = 0;  // that have failed in a row by now
    };
    struct notice {
        ticket id;
        unsigned worker;
        std::chrono::milliseconds waited;
        std::string text;
    };
    struct decisions {
        unsigned open = 0;             // connection attempts to start; already counted
        std::vector<refusal> refused;  // removed from the queue
        std::vector<notice> notices;
        std::optional<time_point> wakeup;  // call again then, if nothing happens earlier
    };
    decisions decide(time_point now, unsigned idle = 0);

    unsigned waiting() const noexcept;  // wish::backend only
    unsigned open_count() const noexcept { return open_; }
    unsigned connecting() const noexcept { return connecting_; }

    /// Another one may be opened, and the last attempts have not failed.
    bool has_room() const noexcept { return open_ + connecting_ < pool_.max && !pace_.failing(); }

    /// None starts before, whoever waits; the past where nothing holds one back.
    time_point next_attempt() const noexcept { return pace_.next(); }

    /// Why the last failed attempt failed, kept after later successes.
    const std::optional<failure>& last_failure() const noexcept { return last_failure_; }
    breaker::state breaker_state(time_point now) const noexcept { return breaker_.at(now); }

 private:
    /// What an attempt's failure means for those who waited for its outcome; carried
    /// out by `decide`, so that until then they may still leave or be served.
    struct verdict {
        ticket first, last;
        failure why;
        bool in_vain;  // counts for the breaker
    };

    bool nobody_waits() const noexcept { return backends_.empty() && logins_.empty(); }
    std::optional<waiter> first_waiter() const;
    unsigned room() const noexcept;
    unsigned wanted_by_waiters(unsigned idle) const noexcept;
    unsigned wanted_by_min() const noexcept;
    bool exhausted() const noexcept;
    failure why_expired() const;

    void pass_verdict(const failure& why, time_point now);
    void carry_out_verdicts(decisions& out, time_point now);
    void refuse_expired(line& from, decisions& out, time_point now);
    void notify(line& whom, decisions& out, time_point now) const;
    void start_attempts(decisions& out, unsigned idle, time_point now);
    void start(unsigned wanted, time_point from, decisions& out, time_point now);
    void refuse(line& from, const waiter& who, const failure& why, decisions& out);

    const config::pool_settings pool_;
    const config::retry_settings retry_;
    const config::breaker_settings breaker_settings_;
    pace pace_;
    breaker breaker_;  // tripped only while the upstream is unproven

    // Tickets rise over both lines, and times of arrival with them.
    line backends_;
    line logins_;
    ticket last_ticket_ = 0;
    time_point last_arrival_ = time_point::min();

    // open_ + connecting_ <= pool_.max
    unsigned open_ = 0;
    unsigned connecting_ = 0;

    std::optional<failure> last_failure_;
    std::vector<verdict> verdicts_;  // emptied by `decide`

    // Who was first in line when the breaker let one attempt through, until it ends.
    std::optional<ticket> prober_;

    // From when on the pool is filled up to `min` without anybody waiting; empty: not
    // at all.
    std::optional<time_point> refill_from_;
};

}  // namespace pgballast::pool
