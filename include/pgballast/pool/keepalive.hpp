// How a silent link to a backend is found out: TCP keepalive, which the kernels
// answer between themselves, so that it keeps no compute awake.
#pragma once

#include <chrono>

namespace pgballast::pool::keepalive {

// tcp(7): TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT.
inline constexpr std::chrono::seconds idle{5};
inline constexpr std::chrono::seconds interval{2};
inline constexpr int count = 3;

// TCP_USER_TIMEOUT, for a link that dies while data is on its way. It overrides
// `count` too: with both set, keepalive gives up when this time is over (tcp(7)).
inline constexpr std::chrono::milliseconds user_timeout{9000};

static_assert(user_timeout > idle + interval && user_timeout < idle + count * interval);

}  // namespace pgballast::pool::keepalive
