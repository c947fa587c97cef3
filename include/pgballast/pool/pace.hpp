// When the next connection attempt may start, from how the last ones ended.
#pragma once

#include <limits>
#include <random>

#include "pgballast/config/settings.hpp"
#include "pgballast/pool/backoff.hpp"
#include "pgballast/pool/clock.hpp"
#include "pgballast/pool/failure.hpp"

namespace pgballast::pool {

/// An upstream is proven by a successful attempt, until an attempt fails, the server
/// closes a backend or none is open any more. A proven one is asked for as many
/// connections as are wanted; any other gets one attempt at a time, so that a compute
/// that wakes is not met by a storm of logins.
class pace {
 public:
    pace(const config::retry_settings& retry, std::uint32_t seed) : retry_(retry), random_(seed) {}

    /// Attempts that may start in addition to those in flight.
    unsigned allowance(unsigned in_flight) const noexcept {
        if (proven_)
            return std::numeric_limits<unsigned>::max();
        return in_flight == 0 ? 1 : 0;
    }

    /// None may start before.
    time_point next() const noexcept { return next_; }

    /// The last attempt that ended, ended badly.
    bool failing() const noexcept { return failing_; }
    bool proven() const noexcept { return proven_; }

    /// Attempts of this series that have failed since the last success.
    unsigned failures() const noexcept { return failures_; }

    /// Others wait now than those for whom the failures were counted.
    void start_series() noexcept {
        failures_ = 0;
        backoffs_ = 0;
    }

    void doubt() noexcept { proven_ = false; }

    void succeeded() noexcept {
        start_series();
        proven_ = true;
        failing_ = false;
        siblings_ = 0;
        next_ = time_point::min();
    }

    /// `in_flight` without the one that has just failed.
    void failed(failure_kind kind, unsigned in_flight, time_point now) {
        proven_ = false;
        failing_ = true;
        if (siblings_ > 0) {
            --siblings_;
            if (kind != failure_kind::permanent)
                return;
        } else {
            siblings_ = in_flight;
            ++failures_;
        }
        next_ = now + pause(kind);
    }

 private:
    std::chrono::microseconds pause(failure_kind kind) {
        switch (kind) {
            case failure_kind::permanent:
                // Nobody is left waiting; the next one asks afresh.
                start_series();
                return std::chrono::microseconds::zero();
            case failure_kind::restarting:
                return std::max(retry_.plain_delay, backoff_min);
            case failure_kind::transient:
                break;
        }
        return backoff(retry_, backoffs_++, random_);
    }

    config::retry_settings retry_;
    std::minstd_rand random_;

    bool proven_ = false;
    bool failing_ = false;  // implies !proven_
    unsigned failures_ = 0;
    unsigned backoffs_ = 0;  // of them, those that were followed by a backoff

    // Attempts in flight when the first of them failed. They were started together
    // and most likely fail for the same reason, so together they count once.
    unsigned siblings_ = 0;
    time_point next_ = time_point::min();
};

}  // namespace pgballast::pool
