// What a socket tells without a round trip.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace pgballast::net {

enum class readable { nothing, data, end };

/// Looks whether there is something to read, without taking it and without waiting.
readable peek(int fd) noexcept;

/// How long ago the peer's kernel last acknowledged something, keepalive probes
/// included (tcp_info.tcpi_last_ack_recv); nothing for sockets that are not TCP.
std::optional<std::chrono::milliseconds> last_ack_age(int fd) noexcept;

/// For how long the peer's kernel has acknowledged nothing, though there is something for it
/// to acknowledge; zero where there is not, and for sockets that are not TCP. A peer that
/// reads nothing is none of that: its kernel answers.
std::chrono::milliseconds unanswered_for(int fd) noexcept;

/// Where the peer is, "[::1]:5432" say; "unix" for a Unix socket.
std::string peer_of(int fd);

}  // namespace pgballast::net
