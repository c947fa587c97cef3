// The state of a pool for people and monitors.
#pragma once

namespace pgballast::proxy {

enum class health { unknown, up, asleep, waking, down };

constexpr const char* to_string(health state) noexcept {
    constexpr const char* names[] = {"unknown", "up", "asleep", "waking", "down"};
    return names[static_cast<int>(state)];
}

}  // namespace pgballast::proxy
