#include "pgballast/pool/backoff.hpp"

#include <catch2/catch.hpp>

using namespace pgballast;
using namespace std::chrono_literals;

TEST_CASE("each pause is twice the one before, up to max_delay, and never longer") {
    std::minstd_rand random(1);
    const config::retry_settings retry;  // 500 ms up to 2 s
    const std::chrono::milliseconds expected[] = {500ms, 1s, 2s, 2s, 2s};

    for (int round = 0; round < 1000; ++round) {
        for (unsigned failed = 0; failed < std::size(expected); ++failed) {
            const auto pause = pool::backoff(retry, failed, random);
            CHECK(pause >= expected[failed] * 3 / 4);
            CHECK(pause < expected[failed]);
        }
    }
}

TEST_CASE("jitter spreads the pauses over the quarter that it may use") {
    std::minstd_rand random(2);
    auto shortest = std::chrono::microseconds::max();
    auto longest = std::chrono::microseconds::zero();
    for (int round = 0; round < 1000; ++round) {
        const auto pause = pool::backoff({}, 0, random);
        shortest = std::min(shortest, pause);
        longest = std::max(longest, pause);
    }
    CHECK(shortest < 385ms);
    CHECK(longest > 490ms);
}

TEST_CASE("a pause has bounds after any number of failures and with any settings") {
    std::minstd_rand random(3);
    config::retry_settings retry;
    CHECK(pool::backoff(retry, 4'000'000'000u, random) < 2s);

    retry.delay = 10s;  // above max_delay
    CHECK(pool::backoff(retry, 0, random) < 2s);

    retry.delay = 0ms;
    CHECK(pool::backoff(retry, 4'000'000'000u, random) == pool::backoff_min);
}
