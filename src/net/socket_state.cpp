#include "pgballast/net/socket_state.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace pgballast::net {
namespace {

std::optional<tcp_info> info_of(int fd) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return std::nullopt;
    return info;
}

}  // namespace

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
    const auto info = info_of(fd);
    if (!info)
        return std::nullopt;
    return std::chrono::milliseconds{info->tcpi_last_ack_recv};
}

std::chrono::milliseconds unanswered_for(int fd) noexcept {
    // Probes of a window that is closed come seldom, and the last one may just be on its way.
    constexpr unsigned probes_min = 2;
    const auto info = info_of(fd);
    if (!info || (info->tcpi_retransmits == 0 && info->tcpi_probes < probes_min))
        return std::chrono::milliseconds::zero();
    return std::chrono::milliseconds{info->tcpi_last_ack_recv};
}

std::string peer_of(int fd) {
    sockaddr_storage where{};
    socklen_t size = sizeof where;
    char text[INET6_ADDRSTRLEN] = "";
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&where), &size) != 0)
        return {};
    if (where.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(where);
        inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        return std::string{text} + ':' + std::to_string(ntohs(v4.sin_port));
    }
    if (where.ss_family != AF_INET6)
        return "unix";
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(where);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return '[' + std::string{text} + "]:" + std::to_string(ntohs(v6.sin6_port));
}

}  // namespace pgballast::net
