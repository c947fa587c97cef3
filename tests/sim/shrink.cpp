#include "shrink.hpp"

#include <algorithm>
#include <boost/algorithm/string/join.hpp>

namespace pgballast::sim {
namespace {

constexpr unsigned plays_max = 20'000;
constexpr std::size_t events_played_max = 100'000'000;
constexpr unsigned timings = 8;

class shrinker {
 public:
    shrinker(const plan& whole, outcome seen, sabotage wrong)
        : whole_{whole}, wrong_{wrong}, kind_{seen.kind()}, best_{whole, std::move(seen)} {
        note_parts();
    }

    shrunk run() {
        leave_out_clients();
        for (auto size = parts_.size() / 2; size > 1; size /= 2)
            leave_out_runs(size);
        while (leave_out_runs(1) || let_fail_earlier()) {
        }
        return std::move(best_);
    }

 private:
    /// Those of one client lie together. Faults come first: with fewer of them, less
    /// depends on the delays.
    void note_parts() {
        parts_.clear();
        for (const auto& one : best_.seen.faults)
            parts_.push_back(one.name());
        for (auto& name : requests_of(best_.round))
            parts_.push_back(std::move(name));
    }

    void leave_out_clients() {
        const auto clients = best_.round.clients;
        for (const auto& who : clients) {
            const auto prefix = std::to_string(who.number) + ".";
            parts kept;
            for (const auto& name : parts_)
                if (!name.starts_with(prefix))
                    kept.insert(name);
            keeps_failing(std::move(kept));
        }
    }

    /// True if anything could be left out.
    bool leave_out_runs(std::size_t size) {
        bool any = false;
        for (std::size_t at = 0; at < parts_.size();) {
            const auto end = std::min(at + size, parts_.size());
            parts kept{parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(at)};
            kept.insert(parts_.begin() + static_cast<std::ptrdiff_t>(end), parts_.end());
            if (keeps_failing(std::move(kept)))
                any = true;
            else
                at = end;
        }
        return any;
    }

    /// What is only there so that a fault comes the nth time can be left out then.
    bool let_fail_earlier() {
        const auto faults = best_.seen.faults;
        for (const auto& late : faults)
            for (fault early{late.place, 1}; early.time < late.time; ++early.time) {
                parts kept{parts_.begin(), parts_.end()};
                kept.erase(late.name());
                kept.insert(early.name());
                if (keeps_failing(std::move(kept)))
                    return true;
            }
        return false;
    }

    /// The delays that have shown it last are tried first.
    bool keeps_failing(parts kept) {
        auto candidate = limited(whole_, std::move(kept));
        for (unsigned more = 0; more < timings; ++more) {
            if (++plays_ > plays_max || events_ > events_played_max)
                return false;
            candidate.timing = (best_.round.timing + more) % timings;
            auto seen = play(candidate, wrong_);
            events_ += seen.sum.events;
            if (seen.kind() != kind_)
                continue;
            best_ = {std::move(candidate), std::move(seen)};
            note_parts();
            return true;
        }
        return false;
    }

    const plan& whole_;
    const sabotage wrong_;
    const std::string kind_;
    shrunk best_;
    std::vector<std::string> parts_;
    unsigned plays_ = 0;
    std::size_t events_ = 0;
};

}  // namespace

shrunk shrink(const plan& round, outcome seen, sabotage wrong) {
    return shrinker{round, std::move(seen), wrong}.run();
}

std::string names_of_parts(const shrunk& one) {
    auto names = requests_of(one.round);
    for (const auto& fault : one.seen.faults)
        names.push_back(fault.name());
    return boost::algorithm::join(names, ",");
}

}  // namespace pgballast::sim
