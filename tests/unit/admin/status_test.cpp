#include "pgballast/admin/status.hpp"

#include <catch2/catch.hpp>

using namespace pgballast;
using namespace std::chrono_literals;
using admin::take_status;
using admin::wall_clock;
using proxy::health;

namespace {

config::database database(std::string name, unsigned max) {
    config::database made;
    made.name = std::move(name);
    made.upstream.hosts = {{"127.0.0.1", 1}};
    made.upstream.user = "app";
    made.upstream.sslmode = config::sslmode::disable;
    made.pool.mode = config::pool_mode::session;
    made.pool.max = max;
    return made;
}

/// A proxy that does not listen, and whose control plane nobody runs: nothing moves.
config::snapshot settings() {
    config::snapshot made;
    made.listen = {{"127.0.0.1", 0}};
    made.databases = {database("b", 7), database("*", 8)};
    made.limits.clients = 50;
    made.io = config::io_kind::epoll;
    made.threads = 2;
    return made;
}

}  // namespace

TEST_CASE("a status tells what the proxy is") {
    const proxy::proxy served{settings()};
    const auto started = wall_clock::now();
    const auto now = take_status(served, "1.2.3", started);
    CHECK(now.version == "1.2.3");
    CHECK(now.engine == "epoll");
    CHECK(now.workers == 2);
    CHECK(now.clients == 0);
    CHECK(now.clients_max == 50);
    CHECK(now.started == started);
    CHECK(now.taken >= started);
}

TEST_CASE("a proxy is ready from when it listens until it drains") {
    proxy::proxy served{settings()};
    const auto ready = [&] { return take_status(served, "", {}).ready; };
    CHECK_FALSE(ready());
    served.start();
    CHECK(ready());
    served.drain(false, nullptr);
    CHECK_FALSE(ready());
}

TEST_CASE("a database nobody has asked for is unknown, and * is no database") {
    const proxy::proxy served{settings()};
    const auto now = take_status(served, "", {});
    REQUIRE(now.pools.size() == 1);
    const auto& pool = now.pools[0];
    CHECK(pool.database == "b");
    CHECK(pool.state == health::unknown);
    CHECK(pool.mode == config::pool_mode::session);
    CHECK(pool.min == 1);
    CHECK(pool.max == 7);
    CHECK_FALSE(pool.last_error);
    CHECK_FALSE(pool.last_opened);
}

TEST_CASE("pools come in the order of their names, each once, those of * among them") {
    proxy::proxy served{settings()};
    for (const auto* name : {"c", "b", "a"}) {
        auto* pool = served.find_pool(name);
        REQUIRE(pool);
        (void)pool->wait(0, pool::wish::backend);
        (void)pool->opened({});  // the server has let us in
    }
    const auto now = take_status(served, "", {});
    REQUIRE(now.pools.size() == 3);
    CHECK(now.pools[0].database == "a");
    CHECK(now.pools[0].max == 8);
    CHECK(now.pools[1].database == "b");
    CHECK(now.pools[2].database == "c");
}

TEST_CASE("a name that only a client has spoken of is no database") {
    proxy::proxy served{settings()};
    auto* pool = served.find_pool("typo");
    REQUIRE(pool);
    (void)pool->wait(0, pool::wish::backend);
    pool->failed({pool::failure_kind::permanent, "3D000", "there is none", {}, {}});
    for (const auto& one : take_status(served, "", {}).pools)
        CHECK(one.database == "b");
}

TEST_CASE("the figures of all workers are added up") {
    proxy::proxy served{settings()};
    auto& pool = *served.find_pool("b");
    for (unsigned worker : {0u, 1u}) {
        auto& counters = pool.counters(worker);
        auto n = 10u * (worker + 1);
        for (auto* one :
             {&counters.clients, &counters.idle, &counters.lent, &counters.errand,
              &counters.transactions, &counters.bytes_from_clients, &counters.bytes_from_backends,
              &counters.waits, &counters.wait_microseconds, &counters.refused,
              &counters.backends_lost, &counters.losses_hidden, &counters.losses_told,
              &counters.cancels, &counters.pinned, &counters.pings})
            one->add(n++);
        for (auto& one : counters.losses)
            one.add(n++);
    }
    const auto found = take_status(served, "", {}).pools.at(0);
    CHECK(found.clients == 30);
    CHECK(found.idle == 32);
    CHECK(found.lent == 34);
    CHECK(found.errand == 36);
    CHECK(found.totals.transactions == 38);
    CHECK(found.totals.bytes_from_clients == 40);
    CHECK(found.totals.bytes_from_backends == 42);
    CHECK(found.totals.waits == 44);
    CHECK(found.totals.wait_microseconds == 46);
    CHECK(found.totals.refused == 48);
    CHECK(found.totals.backends_lost == 50);
    CHECK(found.totals.losses_hidden == 52);
    CHECK(found.totals.losses_told == 54);
    CHECK(found.totals.cancels == 56);
    CHECK(found.pinned == 58);
    CHECK(found.totals.pings == 60);
    CHECK(found.totals.losses.front() == 62);
    CHECK(found.totals.losses.back() == 80);
}

TEST_CASE("the fate of attempts to connect is told, with the time of day") {
    proxy::proxy served{settings()};
    auto& pool = *served.find_pool("b");
    const auto before = wall_clock::now();

    REQUIRE_FALSE(pool.wait(0, pool::wish::backend).refused);  // so one is attempted
    auto found = take_status(served, "", {}).pools.at(0);
    CHECK(found.state == health::waking);
    CHECK(found.connecting == 1);
    CHECK(found.waiting == 1);

    pool.failed({pool::failure_kind::permanent, "28P01", "wrong password", "", ""});
    found = take_status(served, "", {}).pools.at(0);
    CHECK(found.state == health::down);
    CHECK(found.connecting == 0);
    CHECK(found.waiting == 0);
    CHECK(found.totals.connects_failed == 1);
    REQUIRE(found.last_error);
    CHECK(found.last_error->sqlstate == "28P01");

    REQUIRE_FALSE(pool.wait(0, pool::wish::backend).refused);
    pool.opened({});
    found = take_status(served, "", {}).pools.at(0);
    CHECK(found.state == health::up);
    CHECK(found.open == 1);
    CHECK(found.totals.backends_opened == 1);
    CHECK(found.last_error);  // kept
    REQUIRE(found.last_opened);
    CHECK(*found.last_opened >= before - 1s);
    CHECK(*found.last_opened <= wall_clock::now() + 1s);

    pool.closed(true);
    CHECK(take_status(served, "", {}).pools.at(0).state == health::asleep);
}
