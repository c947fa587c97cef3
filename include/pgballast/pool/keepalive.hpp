// How a silent link is found out: TCP keepalive, which the kernels answer between
// themselves, so that it keeps no compute awake.
#pragma once

#include <chrono>

namespace pgballast::pool::keepalive {

/// tcp(7): TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT.
struct timing {
    std::chrono::seconds idle;
    std::chrono::seconds interval;
    int count;
};

inline constexpr timing of_backends{std::chrono::seconds{5}, std::chrono::seconds{2}, 2};

/// Clients are many, and none waits for one that has vanished; but it may hold a
/// transaction open, and a system's own default is two hours.
inline constexpr timing of_clients{std::chrono::seconds{30}, std::chrono::seconds{10}, 3};

/// The longest that a backend's machine may leave data unacknowledged, for while there is
/// some, keepalive is silent. Not by TCP_USER_TIMEOUT: that also ends the connection to a
/// server whose machine answers, but which reads nothing for so long, as one does that
/// waits for a lock in the middle of a COPY.
inline constexpr std::chrono::milliseconds unanswered_max =
    of_backends.idle + of_backends.count * of_backends.interval;

}  // namespace pgballast::pool::keepalive
