#include "../settings.hpp"

#include <random>

using namespace neonsim;
using namespace std::chrono_literals;

TEST_CASE("a wake time is fixed, or drawn from a range") {
    std::mt19937 random{1};
    CHECK(parse_wake_time("300")->draw(random) == 300ms);
    const auto range = parse_wake_time("300-310").value();
    for (int i = 0; i < 100; ++i) {
        const auto drawn = range.draw(random);
        CHECK(drawn >= 300ms);
        CHECK(drawn <= 310ms);
    }
}

TEST_CASE("what is no wake time is not taken for one") {
    for (const char* text : {"", "-", "5-", "-5", "6-5", "1.5", "5ms", "600001", "1-2-3"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_wake_time(text));
    }
}

TEST_CASE("autosuspend is in seconds, or off") {
    CHECK(parse_autosuspend("300").value() == 300s);
    CHECK(parse_autosuspend("0.5").value() == 500ms);
    CHECK(parse_autosuspend("off").value() == std::nullopt);
    for (const char* text : {"", "on", "-1", "5s", "1e9", "nan"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_autosuspend(text));
    }
}
