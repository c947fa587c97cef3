#include "pgballast/pool/line.hpp"

#include <catch2/catch.hpp>

using namespace pgballast::pool;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{1h};

line of_three() {
    line subject;
    for (const ticket id : {2, 5, 9})
        subject.join({id, 0, start + id * 1ms});
    return subject;
}

}  // namespace

TEST_CASE("a line is served in order of arrival") {
    auto subject = of_three();
    for (const ticket id : {2, 5, 9}) {
        REQUIRE(subject.front());
        CHECK(subject.front()->id == id);
        CHECK(subject.front()->since == start + id * 1ms);
        CHECK(subject.leave(id));
    }
    CHECK(subject.empty());
    CHECK_FALSE(subject.front());
}

TEST_CASE("a line may be left from its middle, and only once") {
    auto subject = of_three();
    CHECK(subject.leave(5));
    CHECK_FALSE(subject.leave(5));
    CHECK_FALSE(subject.leave(4));
    CHECK(subject.size() == 2);
    CHECK(subject.from(3)->id == 9);
    CHECK_FALSE(subject.from(10));
}

TEST_CASE("everybody is told once, those who join later too") {
    auto subject = of_three();
    for (const ticket id : {2, 5, 9}) {
        REQUIRE(subject.untold());
        CHECK(subject.untold()->id == id);
        subject.told(*subject.untold());
    }
    CHECK_FALSE(subject.untold());
    subject.join({11, 0, start + 1s});
    CHECK(subject.untold()->id == 11);
}

TEST_CASE("who has been told and leaves takes nobody's notice away") {
    auto subject = of_three();
    subject.told(*subject.untold());
    subject.leave(2);
    subject.leave(5);
    CHECK(subject.untold()->id == 9);
}
