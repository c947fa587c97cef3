// When an idle backend has been kept long enough.
#pragma once

#include <chrono>
#include <cstdint>

#include "pgballast/config/settings.hpp"

namespace pgballast::pool {

enum class expiry {
    none,
    idle,  // unused for max_idle, and more than `min` are open
    old,   // open for max_lifetime
};

/// `max_lifetime` of one backend: 0.9 to 1.1 of the setting, the same whenever it is
/// asked for, so that backends opened together do not end together. `id` is any
/// number of the backend's own.
constexpr std::chrono::milliseconds lifetime_of(std::chrono::milliseconds max_lifetime,
                                                std::uint64_t id) noexcept {
    // Neighbouring ids must land far apart: the finaliser of SplitMix64.
    id = (id ^ (id >> 30)) * 0xbf58476d1ce4e5b9u;
    id = (id ^ (id >> 27)) * 0x94d049bb133111ebu;
    const auto mille = static_cast<std::int64_t>((id ^ (id >> 31)) % 201);

    return max_lifetime - max_lifetime / 10 + max_lifetime / 1000 * mille;
}

/// Asked of idle backends, longest idle first; `open` counts what is open now, this
/// one included. A setting of zero means no limit. Age is no reason to wait for
/// `min`: what is closed for it is opened again when somebody needs it.
constexpr expiry check_lifetime(const config::pool_settings& settings, unsigned open,
                                std::chrono::milliseconds idle_for, std::chrono::milliseconds age,
                                std::uint64_t id) noexcept {
    using std::chrono::milliseconds;
    if (settings.max_lifetime > milliseconds::zero() &&
        age >= lifetime_of(settings.max_lifetime, id))
        return expiry::old;
    if (settings.max_idle > milliseconds::zero() && idle_for >= settings.max_idle &&
        open > settings.min)
        return expiry::idle;
    return expiry::none;
}

}  // namespace pgballast::pool
