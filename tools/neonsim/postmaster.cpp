#include "postmaster.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cassert>
#include <fstream>
#include <system_error>

#include "child_process.hpp"
#include "spawn.hpp"

namespace neonsim {
namespace {

using namespace std::chrono_literals;

constexpr auto ready_poll = 5ms;
constexpr auto stop_patience = 10s;

}  // namespace

postmaster::postmaster(asio::any_io_executor executor, const cluster& where)
    : cluster_{where}, pidfd_{executor}, patience_{executor}, ended_{executor} {}

void postmaster::start(const std::vector<std::string>& settings) {
    assert(!running());
    // SIGINT is a fast shutdown: nothing is left behind when we are killed.
    command what{.arguments = {cluster_.binaries / "postgres", "-D", cluster_.pgdata},
                 .log = cluster_.log,
                 .death_signal = SIGINT};
    for (const auto& setting : settings) {
        what.arguments.push_back("-c");
        what.arguments.push_back(setting);
    }
    pid_ = spawn(what);
    // By number: glibc 2.36 declares pidfd_open without extern "C".
    const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    if (fd < 0)
        throw std::system_error{errno, std::generic_category(), "pidfd_open"};
    pidfd_.assign(fd);
    start_task(pidfd_.get_executor(), reap());
}

task<void> postmaster::reap() {
    // A pidfd is readable when its process has ended: pidfd_open(2).
    co_await pidfd_.async_wait(asio::posix::descriptor_base::wait_read, asio::use_awaitable);
    ::waitpid(pid_, nullptr, 0);
    pidfd_.close();
    patience_.cancel();
    pid_ = 0;
    ended_.notify_all();
}

/// The last line of postmaster.pid is the server's status, as pg_ctl reads it.
bool postmaster::says_ready() const {
    std::ifstream file{cluster_.pgdata / "postmaster.pid"};
    std::string line, first, last;
    std::getline(file, first);
    while (std::getline(file, line))
        last = line;
    return first == std::to_string(pid_) && last.starts_with("ready");
}

task<bool> postmaster::ready() {
    while (running() && !says_ready())
        co_await sleep_for(ready_poll);
    co_return running();
}

task<void> postmaster::ended() {
    while (running())
        co_await ended_.wait();
}

task<void> postmaster::stop(stop_mode mode) {
    if (!running())
        co_return;
    ::kill(pid_, static_cast<int>(mode));
    patience_.expires_after(stop_patience);
    patience_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled && running())
            ::kill(pid_, SIGQUIT);
    });
    co_await ended();
}

}  // namespace neonsim
