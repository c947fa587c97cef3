// The way between the clients and us: as long as we say, and cut when we say.
#pragma once

#include <chrono>

#include "event.hpp"
#include "settings.hpp"

namespace neonsim {

class network {
 public:
    network(asio::any_io_executor executor, const settings& current)
        : settings_{current}, thawed_{std::move(executor)} {}

    bool frozen() const noexcept { return frozen_; }
    void freeze() { frozen_ = true; }
    void thaw() {
        frozen_ = false;
        thawed_.notify_all();
    }

    /// False lets the hot path of a relay do without a coroutine.
    bool impeded() const noexcept { return frozen_ || settings_.rtt.count() > 0; }

    /// Takes half a round trip, and however long nothing flows.
    task<void> cross_once() { co_await cross(settings_.rtt / 2.0); }

    /// There and back: for an answer at log-in, whose question was not held up.
    task<void> cross_twice() { co_await cross(settings_.rtt); }

 private:
    task<void> cross(std::chrono::duration<double, std::milli> takes) {
        co_await sleep_for(std::chrono::duration_cast<std::chrono::nanoseconds>(takes));
        while (frozen_)
            co_await thawed_.wait();
    }

    const settings& settings_;
    event thawed_;
    bool frozen_ = false;
};

}  // namespace neonsim
