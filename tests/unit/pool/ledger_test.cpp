// Stories of a pool in virtual time.
#include "pgballast/pool/ledger.hpp"

#include <catch2/catch.hpp>

#include "pgballast/pool/classify.hpp"
#include "world.hpp"

using namespace pgballast;
using namespace pgballast::pool;
using namespace std::chrono_literals;
using pool::test::world;

namespace {

const failure refused =
    classify(false, step::connect, make_error_code(boost::system::errc::connection_refused));
const failure starting = classify(false, "57P03", "the database system is starting up");
const failure waking = classify(true, "XX000", "Couldn't connect to compute node");
const failure quota =
    classify(true, "XX000", "Your project has exceeded the compute time quota. Upgrade your plan.");

world::upstream always(failure error, clock::duration takes = 5ms) {
    return [=](clock::duration) { return world::outcome{takes, error}; };
}

world::upstream healthy(clock::duration takes = 5ms) {
    return [=](clock::duration) { return world::outcome{takes, std::nullopt}; };
}

world::upstream back_at(clock::duration time, failure error) {
    return [=](clock::duration started) {
        return started < time ? world::outcome{1ms, error} : world::outcome{5ms, std::nullopt};
    };
}

config::database with(unsigned min, unsigned max) {
    config::database settings;
    settings.pool.min = min;
    settings.pool.max = max;
    return settings;
}

}  // namespace

TEST_CASE("a plain PostgreSQL that restarts for 3 s is met within plain_delay of its return") {
    for (const auto& error : {refused, starting}) {
        world w(with(1, 10), back_at(3s, error));
        w.arrive();
        w.run(10s);

        REQUIRE(w.grants.size() == 1);
        CHECK(w.grants[0].at >= 3s);
        CHECK(w.grants[0].at <= 3s + 200ms + 7ms);
        CHECK(w.attempts.size() <= 16);
        CHECK(w.refusals.empty());
    }
}

TEST_CASE("Neon whose first wake fails is met in less than a second") {
    int asked = 0;
    world w(with(1, 10), [&](clock::duration) {
        return ++asked == 1 ? world::outcome{300ms, waking} : world::outcome{100ms, std::nullopt};
    });
    w.arrive();
    w.run(10s);
    REQUIRE(w.grants.size() == 1);
    CHECK(w.grants[0].at < 1s);
    CHECK(asked == 2);
}

TEST_CASE("a long outage is waited out with pauses of 0.5 s, 1 s, 2 s, 2 s") {
    world w(with(1, 10), back_at(20s, waking));
    w.arrive();
    w.run(60s);
    REQUIRE(w.grants.size() == 1);
    CHECK(w.grants[0].at < 22s + 7ms);

    REQUIRE(w.attempts.size() >= 8);
    const clock::duration longest[] = {500ms, 1s, 2s, 2s, 2s};
    for (std::size_t i = 0; i < std::size(longest); ++i) {
        const auto pause = w.attempts[i + 1] - w.attempts[i] - 1ms;
        CHECK(pause >= longest[i] * 3 / 4);
        CHECK(pause <= longest[i]);
    }
}

TEST_CASE("a quota error is passed on at once, in its own words, to all who wait for that answer") {
    world w(with(1, 10), always(quota, 90ms));
    for (int i = 0; i < 50; ++i)
        w.arrive(i % 5 == 0 ? wish::login : wish::backend);
    w.run(500ms);

    REQUIRE(w.refusals.size() == 50);
    for (const auto& refusal : w.refusals) {
        CHECK(refusal.at == 90ms);
        CHECK(refusal.why.message == quota.message);
        CHECK(refusal.why.sqlstate == "XX000");
    }
    CHECK(w.attempts.size() == 1);
    CHECK(w.books().breaker_state(time_point{}) == breaker::state::closed);

    SECTION("and the next one asks again at once") {
        w.arrive();
        CHECK(w.attempts.size() == 2);
        CHECK(w.attempts[1] == 500ms);
        w.run(600ms);
        CHECK(w.refusals.size() == 51);
        CHECK(w.refusals[50].at == 590ms);
    }
}

