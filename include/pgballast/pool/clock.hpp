// The pool's time: always passed in, never asked for.
#pragma once

#include <chrono>
#include <optional>

namespace pgballast::pool {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;

/// `delay` after `start`. A delay too long for the clock is for ever.
inline time_point after(time_point start, std::chrono::milliseconds delay) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(time_point::max() - start);
    return delay < left ? start + delay : time_point::max();
}

/// Brings a wakeup forward to `when`, if it is not due before. For ever needs none.
inline void wake_at(std::optional<time_point>& wakeup, time_point when) {
    if (when == time_point::max())
        return;
    if (!wakeup || when < *wakeup)
        wakeup = when;
}

}  // namespace pgballast::pool
