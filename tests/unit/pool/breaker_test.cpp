#include "pgballast/pool/breaker.hpp"

#include <catch2/catch.hpp>

using namespace pgballast;
using namespace std::chrono_literals;
using pool::breaker;
using state = pool::breaker::state;

namespace {

constexpr pool::time_point start{1h};

breaker tripped() {
    breaker subject({.failures = 2, .open_for = 10s});
    subject.gave_up(start);
    subject.gave_up(start);
    return subject;
}

}  // namespace

TEST_CASE("the breaker opens after as many vain waits in a row as the settings say") {
    breaker subject({.failures = 3, .open_for = 10s});
    subject.gave_up(start);
    subject.gave_up(start);
    CHECK(subject.at(start) == state::closed);
    subject.succeeded();
    subject.gave_up(start);
    subject.gave_up(start);
    CHECK(subject.at(start) == state::closed);
    subject.gave_up(start);
    CHECK(subject.at(start) == state::open);
}

TEST_CASE("an open breaker is half open after open_for, to the nanosecond") {
    const auto subject = tripped();
    CHECK(subject.attempts_from() == start + 10s);
    CHECK(subject.at(start + 10s - 1ns) == state::open);
    CHECK(subject.at(start + 10s) == state::half_open);
}

TEST_CASE("those who run out while the breaker is open do not keep it open") {
    auto subject = tripped();
    subject.gave_up(start + 9s);
    CHECK(subject.at(start + 10s) == state::half_open);
}

TEST_CASE("a failed probe opens the breaker again, for as long as before") {
    auto subject = tripped();
    subject.probe_failed(start + 12s);
    CHECK(subject.at(start + 22s - 1ns) == state::open);
    CHECK(subject.at(start + 22s) == state::half_open);
}

TEST_CASE("a success closes the breaker whatever its state, and counting starts anew") {
    for (const auto later : {0s, 10s}) {
        auto subject = tripped();
        subject.succeeded();
        CHECK(subject.at(start + later) == state::closed);
        CHECK(subject.attempts_from() == pool::time_point::min());
        subject.gave_up(start);
        CHECK(subject.at(start + later) == state::closed);
    }
}

TEST_CASE("failures: 0 means no breaker") {
    breaker subject({.failures = 0, .open_for = 10s});
    for (int i = 0; i < 1000; ++i)
        subject.gave_up(start);
    CHECK(subject.at(start) == state::closed);
}

TEST_CASE("open_for may be for ever") {
    breaker subject({.failures = 1, .open_for = std::chrono::milliseconds::max()});
    subject.gave_up(start);
    CHECK(subject.at(start + 24h) == state::open);
}
