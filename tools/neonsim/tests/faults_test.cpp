#include "../faults.hpp"

using namespace neonsim;
using namespace std::chrono_literals;

namespace {

const faults::clock::time_point start{};

std::string text_at(faults& planned, stage where, faults::clock::time_point now = start) {
    const auto due = planned.take(where, now);
    return due ? due->text : "";
}

}  // namespace

TEST_CASE("a failure happens as often as planned, and at its stage only") {
    faults planned;
    planned.plan(stage::wake, {"no", 2, {}, false});
    CHECK(text_at(planned, stage::access).empty());
    CHECK(text_at(planned, stage::wake) == "no");
    CHECK(text_at(planned, stage::wake) == "no");
    CHECK(text_at(planned, stage::wake).empty());
}

TEST_CASE("a failure planned anew takes the place of the one before") {
    faults planned;
    planned.plan(stage::auth, {"one", 5, {}, false});
    planned.plan(stage::auth, {"two", 1, {}, false});
    CHECK(text_at(planned, stage::auth) == "two");
    CHECK(text_at(planned, stage::auth).empty());
}

TEST_CASE("no times calls a failure off") {
    faults planned;
    planned.plan(stage::compute, {"no", 5, {}, true});
    planned.plan(stage::compute, {"", 0, {}, false});
    CHECK(text_at(planned, stage::compute).empty());
}

TEST_CASE("a cached failure is repeated for 30 s from the first time it was met") {
    faults planned;
    planned.plan(stage::wake, {"cached", 1, {}, true});
    const auto met = start + 1h;
    CHECK(text_at(planned, stage::wake, met) == "cached");
    CHECK(text_at(planned, stage::wake, met + 30s - 1ns) == "cached");
    CHECK(text_at(planned, stage::wake, met + 30s).empty());
    CHECK(text_at(planned, stage::wake, met).empty());
}
