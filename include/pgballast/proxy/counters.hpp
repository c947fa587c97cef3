// Figures that one thread writes and any thread reads.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "pgballast/proxy/stories.hpp"

namespace pgballast::proxy {

/// Written by its owner only: an ordinary addition, no locked instruction.
class counter {
 public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void sub(std::uint64_t n = 1) noexcept { add(std::uint64_t{0} - n); }
    std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
    std::atomic<std::uint64_t> value_{0};
};

/// What one worker does for one pool.
struct pool_counters {
    // now
    counter clients;
    counter idle;    // backends that nobody has
    counter lent;    // backends that a client has
    counter pinned;  // … while it thinks, and nobody else may have them
    counter errand;  // backends that are cleaned, probed or held after a cancel

    // since start
    counter transactions;
    counter bytes_from_clients;
    counter bytes_from_backends;
    counter waits;  // requests that had to wait for a backend
    counter wait_microseconds;
    counter refused;        // requests that were told 57P03 or a server's refusal
    counter backends_lost;  // ended by the server or the network
    counter losses_hidden;  // … and nobody was told
    counter losses_told;    // … and a client was told
    std::array<counter, loss_outcome_names.size()> losses;  // by `loss_outcome`
    counter cancels;
    counter pings;  // answered while the compute slept
};

}  // namespace pgballast::proxy
