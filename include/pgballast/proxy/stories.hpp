// What became of clients whose backend was lost.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace pgballast::proxy {

/// How a loss has ended for a client.
enum class loss_outcome : unsigned char {
    restored,               // it asks on, and its session is there
    run_again_unsent,       // its request was run again: nothing of it had been run
    run_again_rolled_back,  // … the lost backend has rolled it back
    run_again_read_only,    // … it only reads
    rolled_back,            // it rolled its transaction back, which the loss had done
    told_40001,
    told_08007,
    told_57P03,
    closed_57P01,
    told_other,
};

inline constexpr std::array<std::string_view, 10> loss_outcome_names = {"restored",
                                                                        "run_again_unsent",
                                                                        "run_again_rolled_back",
                                                                        "run_again_read_only",
                                                                        "rolled_back",
                                                                        "told_40001",
                                                                        "told_08007",
                                                                        "told_57P03",
                                                                        "closed_57P01",
                                                                        "told_other"};

constexpr bool is_told(loss_outcome how) noexcept {
    return how >= loss_outcome::told_40001;
}

struct story {
    std::chrono::system_clock::time_point at;  // when it ended
    std::string cause;                         // what the backend said, or its socket
    std::string sqlstate;                      // with which it said so
    loss_outcome outcome;
    std::chrono::milliseconds took;  // since the loss, or since the client asked next
};

/// The last ones of a database. Thread-safe.
class stories {
 public:
    static constexpr std::size_t max = 100;

    void add(story one) {
        const std::lock_guard lock{mutex_};
        if (all_.size() == max)
            all_.pop_front();
        all_.push_back(std::move(one));
    }

    /// The newest first.
    std::vector<story> last() const {
        const std::lock_guard lock{mutex_};
        return {all_.rbegin(), all_.rend()};
    }

 private:
    mutable std::mutex mutex_;
    std::deque<story> all_;
};

}  // namespace pgballast::proxy
