// What a socket tells without a round trip.
#pragma once

#include <chrono>
#include <optional>

namespace pgballast::net {

enum class readable { nothing, data, end };

/// Looks whether there is something to read, without taking it and without waiting.
readable peek(int fd) noexcept;

/// How long ago the peer's kernel last acknowledged something, keepalive probes
/// included (tcp_info.tcpi_last_ack_recv); nothing for sockets that are not TCP.
std::optional<std::chrono::milliseconds> last_ack_age(int fd) noexcept;

}  // namespace pgballast::net
