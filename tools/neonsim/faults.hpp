// Failures of log-ins that somebody has asked for.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace neonsim {

/// Where a log-in fails, in the order they are passed.
enum class stage {
    access,   // before the password is asked for
    auth,     // in place of the server's final SASL message
    wake,     // the control plane says no: the compute is not woken
    compute,  // awake, but not to be connected to
};
inline constexpr std::size_t stage_count = 4;

std::optional<stage> parse_stage(std::string_view name);

/// What Neon's proxy would most likely say at that stage.
std::string_view default_text(stage where);

struct failure {
    std::string text;
    int times = 1;                      // 0 forgets the failure
    std::chrono::milliseconds delay{};  // silence before it is said
    bool cached = false;                // said for 30 s from the first time, whatever `times` is
};

/// One failure a stage at most.
class faults {
 public:
    using clock = std::chrono::steady_clock;

    void plan(stage where, failure what);

    /// What befalls a log-in that is at `where`.
    std::optional<failure> take(stage where, clock::time_point now);

 private:
    struct planned {
        failure what;
        std::optional<clock::time_point> cached_until;
    };
    std::array<std::optional<planned>, stage_count> planned_;
};

}  // namespace neonsim
