// What the tests of the engines share. Every test runs on each engine that this
// machine allows.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "pgballast/net/engine.hpp"

namespace pgballast::net::test {

using namespace std::chrono_literals;

inline const std::vector<engine_kind>& engines() {
    static const auto kinds = [] {
        std::vector<engine_kind> result{engine_kind::epoll};
        if (const auto why_not = why_not_io_uring(); why_not.empty())
            result.push_back(engine_kind::io_uring);
        else
            std::cerr << "io_uring is not tested: " << why_not << '\n';
        return result;
    }();
    return kinds;
}

#define FOR_EACH_ENGINE(kind)                                \
    const auto kind = GENERATE(from_range(test::engines())); \
    INFO((kind == engine_kind::epoll ? "epoll" : "io_uring"))

inline std::unique_ptr<engine> make(engine_kind kind) {
    return make_engine(kind).value();
}

/// The test's own end of a socket. It never blocks.
class peer {
 public:
    explicit peer(int fd) : fd_{fd} {}
    peer(peer&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    ~peer() { close(); }

    int fd() const { return fd_; }
    void close() {
        if (fd_ >= 0)
            ::close(std::exchange(fd_, -1));
    }
    void reset() {
        const linger at_once{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close();
    }
    void end() { ::shutdown(fd_, SHUT_WR); }

    /// How much was taken.
    std::size_t write(bytes data) {
        const auto n = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return n < 0 ? 0 : static_cast<std::size_t>(n);
    }

    /// Appends what there is to `received`, and notes the end.
    void read(std::size_t max = 1 << 20) {
        static thread_local std::vector<char> buffer(1 << 20);
        const auto n = ::recv(fd_, buffer.data(), std::min(max, buffer.size()), MSG_DONTWAIT);
        if (n > 0)
            received.append(buffer.data(), static_cast<std::size_t>(n));
        else if (n == 0)
            ended = true;
        else if (errno != EAGAIN)
            failed = errno;
    }

    std::string received;
    bool ended = false;
    int failed = 0;

 private:
    int fd_;
};

struct socket_pair {
    int ours;  // non-blocking, for an engine
    peer theirs;
};

inline socket_pair unix_pair() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    return {fds[0], peer{fds[1]}};
}

/// `send_buffer`: bytes the kernel takes before a write blocks, about; 0: its default.
inline socket_pair tcp_pair(int send_buffer = 0) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener, generic, size) == 0);
    REQUIRE(::listen(listener, 1) == 0);
    REQUIRE(::getsockname(listener, generic, &size) == 0);

    const int theirs = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (send_buffer)
        ::setsockopt(theirs, SOL_SOCKET, SO_RCVBUF, &send_buffer, sizeof send_buffer);
    REQUIRE(::connect(theirs, generic, size) == 0);
    const int ours = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    REQUIRE(ours >= 0);
    ::close(listener);
    if (send_buffer)
        ::setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    const int on = 1;
    ::setsockopt(ours, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(theirs, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return {ours, peer{theirs}};
}

/// Notes what it is told, then does what the test wants done.
struct recorder final : handler {
    void on_data(slice data) override {
        CHECK(ends == 0);
        received += data.view();
        if (then_data)
            then_data(std::move(data));
    }
    void on_end(boost::system::error_code why) override {
        ++ends;
        error = why;
        if (then_end)
            then_end();
    }
    void on_drained() override {
        ++drained;
        if (then_drained)
            then_drained();
    }

    std::string received;
    int ends = 0;
    int drained = 0;
    boost::system::error_code error;
    std::function<void(slice)> then_data;
    std::function<void()> then_end;
    std::function<void()> then_drained;
};

/// Turns until `done`; false when that takes too long.
inline bool turn_until(engine& e, const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + 120s;
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        e.turn(1ms);
    }
    return true;
}

/// Turns often enough for anything that is due to happen.
inline void turn_often(engine& e) {
    for (int i = 0; i < 8; ++i)
        e.turn(1ms);
}

/// Whether a turn, begun after `prepare`, waits for as long as it is asked to. A system
/// call may be interrupted, so one of many is enough; where something ends the wait,
/// it ends all of them.
inline bool waits(engine& e, const std::function<void()>& prepare) {
    for (int i = 0; i < 50; ++i) {
        prepare();
        const auto before = std::chrono::steady_clock::now();
        e.turn(20ms);
        if (std::chrono::steady_clock::now() - before >= 19ms)
            return true;
    }
    return false;
}

inline std::size_t open_fds() {
    const std::filesystem::directory_iterator fds{"/proc/self/fd"};
    return static_cast<std::size_t>(std::distance(begin(fds), end(fds)));
}

/// Bytes that tell where they belong.
inline std::string pattern(std::size_t size) {
    std::string result(size, '\0');
    std::uint32_t state = 1;
    for (auto& c : result) {
        state = state * 1664525 + 1013904223;
        c = static_cast<char>(state >> 24);
    }
    return result;
}

}  // namespace pgballast::net::test
