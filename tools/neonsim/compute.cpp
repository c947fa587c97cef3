#include "compute.hpp"

#include <cassert>
#include <iostream>

#include "child_process.hpp"
#include "monitor.hpp"
#include "provision.hpp"
#include "spawn.hpp"

namespace neonsim {

using std::chrono::milliseconds;

const char* to_string(compute_state state) noexcept {
    switch (state) {
        case compute_state::suspended:
            return "suspended";
        case compute_state::waking:
            return "waking";
        case compute_state::running:
            return "running";
        case compute_state::stopping:
            return "stopping";
    }
    return "";
}

compute::compute(asio::any_io_executor executor, const cluster& where, compute_options options,
                 const settings& current, counters& counted)
    : executor_{executor},
      cluster_{where},
      options_{std::move(options)},
      settings_{current},
      counters_{counted},
      postmaster_{executor, where},
      changed_{executor} {}

void compute::become(compute_state next) {
    state_ = next;
    changed_.notify_all();
}

task<void> compute::settled() {
    while (state_ == compute_state::waking || state_ == compute_state::stopping)
        co_await changed_.wait();
}

task<bool> compute::wake() {
    const int failed_before = failed_wakes_;
    while (state_ != compute_state::running && failed_wakes_ == failed_before) {
        if (state_ == compute_state::suspended) {
            become(compute_state::waking);
            ++counters_.wakes;
            const auto takes = settings_.wake.draw(random_);
            start_task(executor_, start(takes));
        }
        co_await changed_.wait();
    }
    co_return state_ == compute_state::running;
}

task<void> compute::start(milliseconds at_least) {
    assert(state_ == compute_state::waking);
    up_since_ = clock::now();
    up_since_on_the_wall_ = std::chrono::system_clock::now();
    const auto due = *up_since_ + at_least;
    postmaster_.start(settings_of_postgres());
    const bool accepts = co_await postmaster_.ready();
    const bool usable = co_await provisioned();
    co_await sleep_for(due - clock::now());
    if (shutting_down_)  // stays stopping: nobody may wake it again
        co_return;
    if (accepts && usable && postmaster_.running()) {
        start_watching();
        become(compute_state::running);
        co_return;
    }
    ++failed_wakes_;
    std::cerr << "neonsim: PostgreSQL did not start:\n" << last_lines(cluster_.log);
    co_await stop(stop_mode::immediate);
    become(compute_state::suspended);
}

task<bool> compute::provisioned() {
    if (!provisioned_ && postmaster_.running()) {
        const auto socket = cluster_.socket();
        const bool done = co_await provision(socket, options_.user, options_.database);
        provisioned_ = done;
    }
    co_return provisioned_;
}

task<void> compute::stop(stop_mode mode) {
    co_await postmaster_.stop(mode);
    if (up_since_)
        awake_before_ += clock::now() - *up_since_;
    up_since_.reset();
}

task<void> compute::suspend(stop_mode mode) {
    co_await settled();
    if (state_ == compute_state::suspended)
        co_return;
    become(compute_state::stopping);
    ++counters_.suspends;
    co_await stop(mode);
    become(compute_state::suspended);
}

task<void> compute::restart(stop_mode mode, milliseconds gap) {
    co_await settled();
    become(compute_state::stopping);
    ++counters_.restarts;
    co_await stop(mode);
    co_await sleep_for(gap);
    become(compute_state::waking);
    const milliseconds at_once{0};
    co_await start(at_once);
}

task<void> compute::shut_down() {
    shutting_down_ = true;
    become(compute_state::stopping);
    co_await stop(stop_mode::fast);
}

void compute::start_watching() {
    start_task(executor_, watch_for_crash());
    start_task(executor_, watch_for_inactivity());
}

/// With restart_after_crash=off the crash of one backend ends the whole server.
task<void> compute::watch_for_crash() {
    co_await postmaster_.ended();
    if (state_ != compute_state::running)
        co_return;
    ++counters_.crashes;
    co_await stop(stop_mode::immediate);
    become(compute_state::suspended);
}

task<void> compute::watch_for_inactivity() {
    const auto socket = cluster_.socket();
    const bool sleepy = co_await inactive(socket, settings_);
    if (sleepy && state_ == compute_state::running)
        co_await suspend(stop_mode::fast);
}

milliseconds compute::awake() const {
    const auto now = up_since_ ? clock::now() - *up_since_ : clock::duration{};
    return std::chrono::duration_cast<milliseconds>(awake_before_ + now);
}

std::optional<std::chrono::system_clock::time_point> compute::awake_since() const {
    if (!up_since_)
        return std::nullopt;
    return up_since_on_the_wall_;
}

void compute::reset_awake() {
    awake_before_ = {};
    if (up_since_)
        awake_before_ -= clock::now() - *up_since_;
}

std::vector<std::string> compute::settings_of_postgres() const {
    std::vector<std::string> all = {
        "listen_addresses=",
        "unix_socket_directories=" + cluster_.socket_directory.string(),
        "port=" + std::to_string(socket_port),
        "max_connections=" + std::to_string(settings_.max_connections),
        // A lost disk is not among what is simulated.
        "fsync=off",
        "full_page_writes=off",
        "max_wal_size=1GB",
        // Neon's own.
        "restart_after_crash=off",
        "idle_in_transaction_session_timeout=5min",
        "client_connection_check_interval=60s",
        "timezone=GMT",
    };
    all.insert(all.end(), options_.pg_settings.begin(), options_.pg_settings.end());
    return all;
}

}  // namespace neonsim
