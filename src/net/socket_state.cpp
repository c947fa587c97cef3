#include "pgballast/net/socket_state.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace pgballast::net {

readable peek(int fd) noexcept {
    char octet;
    const auto size = recv(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    if (size > 0)
        return readable::data;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return readable::nothing;
    return readable::end;
}

std::optional<std::chrono::milliseconds> last_ack_age(int fd) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return std::nullopt;
    return std::chrono::milliseconds{info.tcpi_last_ack_recv};
}

}  // namespace pgballast::net
