// What the admin port tells: plain figures, taken at one moment. Taking them touches no
// upstream, so that no health check ever wakes a compute.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgballast/config/settings.hpp"
#include "pgballast/pool/breaker.hpp"
#include "pgballast/pool/failure.hpp"
#include "pgballast/proxy/proxy.hpp"

namespace pgballast::admin {

using wall_clock = std::chrono::system_clock;

/// Counted since start, over all workers: see `proxy::pool_counters`.
struct pool_totals {
    std::uint64_t transactions = 0;
    std::uint64_t bytes_from_clients = 0;
    std::uint64_t bytes_from_backends = 0;
    std::uint64_t waits = 0;
    std::uint64_t wait_microseconds = 0;
    std::uint64_t refused = 0;
    std::uint64_t backends_opened = 0;
    std::uint64_t connects_failed = 0;
    std::uint64_t backends_lost = 0;
    std::uint64_t losses_hidden = 0;
    std::uint64_t losses_told = 0;
    std::array<std::uint64_t, proxy::loss_outcome_names.size()> losses{};  // by `loss_outcome`
    std::uint64_t cancels = 0;
    std::uint64_t pings = 0;  // answered while the compute slept
};

/// Each figure is right by itself; as threads go on while they are read, `open` need not
/// be the sum of `idle`, `lent` and `errand`.
struct pool_status {
    std::string database;
    proxy::health state = proxy::health::unknown;
    pool::breaker::state breaker = pool::breaker::state::closed;
    config::pool_mode mode = config::pool_mode::automatic;
    std::uint64_t min = 0;
    std::uint64_t max = 0;

    // Backends now.
    std::uint64_t open = 0;
    std::uint64_t idle = 0;
    std::uint64_t lent = 0;
    std::uint64_t pinned = 0;  // of those
    std::uint64_t errand = 0;
    std::uint64_t connecting = 0;

    // Clients now.
    std::uint64_t clients = 0;
    std::uint64_t waiting = 0;

    pool_totals totals{};
    std::optional<pool::failure> last_error{};  // kept after later successes
    std::optional<wall_clock::time_point> last_opened{};
    std::vector<proxy::story> stories{};  // the newest first
};

struct status {
    std::string version;
    std::string engine;
    std::size_t workers = 0;
    std::uint64_t clients = 0;  // with those that are logging in
    std::uint64_t clients_max = 0;
    bool ready = false;  // listening, and not draining
    wall_clock::time_point started;
    wall_clock::time_point taken;
    std::vector<pool_status> pools;  // by database
};

/// Takes the figures of `served`. On the control plane; locks each pool for a moment.
status take_status(const proxy::proxy& served, std::string_view version,
                   wall_clock::time_point started);

}  // namespace pgballast::admin