TEST_CASE("200 waiters at a wake cause one attempt, then no more than max") {
    world w(with(1, 10), healthy(1800ms));
    for (int i = 0; i < 200; ++i)
        w.arrive(wish::backend, 10ms);
    CHECK(w.attempts.size() == 1);
    w.run(1799ms);
    CHECK(w.attempts.size() == 1);
    w.run(10s);

    CHECK(w.attempts.size() == 10);
    CHECK(w.most_in_flight == 9);
    REQUIRE(w.grants.size() == 200);
    for (std::size_t i = 0; i < 200; ++i)
        CHECK(w.grants[i].id == i + 1);
}

TEST_CASE("a proven pool grows by as many as wait, not more") {
    world w(with(0, 10), healthy(20ms));
    w.arrive();
    w.run(50ms);
    CHECK(w.attempts.size() == 1);
    for (int i = 0; i < 3; ++i)
        w.arrive();
    CHECK(w.attempts.size() == 4);
    CHECK(w.books().connecting() == 3);
}

TEST_CASE("after a loss of all backends one attempt goes ahead") {
    world w(with(0, 10), healthy(20ms));
    for (int i = 0; i < 5; ++i)
        w.arrive();
    w.run(1s);
    REQUIRE(w.books().open_count() == 5);

    w.lose_all();
    CHECK(w.books().connecting() == 0);
    for (int i = 0; i < 5; ++i)
        w.arrive();
    CHECK(w.books().connecting() == 1);
    w.run(1020ms);
    CHECK(w.books().connecting() == 4);
    w.run(2s);
    CHECK(w.grants.size() == 10);
}

TEST_CASE("a server that closes one backend may be closing them all: one attempt goes ahead") {
    ledger books(with(0, 10), 1);
    const time_point now{1h};
    for (unsigned i = 0; i < 3; ++i) {
        books.wait(0, wish::backend, now);
        books.decide(now);
        books.opened(now);
        books.oldest(now);
    }
    const bool by_server = GENERATE(true, false);
    books.closed(by_server, now);
    books.wait(0, wish::backend, now);
    books.wait(0, wish::backend, now);
    CHECK(books.decide(now).open == (by_server ? 1 : 2));
}

TEST_CASE("a pool emptied by a suspend stays empty until somebody comes") {
    world w(with(3, 10), healthy());
    w.arrive(wish::backend, 1ms);
    w.run(1s);
    CHECK(w.books().open_count() == 3);

    w.lose_all();
    w.run(24h);
    CHECK(w.attempts.size() == 3);
    CHECK(w.books().open_count() == 0);

    w.arrive(wish::backend, 1ms);
    w.run(25h);
    CHECK(w.books().open_count() == 3);
}

TEST_CASE("keep_warm fills the pool by itself, after a loss too, and paces itself") {
    auto settings = with(3, 10);
    settings.pool.keep_warm = true;
    settings.breaker.failures = 0;

    SECTION("of a healthy upstream") {
        world w(settings, healthy());
        w.leave(0);  // any change makes the pool look around
        w.run(1s);
        CHECK(w.books().open_count() == 3);
        w.lose_all();
        w.run(2s);
        CHECK(w.books().open_count() == 3);
        CHECK(w.attempts.size() == 6);
    }
    SECTION("of one that refuses for good") {
        world w(settings, always(quota));
        w.leave(0);
        w.run(60s);
        CHECK(w.attempts.size() <= 31);
        CHECK(w.attempts.size() >= 29);

        const auto before = w.attempts.size();
        w.arrive();
        CHECK(w.attempts.size() == before + 1);
    }
}

TEST_CASE("a wait of 5 s is announced once, to waiters of either kind") {
    world w(with(1, 1), back_at(20s, waking));
    w.arrive(wish::login);
    w.run(1s);
    w.arrive(wish::backend);
    w.run(4999ms);
    CHECK(w.notices.empty());
    w.run(5s);
    REQUIRE(w.notices.size() == 1);
    CHECK(w.notices[0].id == 1);
    CHECK(w.notices[0].worker == 3);
    CHECK(w.notices[0].waited == 5s);
    CHECK(w.notices[0].text == "waiting for the database to wake, 5 s so far");
    w.run(30s);
    REQUIRE(w.notices.size() == 2);
    CHECK(w.notices[1].id == 2);
    CHECK(w.grants.size() == 2);
}

