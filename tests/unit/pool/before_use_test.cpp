#include "pgballast/pool/before_use.hpp"

#include <catch2/catch.hpp>

using namespace pgballast::pool;
using namespace std::chrono_literals;

TEST_CASE("a backend that worked a moment ago is not looked at") {
    CHECK_FALSE(needs_peek(0ms));
    CHECK_FALSE(needs_peek(9ms));
    CHECK(needs_peek(10ms));
    CHECK(needs_peek(1h));
}

TEST_CASE("a backend that has ended, or says what nobody asked, is discarded however fresh it is") {
    for (const auto seen : {peek::data, peek::end})
        for (const auto idle_for : {0ms, 30'000ms, 3'600'000ms})
            CHECK(check_before_use(idle_for, seen, 0ms, 30s) == before_use::discard);
}

TEST_CASE("a quiet backend is used up to check_after without any proof") {
    for (const auto seen : {peek::quiet, peek::unknown}) {
        CHECK(check_before_use(0ms, seen, std::nullopt, 30s) == before_use::use);
        CHECK(check_before_use(30s, seen, 1h, 30s) == before_use::use);
        CHECK(check_before_use(30'001ms, seen, 1h, 30s) == before_use::probe);
    }
}

TEST_CASE("an answered keepalive proves a backend that has been idle for long") {
    CHECK(check_before_use(1h, peek::quiet, 6'999ms, 30s) == before_use::use);
    CHECK(check_before_use(1h, peek::quiet, 7s, 30s) == before_use::probe);
    CHECK(check_before_use(1h, peek::quiet, std::nullopt, 30s) == before_use::probe);
}
