// The life of the breaker, seen by those who wait.
#include <catch2/catch.hpp>

#include "pgballast/pool/classify.hpp"
#include "pgballast/pool/ledger.hpp"
#include "world.hpp"

using namespace pgballast;
using namespace pgballast::pool;
using namespace std::chrono_literals;
using pool::test::world;

namespace {

const failure waking = classify(true, "XX000", "Couldn't connect to compute node");

config::database impatient() {
    config::database settings;
    settings.retry.wait_timeout = 4s;
    settings.breaker = {.failures = 3, .open_for = 10s};
    return settings;
}

// Fails up to `until`; then it answers.
world::upstream down_until(clock::duration until) {
    return [=](clock::duration started) {
        return started < until ? world::outcome{10ms, waking} : world::outcome{10ms, std::nullopt};
    };
}

// Three who have waited in vain, at 4 s; the last one came at 3 s and is still there.
world opened(clock::duration down) {
    world w(impatient(), down_until(down));
    for (int i = 0; i < 3; ++i)
        w.arrive();
    w.run(3s);
    w.arrive();
    w.run(4s);
    REQUIRE(w.refusals.size() == 3);
    return w;
}

}  // namespace

TEST_CASE("while the breaker is open newcomers are refused at once, with the real cause") {
    auto w = opened(1h);
    for (int i = 0; i < 10; ++i)
        CHECK(w.arrive(i % 2 ? wish::login : wish::backend) == 0);
    REQUIRE(w.turned_away.size() == 10);
    for (const auto& why : w.turned_away) {
        CHECK(why.sqlstate == "57P03");
        CHECK(why.detail == waking.message);
        CHECK(why.hint.find("10 s") != std::string::npos);
    }
}

