#include "pgballast/pool/lifetime.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace pgballast;
using namespace std::chrono_literals;
using pool::expiry;

TEST_CASE("an idle backend is closed after max_idle, but not below min") {
    const config::pool_settings settings{.min = 2, .max_idle = 10min, .max_lifetime = 0ms};
    CHECK(pool::check_lifetime(settings, 3, 10min - 1ms, 1h, 1) == expiry::none);
    CHECK(pool::check_lifetime(settings, 3, 10min, 1h, 1) == expiry::idle);
    CHECK(pool::check_lifetime(settings, 2, 10min, 1h, 1) == expiry::none);
}

TEST_CASE("with min 0 the last backend goes too") {
    const config::pool_settings settings{.min = 0, .max_idle = 1min, .max_lifetime = 0ms};
    CHECK(pool::check_lifetime(settings, 1, 1min, 1min, 1) == expiry::idle);
}

TEST_CASE("an old backend is closed however few are open") {
    const config::pool_settings settings{.min = 5, .max_idle = 0ms, .max_lifetime = 1h};
    for (std::uint64_t id = 0; id < 1000; ++id) {
        const auto life = pool::lifetime_of(1h, id);
        CHECK(life >= 54min);
        CHECK(life <= 66min);
        CHECK(life == pool::lifetime_of(1h, id));
        CHECK(pool::check_lifetime(settings, 1, 0ms, life - 1ms, id) == expiry::none);
        CHECK(pool::check_lifetime(settings, 1, 0ms, life, id) == expiry::old);
    }
}

TEST_CASE("backends opened together do not end together") {
    std::set<std::chrono::milliseconds> ends;
    for (std::uint64_t id = 1; id <= 20; ++id)
        ends.insert(pool::lifetime_of(1h, id));
    CHECK(ends.size() > 15);
    CHECK(*ends.rbegin() - *ends.begin() > 6min);
}

TEST_CASE("zero means no limit") {
    const config::pool_settings settings{.min = 0, .max_idle = 0ms, .max_lifetime = 0ms};
    CHECK(pool::check_lifetime(settings, 10, 24h * 365, 24h * 365, 1) == expiry::none);
}
