// How long to wait between two attempts.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

#include "pgballast/config/settings.hpp"

namespace pgballast::pool {

/// The shortest pause between two attempts, whatever the settings say.
inline constexpr std::chrono::milliseconds backoff_min{1};

/// The pause after the first failure (`failed` = 0) and each one after it:
/// `delay` × 2ⁿ up to `max_delay`. Jitter only ever shortens it, to 0.75 at least:
/// a server that is back after `delay` is met within `delay`.
template <std::uniform_random_bit_generator Random>
std::chrono::microseconds backoff(const config::retry_settings& retry, unsigned failed,
                                  Random& random) {
    auto delay = std::min(retry.delay, retry.max_delay);
    for (; failed > 0 && delay > delay.zero() && delay < retry.max_delay; --failed)
        delay = delay > retry.max_delay / 2 ? retry.max_delay : delay * 2;

    std::uniform_real_distribution<double> jitter(0.75, 1.0);
    const std::chrono::duration<double, std::milli> shortened = delay * jitter(random);
    return std::max<std::chrono::microseconds>(
        std::chrono::duration_cast<std::chrono::microseconds>(shortened), backoff_min);
}

}  // namespace pgballast::pool
