// Random events against a ledger and, beside it, a model too simple to be wrong:
// the list of those who wait and the counts. Each round has a seed of its own.
#include <algorithm>
#include <catch2/catch.hpp>
#include <list>
#include <random>

#include "pgballast/pool/ledger.hpp"

using namespace pgballast;
using namespace pgballast::pool;
using namespace std::chrono_literals;

namespace {

class model {
 public:
    explicit model(unsigned seed)
        : random_(seed), settings_(random_settings()), books_(settings_, seed) {}

    void random_event() {
        switch (pick(0, 9)) {
            case 0:
            case 1:
            case 2:
                return arrive();
            case 3:
                return leave();
            case 4:
            case 5:
                return attempt_ends();
            case 6:
                return give_back();
            case 7:
                return close();
            case 8:
                return pass_time(std::chrono::milliseconds(pick(0, 3000)));
            default:
                return wake_up();
        }
    }

    /// Nobody comes any more. Attempts end, wakeups are kept: the line must empty
    /// within one wait_timeout.
    void wind_down() {
        const auto end = now_ + settings_.retry.wait_timeout;
        while (!waiting_.empty()) {
            if (connecting_ > 0) {
                attempt_ends();
            } else {
                REQUIRE(wakeup_);
                wake_up();
            }
            REQUIRE(now_ <= end);
        }
    }

 private:
    struct waiting_one {
        ticket id;
        wish what;
        time_point since;
        bool told = false;
    };

    int pick(int from, int to) { return std::uniform_int_distribution(from, to)(random_); }

