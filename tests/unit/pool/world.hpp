// A pool, its clients and its upstream in virtual time. It acts on every decision as
// a proxy would, and checks on the way what holds in any story: the books' counts,
// the order of service, and that each wakeup is due exactly when something is to do.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "pgballast/pool/ledger.hpp"

namespace pgballast::pool::test {

using namespace std::chrono_literals;

class world {
 public:
    struct outcome {
        clock::duration takes;
        std::optional<failure> error;  // none: the attempt succeeds
    };
    using upstream = std::function<outcome(clock::duration started)>;

    struct served {
        ticket id;
        clock::duration at;
    };
    struct refused {
        ticket id;
        clock::duration at;
        failure why;
    };

    world(const config::database& settings, upstream answers)
        : books_(settings, 7), max_(settings.pool.max), answers_(std::move(answers)) {}

    /// Since the story began.
    clock::duration now() const { return now_ - begin; }
    ledger& books() { return books_; }

    /// A client asks; it keeps its backend for `uses`. Zero: it was not let in.
    ticket arrive(wish what = wish::backend, clock::duration uses = 24h) {
        if (what == wish::backend && idle_ > 0) {
            --idle_;
            ends_.emplace(now_ + uses, 0);
            ++served_at_once;
            return 0;
        }
        const auto admitted = books_.wait(3, what, now_);
        if (admitted.refused)
            turned_away.push_back(*admitted.refused);
        else
            uses_[admitted.id] = uses;
        settle();
        return admitted.refused ? 0 : admitted.id;
    }

    void leave(ticket id) {
        books_.leave(id);
        settle();
    }

    /// The server closes every backend; their clients do not come back by themselves.
    void lose_all() {
        ends_.clear();
        idle_ = 0;
        while (books_.open_count() > 0)
            books_.closed(true, now_);
        settle();
    }

    /// Lets everything happen that is due up to `until`, in its order.
    void run(clock::duration until) {
        const auto end = begin + until;
        for (auto next = next_event(); next && *next <= end; next = next_event()) {
            check_nothing_before(*next);
            now_ = std::max(now_, *next);
            step();
        }
        now_ = end;
    }

    std::vector<served> grants;
    std::vector<refused> refusals;
    std::vector<failure> turned_away;
    std::vector<ledger::notice> notices;
    std::vector<clock::duration> attempts;  // when each was started
    unsigned served_at_once = 0;
    unsigned most_in_flight = 0;

 private:
    static constexpr time_point begin{1000h};

    std::optional<time_point> next_event() const {
        auto next = wakeup_;
        if (!pending_.empty())
            wake_at(next, pending_.begin()->first);
        if (!ends_.empty())
            wake_at(next, ends_.begin()->first);
        return next;
    }

    void step() {
        if (!pending_.empty() && pending_.begin()->first <= now_) {
            const auto result = pending_.extract(pending_.begin()).mapped();
            finish(result);
        } else if (!ends_.empty() && ends_.begin()->first <= now_) {
            ends_.erase(ends_.begin());
            give();
        } else {
            woken_ = true;
        }
        settle();
    }

    void finish(const outcome& result) {
        if (result.error)
            return books_.failed(*result.error, now_);
        for (const auto& login : books_.opened(now_))
            grants.push_back({login.id, now()});
        give();
    }

    void give() {
        const auto first = books_.oldest(now_);
        if (!first) {
            ++idle_;
            return;
        }
        grants.push_back({first->id, now()});
        ends_.emplace(now_ + uses_.at(first->id), 0);
    }

    void settle() {
        const auto todo = books_.decide(now_);
        if (std::exchange(woken_, false))
            CHECK((todo.open > 0 || !todo.refused.empty() || !todo.notices.empty()));
        for (unsigned i = 0; i < todo.open; ++i) {
            attempts.push_back(now());
            const auto result = answers_(now());
            pending_.emplace(now_ + result.takes, result);
        }
        for (const auto& refusal : todo.refused)
            refusals.push_back({refusal.id, now(), refusal.why});
        notices.insert(notices.end(), todo.notices.begin(), todo.notices.end());
        wakeup_ = todo.wakeup;
        if (wakeup_)
            CHECK(*wakeup_ > now_);

        CHECK(books_.connecting() == pending_.size());
        CHECK(books_.open_count() == idle_ + ends_.size());
        CHECK(books_.open_count() + books_.connecting() <= max_);
        most_in_flight = std::max(most_in_flight, books_.connecting());
    }

    // Asking too early changes nothing.
    void check_nothing_before(time_point next) {
        if (next - 1ns <= now_)
            return;
        const auto todo = books_.decide(next - 1ns);
        CHECK(todo.open == 0);
        CHECK(todo.refused.empty());
        CHECK(todo.notices.empty());
        CHECK(todo.wakeup == wakeup_);
    }

    ledger books_;
    unsigned max_;
    upstream answers_;
    time_point now_ = begin;
    std::optional<time_point> wakeup_;
    bool woken_ = false;
    std::multimap<time_point, outcome> pending_;  // attempts in flight, by their end
    std::multimap<time_point, int> ends_;         // backends in use, by the end of their use
    std::map<ticket, clock::duration> uses_;
    unsigned idle_ = 0;
};

}  // namespace pgballast::pool::test
