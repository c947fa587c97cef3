#include "faults.hpp"

namespace neonsim {
namespace {

using namespace std::chrono_literals;

// How long Neon's proxy keeps an error of its control plane.
constexpr auto cache_time = 30s;

}  // namespace

std::optional<stage> parse_stage(std::string_view name) {
    constexpr std::array<std::string_view, stage_count> names = {"access", "auth", "wake",
                                                                 "compute"};
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == name)
            return static_cast<stage>(i);
    return std::nullopt;
}

std::string_view default_text(stage where) {
    switch (where) {
        case stage::access:
            return "This IP address 127.0.0.1 is not allowed to connect to this endpoint. "
                   "Please add it to the allowed list in the Neon console. "
                   "Make sure to check for IPv4 or IPv6 addresses.";
        case stage::auth:
            return "Authentication timed out";
        case stage::wake:
            return "Control plane request failed";
        case stage::compute:
            return "Couldn't connect to compute node";
    }
    return {};
}

void faults::plan(stage where, failure what) {
    auto& slot = planned_[static_cast<std::size_t>(where)];
    slot.reset();
    if (what.times > 0)
        slot = planned{std::move(what), {}};
}

std::optional<failure> faults::take(stage where, clock::time_point now) {
    auto& slot = planned_[static_cast<std::size_t>(where)];
    if (slot && slot->cached_until && now >= *slot->cached_until)
        slot.reset();
    if (!slot)
        return std::nullopt;

    const auto due = slot->what;
    if (due.cached && !slot->cached_until)
        slot->cached_until = now + cache_time;
    if (!due.cached && --slot->what.times == 0)
        slot.reset();
    return due;
}

}  // namespace neonsim
