// The circuit breaker: after enough waiting in vain nobody else is made to wait.
// It counts operations that gave up, not connection attempts: one client that
// waits through twenty attempts of a long wake is no reason to turn others away.
#pragma once

#include <cassert>

#include "pgballast/config/settings.hpp"
#include "pgballast/pool/clock.hpp"

namespace pgballast::pool {

class breaker {
 public:
    enum class state {
        closed,     // all is well
        open,       // newcomers are refused, nothing is attempted
        half_open,  // one may try
    };

    explicit breaker(const config::breaker_settings& settings) : settings_(settings) {}

    /// A waiter was refused after waiting in vain. Only those count who found the
    /// breaker closed: afterwards they merely run out.
    void gave_up(time_point now) {
        if (settings_.failures == 0 || tripped_)
            return;
        if (++in_vain_ >= settings_.failures)
            trip(now);
    }

    /// Somebody got a backend.
    void succeeded() noexcept {
        in_vain_ = 0;
        tripped_ = false;
    }

    /// The attempt made while half open failed.
    void probe_failed(time_point now) {
        assert(at(now) == state::half_open);
        trip(now);
    }

    state at(time_point now) const noexcept {
        if (!tripped_)
            return state::closed;
        return now < half_open_at_ ? state::open : state::half_open;
    }

    /// Nothing may be attempted before. The past, unless open.
    time_point attempts_from() const noexcept {
        return tripped_ ? half_open_at_ : time_point::min();
    }

 private:
    void trip(time_point now) {
        tripped_ = true;
        half_open_at_ = after(now, settings_.open_for);
    }

    config::breaker_settings settings_;
    unsigned in_vain_ = 0;  // in a row; below settings_.failures while not tripped
    bool tripped_ = false;
    time_point half_open_at_;  // when tripped
};

}  // namespace pgballast::pool
