// The compute: a PostgreSQL that is awake or not, one change at a time.
#pragma once

#include <chrono>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "counters.hpp"
#include "event.hpp"
#include "postmaster.hpp"
#include "settings.hpp"

namespace neonsim {

enum class compute_state { suspended, waking, running, stopping };

const char* to_string(compute_state state) noexcept;

struct compute_options {
    std::string user;
    std::string database;
    std::vector<std::string> pg_settings;  // "name=value", over our own
};

/// suspended → waking → running → stopping → suspended. A restart goes from stopping
/// to waking; a crash, or a wake that fails, goes to suspended. Whoever asks for a
/// change while another is under way waits for that one.
class compute {
 public:
    compute(asio::any_io_executor executor, const cluster& where, compute_options options,
            const settings& current, counters& counted);

    compute_state state() const noexcept { return state_; }

    /// Wakes it if need be, and completes when it runs: true; or when that wake
    /// failed: false.
    task<bool> wake();

    /// Completes when PostgreSQL has ended.
    task<void> suspend(stop_mode mode);

    /// Completes when PostgreSQL runs again, having been down for at least `gap`.
    task<void> restart(stop_mode mode, std::chrono::milliseconds gap);

    /// Ends PostgreSQL whatever is under way, for good.
    task<void> shut_down();

    /// How long PostgreSQL has been up since the last reset, up to now.
    std::chrono::milliseconds awake() const;
    std::optional<std::chrono::system_clock::time_point> awake_since() const;
    void reset_awake();

 private:
    using clock = std::chrono::steady_clock;

    void become(compute_state next);
    task<void> settled();
    task<void> start(std::chrono::milliseconds at_least);
    task<bool> provisioned();
    task<void> stop(stop_mode mode);
    void start_watching();
    task<void> watch_for_crash();
    task<void> watch_for_inactivity();
    std::vector<std::string> settings_of_postgres() const;

    asio::any_io_executor executor_;
    const cluster& cluster_;
    const compute_options options_;
    const settings& settings_;
    counters& counters_;
    postmaster postmaster_;
    event changed_;
    compute_state state_ = compute_state::suspended;
    bool provisioned_ = false;
    bool shutting_down_ = false;
    int failed_wakes_ = 0;
    std::mt19937 random_{std::random_device{}()};
    std::optional<clock::time_point> up_since_;
    std::chrono::system_clock::time_point up_since_on_the_wall_;
    clock::duration awake_before_{};
};

}  // namespace neonsim
