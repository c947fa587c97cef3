// The PostgreSQL server as a process: started, awaited, stopped by its own pid.
#pragma once

#include <sys/types.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <string>
#include <vector>

#include "cluster.hpp"
#include "event.hpp"

namespace neonsim {

/// PostgreSQL, "Shutting Down the Server".
enum class stop_mode {
    fast = SIGINT,        // sessions get 57P01
    immediate = SIGQUIT,  // as after a crash: recovery at the next start
};

class postmaster {
 public:
    postmaster(asio::any_io_executor executor, const cluster& where);

    bool running() const noexcept { return pid_ != 0; }

    /// Must not be running. `settings` are "name=value". Throws `std::system_error`.
    void start(const std::vector<std::string>& settings);

    /// Completes when connections are accepted: true; or when it has ended before: false.
    task<bool> ready();

    /// Completes when it has ended, at once if it is not running.
    task<void> ended();

    /// Asks it to end, and insists after a while; completes when it has.
    task<void> stop(stop_mode mode);

 private:
    task<void> reap();
    bool says_ready() const;

    const cluster& cluster_;
    pid_t pid_ = 0;  // never of a process that has been reaped
    asio::posix::stream_descriptor pidfd_;
    asio::steady_timer patience_;
    event ended_;
};

}  // namespace neonsim