TEST_CASE("while the breaker is open nothing is attempted, and the queued keep their place") {
    auto w = opened(1h);
    const auto before = w.attempts.size();
    w.run(6'999ms);
    CHECK(w.refusals.size() == 3);
    w.run(7s);
    REQUIRE(w.refusals.size() == 4);
    CHECK(w.refusals[3].why.message == "no backend could be had within 4 s");
    w.run(1h);
    CHECK(w.attempts.size() == before);
}

TEST_CASE("half open, the next one drives one attempt; others are refused until it has ended") {
    auto w = opened(1h);
    w.run(20s);
    const auto before = w.attempts.size();
    const auto prober = w.arrive();
    CHECK(prober != 0);
    CHECK(w.arrive() == 0);
    CHECK(w.attempts.size() == before + 1);

    w.run(21s);
    REQUIRE(w.refusals.size() == 5);
    CHECK(w.refusals[4].id == prober);
    CHECK(w.refusals[4].at == 20s + 10ms);
    CHECK(w.refusals[4].why.sqlstate == "57P03");
    CHECK(w.refusals[4].why.detail == waking.message);
    CHECK(w.attempts.size() == before + 1);

    SECTION("and after a failed one the breaker is open again for open_for") {
        w.run(30s);
        CHECK(w.arrive() == 0);
        w.run(31s);
        CHECK(w.arrive() != 0);
    }
}

TEST_CASE("half open, a success closes the breaker") {
    auto w = opened(15s);
    w.run(20s);
    CHECK(w.arrive() != 0);
    w.run(21s);
    CHECK(w.grants.size() == 1);
    for (int i = 0; i < 9; ++i)
        CHECK(w.arrive() != 0);
    w.run(22s);
    CHECK(w.grants.size() == 10);
}

TEST_CASE("half open, a prober that leaves makes room for the next, once its attempt has ended") {
    auto w = opened(1h);
    w.run(20s);
    w.leave(w.arrive());
    CHECK(w.arrive() == 0);
    w.run(40s);
    CHECK(w.refusals.size() == 4);
    CHECK(w.arrive() != 0);
}

TEST_CASE("one already queued drives the probe, and its failure refuses nobody but that one") {
    auto settings = impatient();
    settings.retry.wait_timeout = 30s;
    world w(settings, down_until(1h));
    for (int i = 0; i < 3; ++i)
        w.arrive();
    w.run(25s);
    const auto first = w.arrive();
    w.arrive();
    w.run(30s);
    REQUIRE(w.refusals.size() == 3);
    const auto before = w.attempts.size();

    w.run(40s);
    CHECK(w.attempts.size() == before + 1);
    CHECK(w.arrive() == 0);
    w.run(41s);
    CHECK(w.attempts.size() == before + 1);
    REQUIRE(w.refusals.size() == 4);
    CHECK(w.refusals[3].id == first);

    w.run(50s + 9ms);
    CHECK(w.attempts.size() == before + 1);
    w.run(51s);
    CHECK(w.attempts.size() == before + 2);
}

TEST_CASE("one client that is served in between keeps the breaker closed") {
    auto settings = impatient();
    settings.pool.min = 0;
    settings.pool.max = 2;
    int asked = 0;
    world w(settings, [&](clock::duration) {
        return ++asked == 1 ? world::outcome{10ms, std::nullopt} : world::outcome{10ms, waking};
    });
    w.arrive(wish::backend, 5s);
    w.run(500ms);
    w.arrive();
    w.run(700ms);
    w.arrive();
    w.run(4800ms);  // both have run out
    CHECK(w.refusals.size() == 2);
    w.arrive(wish::backend, 1s);  // served at 5 s
    w.run(5500ms);
    CHECK(w.grants.size() == 2);
    w.arrive(wish::backend, 10s);  // served at 6 s
    w.arrive();
    w.run(11s);
    CHECK(w.refusals.size() == 3);
    CHECK(w.arrive() != 0);
}

TEST_CASE("an attempt still in flight when the breaker opens may close it") {
    auto settings = impatient();
    world w(settings, [](clock::duration) { return world::outcome{6s, std::nullopt}; });
    for (int i = 0; i < 3; ++i)
        w.arrive();
    w.run(5s);
    CHECK(w.refusals.size() == 3);
    CHECK(w.arrive() == 0);
    REQUIRE(w.turned_away.size() == 1);
    CHECK(w.turned_away[0].detail == "The server has not answered yet.");
    w.run(6s);
    CHECK(w.arrive() == 0);  // finds the idle backend
    CHECK(w.served_at_once == 1);
    CHECK(w.turned_away.size() == 1);
}

TEST_CASE("keep_warm makes no probe of its own") {
    auto settings = impatient();
    settings.pool.keep_warm = true;
    world w(settings, down_until(1h));
    for (int i = 0; i < 3; ++i)
        w.arrive();
    w.run(5s);
    const auto before = w.attempts.size();
    w.run(2h);
    CHECK(w.attempts.size() == before);

    w.arrive(wish::backend, 1s);
    w.run(3h);
    CHECK(w.grants.size() == 1);
    CHECK(w.books().open_count() == 1);
}

TEST_CASE("a failed probe refuses nobody when another has been served meanwhile") {
    auto settings = impatient();
    settings.retry.wait_timeout = 30s;
    settings.breaker.failures = 1;
    int asked = 0;
    world w(settings, [&](clock::duration) {
        return ++asked == 1 ? world::outcome{0ms, std::nullopt} : world::outcome{500ms, waking};
    });
    w.arrive(wish::backend, 45'200ms);
    w.run(5s);
    w.arrive();
    w.run(20s);
    const auto prober = w.arrive(wish::login);
    w.arrive();
    w.run(35s);  // the second has waited in vain: half open at 45 s
    REQUIRE(w.refusals.size() == 1);

    w.run(46s);
    CHECK(w.grants.size() == 2);
    CHECK(w.refusals.size() == 1);
    w.run(50s);
    REQUIRE(w.refusals.size() == 2);
    CHECK(w.refusals[1].id == prober);
    CHECK(w.refusals[1].at == 50s);
}

TEST_CASE("attempts that are used up count as waiting in vain") {
    auto settings = impatient();
    settings.retry.attempts = 1;
    world w(settings, down_until(1h));
    for (int i = 0; i < 3; ++i)
        w.arrive();
    w.run(1s);
    CHECK(w.refusals.size() == 3);
    CHECK(w.attempts.size() == 1);
    CHECK(w.arrive() == 0);
}