TEST_CASE("who waits in vain for wait_timeout is told the last real cause") {
    world w(with(1, 10), always(waking));
    w.arrive();
    w.run(59'999ms);
    CHECK(w.refusals.empty());
    w.run(60s);
    REQUIRE(w.refusals.size() == 1);
    const auto& why = w.refusals[0].why;
    CHECK(why.sqlstate == "57P03");
    CHECK(why.message == "no backend could be had within 60 s");
    CHECK(why.detail == waking.message);
    CHECK_FALSE(why.hint.empty());

    const auto before = w.attempts.size();
    w.run(24h);
    CHECK(w.attempts.size() == before);
}

TEST_CASE(
    "who waits in vain for a pool that is too small is told so, and the breaker does not count "
    "it") {
    world w(with(1, 2), healthy());
    for (int i = 0; i < 20; ++i)
        w.arrive();
    w.run(61s);
    CHECK(w.grants.size() == 2);
    REQUIRE(w.refusals.size() == 18);
    for (const auto& refusal : w.refusals) {
        CHECK(refusal.why.sqlstate == "57P03");
        CHECK(refusal.why.detail == "no backend became free: all 2 are in use");
    }
    CHECK(w.arrive() != 0);
}

TEST_CASE("who waits in vain for an upstream that never answers is told so") {
    auto settings = with(1, 10);
    settings.retry.wait_timeout = 1500ms;
    world w(settings, healthy(10s));
    w.arrive();
    w.run(2s);
    REQUIRE(w.refusals.size() == 1);
    CHECK(w.refusals[0].why.message == "no backend could be had within 1500 ms");
    CHECK(w.refusals[0].why.detail == "The server has not answered yet.");
    w.run(20s);
    CHECK(w.books().open_count() == 1);
}

TEST_CASE("with attempts: 3 all who wait are refused after the third, and the next begin anew") {
    auto settings = with(1, 10);
    settings.retry.attempts = 3;
    settings.breaker.failures = 0;
    world w(settings, always(waking, 10ms));
    for (int i = 0; i < 4; ++i)
        w.arrive();
    w.run(20s);
    CHECK(w.attempts.size() == 3);
    REQUIRE(w.refusals.size() == 4);
    for (const auto& refusal : w.refusals) {
        CHECK(refusal.at >= 1125ms);
        CHECK(refusal.at <= 1530ms);
        CHECK(refusal.why.sqlstate == "57P03");
        CHECK(refusal.why.message == "no backend could be had: gave up after 3 attempts");
        CHECK(refusal.why.detail == waking.message);
    }

    w.arrive();
    CHECK(w.attempts.size() == 4);
    w.run(40s);
    CHECK(w.attempts.size() == 6);
    CHECK(w.refusals.size() == 5);
}

TEST_CASE("who comes while nobody waits is spared the long pauses of those before") {
    auto settings = with(1, 10);
    settings.breaker.failures = 0;
    world w(settings, always(waking, 10ms));
    const auto first = w.arrive();
    w.run(30s);
    w.leave(first);
    w.run(40s);
    w.attempts.clear();

    w.arrive();
    w.run(41s);
    REQUIRE(w.attempts.size() == 2);
    CHECK(w.attempts[0] == 40s);
    CHECK(w.attempts[1] < 40s + 510ms);
}

TEST_CASE("attempts end when the last waiter leaves") {
    world w(with(1, 10), always(waking));
    const auto one = w.arrive();
    const auto two = w.arrive(wish::login);
    w.run(3s);
    w.leave(one);
    const auto before = w.attempts.size();
    w.run(6s);
    CHECK(w.attempts.size() > before);

    w.leave(two);
    const auto after_all = w.attempts.size();
    w.run(1h);
    CHECK(w.attempts.size() == after_all);
    CHECK(w.refusals.empty());
}

TEST_CASE("who left is neither served nor refused, even between a failure and the decision") {
    ledger books(with(1, 1), 1);
    const time_point now{1h};
    const auto gone = books.wait(0, wish::backend, now).id;
    const auto stays = books.wait(0, wish::backend, now).id;
    REQUIRE(books.decide(now).open == 1);

    books.failed(quota, now);
    books.leave(gone);
    books.leave(gone);
    const auto todo = books.decide(now);
    REQUIRE(todo.refused.size() == 1);
    CHECK(todo.refused[0].id == stays);
    CHECK(books.waiting() == 0);
}

TEST_CASE("one success answers all logins and leaves its backend to the oldest who wants one") {
    world w(with(0, 10), healthy(100ms));
    w.arrive(wish::login);
    w.arrive(wish::backend);
    w.arrive(wish::login);
    CHECK(w.books().waiting() == 1);
    w.run(99ms);
    CHECK(w.attempts.size() == 1);
    w.run(1s);
    REQUIRE(w.grants.size() == 3);
    for (const auto& grant : w.grants)
        CHECK(grant.at == 100ms);
    CHECK(w.grants[2].id == 2);
    CHECK(w.attempts.size() == 1);
    CHECK(w.books().open_count() == 1);
}

TEST_CASE("several logins want no more than one attempt, in a proven pool too") {
    world w(with(0, 10), healthy());
    w.arrive();
    w.run(1s);
    for (int i = 0; i < 3; ++i)
        w.arrive(wish::login);
    w.run(2s);
    CHECK(w.grants.size() == 4);
    CHECK(w.attempts.size() == 2);
}

TEST_CASE("an attempt that failed decides nothing once another has succeeded") {
    ledger books(with(0, 10), 1);
    const time_point now{1h};
    books.wait(0, wish::backend, now);
    books.decide(now);
    books.opened(now);
    books.oldest(now);
    for (int i = 0; i < 3; ++i)
        books.wait(0, wish::backend, now);
    REQUIRE(books.decide(now).open == 3);

    books.failed(quota, now);
    books.opened(now);
    books.oldest(now);
    CHECK(books.decide(now).refused.empty());
    CHECK(books.waiting() == 2);
}

TEST_CASE("time that goes backwards between two callers does no harm") {
    ledger books(with(1, 1), 1);
    const time_point now{1h};
    books.wait(0, wish::backend, now);
    books.wait(0, wish::backend, now - 1ms);
    books.decide(now - 2ms);
    books.opened(now - 3ms);
    const auto grant = books.oldest(now - 4ms);
    REQUIRE(grant);
    CHECK(grant->waited == 0ms);
}

TEST_CASE("none is opened for who can have an idle one, until that turns out to be gone") {
    const auto now = time_point{} + 1h;
    ledger books(with(0, 10), 1);
    books.wait(0, wish::backend, now);
    REQUIRE(books.decide(now).open == 1);
    books.opened(now);
    REQUIRE(books.oldest(now));

    books.wait(0, wish::backend, now);
    books.wait(0, wish::backend, now);
    CHECK(books.decide(now, 2).open == 0);
    CHECK(books.decide(now, 1).open == 1);
    CHECK(books.decide(now, 1).open == 0);
    CHECK(books.decide(now, 0).open == 1);
}

TEST_CASE("wait_timeout may be for ever") {
    auto settings = with(1, 1);
    settings.retry.wait_timeout = std::chrono::milliseconds::max();
    world w(settings, healthy());
    w.arrive();
    w.arrive();
    w.run(20h);
    CHECK(w.refusals.empty());
    w.run(25h);
    CHECK(w.grants.size() == 2);
}

TEST_CASE("10 000 waiters are no problem") {
    world w(with(1, 20), healthy());
    for (int i = 0; i < 10'000; ++i)
        w.arrive(wish::backend, 100ms);
    for (ticket id = 2; id <= 10'000; id += 2)
        w.leave(id);
    w.run(50s);
    CHECK(w.grants.size() == 5'000);
    CHECK(w.notices.size() > 3'000);
    CHECK(w.attempts.size() == 20);
}
