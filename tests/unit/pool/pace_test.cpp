#include "pgballast/pool/pace.hpp"

#include <catch2/catch.hpp>

using namespace pgballast;
using namespace std::chrono_literals;
using pool::failure_kind;
using pool::pace;

namespace {

constexpr pool::time_point start{1h};

}  // namespace

TEST_CASE("an upstream that is not proven gets one attempt at a time") {
    pace subject({}, 1);
    CHECK(subject.allowance(0) == 1);
    CHECK(subject.allowance(1) == 0);

    subject.succeeded();
    CHECK(subject.allowance(0) > 100);
    CHECK(subject.allowance(7) > 100);

    subject.doubt();
    CHECK(subject.allowance(0) == 1);
    CHECK(subject.next() <= start);

    subject.succeeded();
    subject.failed(failure_kind::transient, 0, start);
    CHECK(subject.allowance(0) == 1);
}

TEST_CASE("transient failures are followed by ever longer pauses, a success by none") {
    pace subject({}, 1);
    subject.failed(failure_kind::transient, 0, start);
    CHECK(subject.next() - start >= 375ms);
    CHECK(subject.next() - start < 500ms);
    subject.failed(failure_kind::transient, 0, start);
    CHECK(subject.next() - start >= 750ms);
    CHECK(subject.next() - start < 1s);
    subject.succeeded();
    CHECK(subject.next() <= start);
    subject.failed(failure_kind::transient, 0, start);
    CHECK(subject.next() - start < 500ms);
}

TEST_CASE("a restarting server is asked every plain_delay and lengthens no pause") {
    pace subject({}, 1);
    for (int i = 0; i < 20; ++i) {
        subject.failed(failure_kind::restarting, 0, start);
        CHECK(subject.next() == start + 200ms);
    }
    CHECK(subject.failures() == 20);
    subject.failed(failure_kind::transient, 0, start);
    CHECK(subject.next() - start < 500ms);
}

TEST_CASE("after a permanent failure the next one may try at once") {
    pace subject({}, 1);
    subject.failed(failure_kind::transient, 0, start);
    subject.failed(failure_kind::permanent, 0, start);
    CHECK(subject.next() == start);
    CHECK(subject.failures() == 0);
    CHECK(subject.failing());
}

TEST_CASE("attempts that were in flight together fail as one") {
    pace subject({}, 1);
    subject.succeeded();
    for (unsigned in_flight : {3u, 2u, 1u, 0u})
        subject.failed(failure_kind::transient, in_flight, start);
    CHECK(subject.failures() == 1);
    CHECK(subject.next() - start < 500ms);

    subject.failed(failure_kind::transient, 0, start);
    CHECK(subject.failures() == 2);
}

TEST_CASE("a success among attempts in flight together proves the upstream") {
    pace subject({}, 1);
    subject.succeeded();
    subject.failed(failure_kind::transient, 2, start);
    subject.succeeded();
    CHECK(subject.proven());
    CHECK_FALSE(subject.failing());
    subject.failed(failure_kind::transient, 0, start);
    CHECK(subject.failures() == 1);
}
