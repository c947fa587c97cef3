// Whether an idle backend may be lent as it is. Decided without a round trip
// wherever the socket itself can prove that the other side is there.
#pragma once

#include <chrono>
#include <optional>

#include "pgballast/pool/keepalive.hpp"

namespace pgballast::pool {

/// What looking into the socket without waiting has shown.
enum class peek {
    quiet,    // nothing to read
    data,     // bytes that nobody has asked for
    end,      // end of file, or an error
    unknown,  // not looked
};

enum class before_use {
    use,
    probe,    // a round trip first
    discard,  // close it, take another
};

/// A backend that worked a moment ago is not looked at: the engine reports ends
/// by itself, and the look costs a system call on the path of a query.
constexpr bool needs_peek(std::chrono::milliseconds idle_for) noexcept {
    return idle_for >= std::chrono::milliseconds{10};
}

/// `last_ack_age` is TCP_INFO's tcpi_last_ack_recv, empty for Unix sockets: an
/// answered keepalive renews it and wakes no server process. Younger than one round
/// of keepalive, it proves the peer's kernel alive and the connection open.
constexpr before_use check_before_use(std::chrono::milliseconds idle_for, peek seen,
                                      std::optional<std::chrono::milliseconds> last_ack_age,
                                      std::chrono::milliseconds check_after) noexcept {
    if (seen == peek::data || seen == peek::end)
        return before_use::discard;
    if (idle_for <= check_after)
        return before_use::use;
    constexpr auto& probes = keepalive::of_backends;
    if (last_ack_age && *last_ack_age < probes.idle + probes.interval)
        return before_use::use;
    return before_use::probe;
}

}  // namespace pgballast::pool