    config::database random_settings() {
        config::database settings;
        settings.pool.max = static_cast<unsigned>(pick(1, 6));
        settings.pool.min = static_cast<unsigned>(std::max(0, pick(-4, 6)));
        settings.pool.keep_warm = pick(0, 4) == 0;
        settings.retry.attempts = static_cast<unsigned>(std::max(0, pick(-3, 3)));
        settings.retry.wait_timeout = std::chrono::milliseconds(pick(1, 12'000));
        settings.breaker.failures = static_cast<unsigned>(pick(0, 4));
        settings.breaker.open_for = std::chrono::milliseconds(pick(1, 5000));
        return settings;
    }

    void arrive() {
        const auto what = pick(0, 3) == 0 ? wish::login : wish::backend;
        const auto state = books_.breaker_state(now_);
        const bool probing = connecting_ > 0 || !waiting_.empty();
        const auto admitted = books_.wait(1, what, now_);
        const bool let_in =
            state == breaker::state::closed || (state == breaker::state::half_open && !probing);
        CHECK(admitted.refused.has_value() != let_in);
        if (!admitted.refused) {
            CHECK((waiting_.empty() || waiting_.back().id < admitted.id));
            waiting_.push_back({admitted.id, what, now_});
        }
        decide();
    }

    void leave() {
        const auto gone = std::find_if(waiting_.begin(), waiting_.end(),
                                       [this](const auto&) { return pick(0, 2) == 0; });
        books_.leave(gone == waiting_.end() ? 1 : gone->id);
        if (gone != waiting_.end())
            waiting_.erase(gone);
        else if (!waiting_.empty() && waiting_.front().id == 1)
            waiting_.pop_front();
        decide();
    }

    void attempt_ends() {
        if (connecting_ == 0)
            return;
        --connecting_;
        const int kind = pick(0, 5);
        if (kind < 3)
            attempt_fails(static_cast<failure_kind>(kind));
        else
            attempt_succeeds();
        decide();
    }

    void attempt_fails(failure_kind kind) {
        const bool was_open = books_.breaker_state(now_) != breaker::state::closed;
        books_.failed({kind, "XX000", "cause", "", ""}, now_);
        CHECK(was_open <= (books_.breaker_state(now_) == breaker::state::open));
        proven_ = false;
        permanent_ = kind == failure_kind::permanent;
    }

    void attempt_succeeds() {
        ++open_;
        proven_ = true;
        for (const auto& login : books_.opened(now_)) {
            const auto first = first_who_wants(wish::login);
            REQUIRE(first != waiting_.end());
            CHECK(first->id == login.id);
            waiting_.erase(first);
        }
        CHECK(first_who_wants(wish::login) == waiting_.end());
        CHECK(books_.breaker_state(now_) == breaker::state::closed);
        give();
    }

    void give_back() {
        if (open_ == 0)
            return;
        give();
        decide();
    }

    void give() {
        const auto first = first_who_wants(wish::backend);
        const auto grant = books_.oldest(now_);
        REQUIRE(grant.has_value() == (first != waiting_.end()));
        if (!grant)
            return;
        CHECK(grant->id == first->id);
        CHECK(grant->waited ==
              std::chrono::duration_cast<std::chrono::milliseconds>(now_ - first->since));
        waiting_.erase(first);
    }

    void close() {
        if (open_ == 0)
            return;
        --open_;
        const bool by_server = pick(0, 1) == 0;
        books_.closed(by_server, now_);
        if (by_server || open_ == 0)
            proven_ = false;
        decide();
    }

    void pass_time(clock::duration time) {
        const auto end = now_ + time;
        while (wakeup_ && *wakeup_ <= end)
            wake_up();
        now_ = end;
        decide();
    }

    void wake_up() {
        if (!wakeup_)
            return;
        if (*wakeup_ - 1ns > now_) {
            now_ = *wakeup_ - 1ns;
            const auto before = wakeup_;
            CHECK_FALSE(decide());
            CHECK(wakeup_ == before);
        }
        now_ = *wakeup_;
        CHECK(decide());
    }

    // True when there was something to do.
    bool decide() {
        const auto todo = books_.decide(now_);
        for (const auto& refusal : todo.refused)
            check_refusal(refusal);
        permanent_ = false;
        for (const auto& notice : todo.notices)
            check_notice(notice);
        check_attempts(todo.open);
        wakeup_ = todo.wakeup;
        check_state();
        return todo.open > 0 || !todo.refused.empty() || !todo.notices.empty();
    }

    void check_refusal(const ledger::refusal& refusal) {
        const auto found = find(refusal.id);
        REQUIRE(found != waiting_.end());
        CHECK(refusal.why.sqlstate == (permanent_ ? "XX000" : "57P03"));
        waiting_.erase(found);
    }

    void check_notice(const ledger::notice& notice) {
        const auto found = find(notice.id);
        REQUIRE(found != waiting_.end());
        CHECK_FALSE(found->told);
        CHECK(now_ - found->since >= ledger::notice_after);
        found->told = true;
    }

    void check_attempts(unsigned started) {
        if (started > 0) {
            CHECK(books_.breaker_state(now_) != breaker::state::open);
            CHECK((proven_ || (started == 1 && connecting_ == 0)));
            const bool fills_up =
                open_ + connecting_ < settings_.pool.min && (proven_ || settings_.pool.keep_warm);
            if (!fills_up)
                CHECK(started + connecting_ <= waiting_.size());
        }
        connecting_ += started;
    }

    void check_state() {
        CHECK(open_ + connecting_ <= settings_.pool.max);
        CHECK(books_.open_count() == open_);
        CHECK(books_.connecting() == connecting_);
        CHECK(books_.waiting() == std::count_if(waiting_.begin(), waiting_.end(), [](auto& who) {
                  return who.what == wish::backend;
              }));
        for (const auto& who : waiting_) {
            CHECK(now_ < who.since + settings_.retry.wait_timeout);
            CHECK(who.told == (now_ - who.since >= ledger::notice_after));
        }
        if (!waiting_.empty())
            CHECK(wakeup_);
        if (wakeup_)
            CHECK(*wakeup_ > now_);
    }

    std::list<waiting_one>::iterator find(ticket id) {
        return std::find_if(waiting_.begin(), waiting_.end(),
                            [id](const auto& who) { return who.id == id; });
    }

    std::list<waiting_one>::iterator first_who_wants(wish what) {
        return std::find_if(waiting_.begin(), waiting_.end(),
                            [what](const auto& who) { return who.what == what; });
    }

    std::minstd_rand random_;
    config::database settings_;
    ledger books_;

    time_point now_{1000h};
    std::optional<time_point> wakeup_;
    std::list<waiting_one> waiting_;
    unsigned open_ = 0;
    unsigned connecting_ = 0;
    bool proven_ = false;
    bool permanent_ = false;  // the failure that has just been told
};

}  // namespace

TEST_CASE("10 000 random lives of a pool break no rule, and nobody waits for ever") {
    for (unsigned seed = 1; seed <= 10'000; ++seed) {
        CAPTURE(seed);
        model m(seed);
        for (int i = 0; i < 60; ++i)
            m.random_event();
        m.wind_down();
    }
}
