// What a bare relay costs on either engine: N clients play ping-pong with N servers
// over loopback TCP, and the relay between them does nothing but lend slices on.
//
//   relay_bench [--engine io_uring|epoll] [--connections N] [--rounds N] [--bytes N]
//
// The relay runs on the main thread, the clients and servers on one of their own, so
// the figures are the relay's alone. System calls: strace -f -c, and look at the
// relay's thread.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "pgballast/net/engine.hpp"

namespace {

using namespace pgballast::net;

struct settings {
    engine_kind kind = engine_kind::io_uring;
    int connections = 10;
    int rounds = 200'000;  // of all connections together
    std::size_t bytes = 60;
};

settings parse(int argc, char** argv) {
    settings result;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string name = argv[i];
        if (name == "--engine")
            result.kind =
                argv[i + 1] == std::string{"epoll"} ? engine_kind::epoll : engine_kind::io_uring;
        else if (name == "--connections")
            result.connections = std::atoi(argv[i + 1]);
        else if (name == "--rounds")
            result.rounds = std::atoi(argv[i + 1]);
        else if (name == "--bytes")
            result.bytes = static_cast<std::size_t>(std::atoi(argv[i + 1]));
    }
    return result;
}

void check(bool good, const char* what) {
    if (!good) {
        std::perror(what);
        std::exit(1);
    }
}

struct tcp_pair {
    int relay;
    int end;
};

tcp_pair make_pair() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    check(::bind(listener, generic, size) == 0 && ::listen(listener, 1) == 0 &&
              ::getsockname(listener, generic, &size) == 0,
          "listen");
    const int end = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(::connect(end, generic, size) == 0, "connect");
    const int relay = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    check(relay >= 0, "accept");
    ::close(listener);
    const int on = 1;
    ::setsockopt(relay, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return {relay, end};
}

/// Lends what comes from one side to the other.
struct half final : handler {
    half(engine& on, std::atomic<bool>& over) : engine_{on}, over_{over} {}

    void on_data(slice data) override { engine_.send(*to, std::move(data)); }
    void on_end(boost::system::error_code) override { over_ = true; }
    void on_drained() override {}

    connection* to = nullptr;

 private:
    engine& engine_;
    std::atomic<bool>& over_;
};

/// Plays both the clients and the servers: whoever receives answers.
void play(const settings& how, const std::vector<tcp_pair>& clients,
          const std::vector<tcp_pair>& servers) {
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    const std::string message(how.bytes, 'x');
    const auto watch = [&](int fd, bool client) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = static_cast<std::uint64_t>(fd) << 1 | client;
        check(::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
    };
    for (const auto& server : servers)
        watch(server.end, false);
    for (const auto& client : clients) {
        watch(client.end, true);
        check(::write(client.end, message.data(), message.size()) > 0, "write");
    }

    std::string buffer(how.bytes, '\0');
    epoll_event events[256];
    for (int left = how.rounds; left > 0;) {
        const int count = ::epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < count; ++i) {
            const int fd = static_cast<int>(events[i].data.u64 >> 1);
            left -= static_cast<int>(events[i].data.u64 & 1);
            const auto got = ::recv(fd, buffer.data(), buffer.size(), MSG_WAITALL);
            check(got == static_cast<ssize_t>(how.bytes), "recv");
            check(::send(fd, message.data(), message.size(), MSG_NOSIGNAL) > 0, "send");
        }
    }
    for (const auto& client : clients)
        ::shutdown(client.end, SHUT_RDWR);
    ::close(poll);
}

double microseconds(const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
}

void report(const settings& how, const engine& e, double turns, const rusage& from,
            const rusage& to) {
    const double rounds = how.rounds;
    const double user = (microseconds(to.ru_utime) - microseconds(from.ru_utime)) / rounds;
    const double system = (microseconds(to.ru_stime) - microseconds(from.ru_stime)) / rounds;
    std::printf(
        "%-8s %4d connections, %zu bytes: %6.2f us CPU a round trip (%.2f user, %.2f system), "
        "%.3f turns\n",
        e.name(), how.connections, how.bytes, user + system, user, system, turns / rounds);
}

}  // namespace

int main(int argc, char** argv) {
    const auto how = parse(argc, argv);
    auto made = make_engine(how.kind);
    if (!made) {
        std::fprintf(stderr, "no engine: %s\n", made.error().message().c_str());
        return 1;
    }
    auto& e = **made;

    std::atomic<bool> over{false};
    std::vector<tcp_pair> clients, servers;
    std::deque<half> halves;
    for (int i = 0; i < how.connections; ++i) {
        clients.push_back(make_pair());
        servers.push_back(make_pair());
        auto& from_client = halves.emplace_back(e, over);
        auto& from_server = halves.emplace_back(e, over);
        from_server.to = &e.add(clients.back().relay, from_client);
        from_client.to = &e.add(servers.back().relay, from_server);
    }

    std::thread players{[&] { play(how, clients, servers); }};
    rusage from{}, to{};
    ::getrusage(RUSAGE_THREAD, &from);
    double turns = 0;
    for (; !over; ++turns)
        e.turn(std::chrono::milliseconds{1000});
    ::getrusage(RUSAGE_THREAD, &to);
    players.join();
    report(how, e, turns, from, to);
}
