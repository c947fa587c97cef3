// Virtual time: what is due next happens next.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "pgballast/pool/clock.hpp"

namespace pgballast::sim {

class timeline {
 public:
    using event = std::function<void()>;

    pool::time_point now() const { return now_; }

    /// Things due at the same time happen in the order they were planned.
    void at(pool::time_point when, event what) {
        due_.emplace(std::pair{std::max(when, now_), next_++}, std::move(what));
    }
    void in(unsigned milliseconds, event what) {
        at(now_ + std::chrono::milliseconds{milliseconds}, std::move(what));
    }

    /// False when nothing is due any more.
    bool step() {
        if (due_.empty())
            return false;
        auto first = due_.extract(due_.begin());
        now_ = first.key().first;
        first.mapped()();
        return true;
    }

 private:
    pool::time_point now_{std::chrono::hours{1}};
    std::uint64_t next_ = 0;
    std::map<std::pair<pool::time_point, std::uint64_t>, event> due_;
};

}  // namespace pgballast::sim
