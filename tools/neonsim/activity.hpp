// What keeps a compute awake: the rules of Neon's activity monitor.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace neonsim {

/// One row, of which `activity::observe` says what it means.
extern const char* const activity_query;

/// An idle connection does not keep a compute awake, however many there are. What
/// does: time spent and sessions begun in its databases, a statement's end (which
/// moves state_change), a backend that is not idle, be it only inside a transaction,
/// a walsender, a subscription, an autovacuum worker.
class activity {
 public:
    using clock = std::chrono::steady_clock;

    explicit activity(clock::time_point now) : last_{now} {}

    /// Takes a row of `activity_query` that was asked for at `now`.
    void observe(const std::vector<std::string>& row, clock::time_point now);

    void touch(clock::time_point now) { last_ = std::max(last_, now); }
    clock::time_point last() const noexcept { return last_; }

 private:
    clock::time_point last_;
    std::optional<std::pair<std::string, std::string>> counters_;
};

}  // namespace neonsim
