#include "pgballast/admin/json.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>
#include <random>

#include "statuses.hpp"

using namespace pgballast::admin;
namespace json = boost::json;
using pgballast::proxy::health;

TEST_CASE("a time is written as RFC 3339 has it") {
    CHECK(to_text(some_day) == "2026-11-24T09:30:00Z");
    CHECK(to_text(wall_clock::time_point{}) == "1970-01-01T00:00:00Z");
}

TEST_CASE("the health of a database tells its state, its pool and its last error") {
    CHECK(json::value(health_json(busy_pool())) == json::parse(R"({
        "database": "app", "state": "up", "breaker": "closed",
        "pool": {"min": 1, "max": 10, "open": 9, "idle": 2, "lent": 4, "pinned": 1,
                 "errand": 3, "connecting": 5, "waiting": 6},
        "last_error": {"sqlstate": "57P03", "message": "the database system is starting up",
                       "detail": "", "hint": ""},
        "last_opened": "2026-11-24T09:30:30Z"})"));
}

TEST_CASE("what has never happened is null") {
    const auto found = health_json(pool_in(health::unknown));
    CHECK(found.at("state") == "unknown");
    CHECK(found.at("last_error").is_null());
    CHECK(found.at("last_opened").is_null());
}

TEST_CASE("every state of the breaker has its word") {
    using breaker = pgballast::pool::breaker::state;
    auto pool = pool_in(health::down);
    for (const auto& [state, word] : {std::pair{breaker::closed, "closed"},
                                      {breaker::open, "open"},
                                      {breaker::half_open, "half_open"}}) {
        pool.breaker = state;
        CHECK(health_json(pool).at("breaker") == word);
    }
}

TEST_CASE("databases are well until one is down") {
    CHECK(health_json(status_with({})).at("status") == "ok");
    for (const auto state : {health::unknown, health::up, health::asleep, health::waking}) {
        const auto now = status_with({pool_in(state)});
        CAPTURE(pgballast::proxy::to_string(state));
        CHECK_FALSE(is_any_down(now));
        CHECK(health_json(now).at("status") == "ok");
    }
    const auto now = status_with({pool_in(health::up, "a"), pool_in(health::down, "b")});
    CHECK(is_any_down(now));
    CHECK(health_json(now).at("status") == "down");
    CHECK(health_json(now).at("databases").as_array().size() == 2);
}

TEST_CASE("the statistics tell all that is known") {
    const auto found = stats_json(status_with({busy_pool()}));
    auto rest = found;
    rest.erase("pools");
    CHECK(json::value(rest) == json::parse(R"({
        "version": "1.2.3", "engine": "epoll", "workers": 2, "ready": true,
        "started": "2026-11-24T09:30:00Z", "uptime_seconds": 61,
        "clients": 21, "clients_max": 1000})"));

    const auto& pools = found.at("pools").as_array();
    REQUIRE(pools.size() == 1);
    const auto& pool = pools[0].as_object();
    for (const auto& [key, value] : health_json(busy_pool()))
        CHECK(pool.at(key) == value);
    CHECK(pool.at("mode") == "session");
    CHECK(pool.at("clients") == 20);
    CHECK(pool.at("totals") == json::parse(R"({
        "transactions": 100, "bytes_from_clients": 101, "bytes_from_backends": 102,
        "waits": 103, "wait_microseconds": 1500000, "refused": 105, "backends_opened": 106,
        "connects_failed": 107, "backends_lost": 108, "losses_hidden": 109,
        "losses_told": 110, "losses": {"restored": 200, "run_again_unsent": 201,
        "run_again_rolled_back": 202, "run_again_read_only": 203, "rolled_back": 204,
        "told_40001": 205, "told_08007": 206, "told_57P03": 207, "closed_57P01": 208,
        "told_other": 209}, "cancels": 111, "pings": 112})"));
}

TEST_CASE("stories are told the newest first, whatever database they are of") {
    using std::chrono::milliseconds;
    const wall_clock::time_point noon{std::chrono::seconds{1795521600}};
    auto one = busy_pool(), other = pool_in(health::up, "other");
    one.stories = {{noon + std::chrono::seconds{2}, "gone", "57P01",
                    pgballast::proxy::loss_outcome::told_40001, milliseconds{7}},
                   {noon, "caf\xe9", "", pgballast::proxy::loss_outcome::restored, {}}};
    other.stories = {{noon + std::chrono::seconds{1}, "reset", "",
                      pgballast::proxy::loss_outcome::run_again_read_only, milliseconds{3}}};
    const auto found = stories_json(status_with({one, other}));
    const auto& stories = found.at("stories").as_array();
    REQUIRE(stories.size() == 3);
    CHECK(stories[0] == json::parse(R"({"at": "2026-11-24T12:00:02Z", "database": "app",
        "lost": "gone", "sqlstate": "57P01", "done": "told_40001", "told": true, "took_ms": 7})"));
    CHECK(stories[1].at("database") == "other");
    CHECK(stories[1].at("done") == "run_again_read_only");
    CHECK(stories[2].at("lost") == "caf\xef\xbf\xbd");
    CHECK(stories[2].at("told") == false);
}

TEST_CASE("what a server says in another encoding is made UTF-8") {
    auto pool = pool_in(health::down, "caf\xe9");
    pool.last_error =
        pgballast::pool::failure{.sqlstate = "28P01",
                                 .message = "Authentifizierung f\xfcr \"x\" fehlgeschlagen",
                                 .detail = "",
                                 .hint = "größer\n\xe2\x82"};
    const auto text = json::serialize(health_json(pool));
    const auto read = json::parse(text).as_object();  // which refuses what is not UTF-8
    CHECK(read.at("database") == "caf\xef\xbf\xbd");
    CHECK(read.at("last_error").at("message") ==
          "Authentifizierung f\xef\xbf\xbdr \"x\" fehlgeschlagen");
    CHECK(read.at("last_error").at("hint") == "größer\n\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("whatever octets a name has, the JSON can be read, and what was UTF-8 stays") {
    // Those that begin, go on with, or only look like a character.
    constexpr unsigned char octets[] = {'a',  '"',  '\\', '\n', 0x7f, 0x80, 0xbf, 0xc0, 0xc3, 0xe0,
                                        0xe2, 0x82, 0xac, 0xed, 0xa0, 0xf0, 0x9f, 0x98, 0xf4, 0xff};
    std::minstd_rand random{1};
    std::uniform_int_distribution<std::size_t> which{0, std::size(octets) - 1};
    for (int round = 0; round < 20'000; ++round) {
        std::string name = "\u20ac";
        for (int count = 0; count < 6; ++count)
            name += static_cast<char>(octets[which(random)]);
        boost::system::error_code unreadable;
        const auto text = json::serialize(health_json(pool_in(health::up, name)));
        const auto read = json::parse(text, unreadable);
        if (unreadable || !read.at("database").as_string().starts_with("\u20ac"))
            FAIL("unreadable: " << text);
    }
}
