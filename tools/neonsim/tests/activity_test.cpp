#include "../activity.hpp"

using namespace neonsim;
using namespace std::chrono_literals;

namespace {

const activity::clock::time_point start = activity::clock::time_point{} + 1h;

/// A row of activity_query: active_time, sessions, seconds idle, what is busy.
using row = std::vector<std::string>;

}  // namespace

TEST_CASE("nothing at all is no activity") {
    activity seen{start};
    seen.observe(row{"0", "0", "", "0"}, start + 1s);
    seen.observe(row{"0", "0", "", "0"}, start + 2s);
    CHECK(seen.last() == start);
}

TEST_CASE("counters are activity when they change, not when they are first read") {
    activity seen{start};
    seen.observe(row{"5", "7", "", "0"}, start + 1s);
    CHECK(seen.last() == start);
    seen.observe(row{"6", "7", "", "0"}, start + 2s);
    CHECK(seen.last() == start + 2s);
    seen.observe(row{"6", "8", "", "0"}, start + 3s);
    CHECK(seen.last() == start + 3s);
    seen.observe(row{"6", "8", "", "0"}, start + 4s);
    CHECK(seen.last() == start + 3s);
}

TEST_CASE("an idle backend was active when its last statement ended") {
    activity seen{start};
    seen.observe(row{"0", "1", "0.25", "0"}, start + 10s);
    CHECK(seen.last() == start + 9750ms);
    seen.observe(row{"0", "1", "10.25", "0"}, start + 20s);
    CHECK(seen.last() == start + 9750ms);
}

TEST_CASE("a statement from before the compute was watched is none of its activity") {
    activity seen{start};
    seen.observe(row{"0", "1", "3600", "0"}, start + 1s);
    CHECK(seen.last() == start);
}

TEST_CASE("whatever is busy is activity now") {
    activity seen{start};
    seen.observe(row{"0", "1", "5", "1"}, start + 10s);
    CHECK(seen.last() == start + 10s);
}
