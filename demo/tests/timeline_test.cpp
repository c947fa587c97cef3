#include "timeline.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>

using namespace signup_demo;
using namespace std::chrono_literals;

namespace {

const timeline::clock::time_point start{1'000'000s};

std::size_t spans_in(const timeline& all, const char* lane) {
    return all.to_json(start).at("lanes").at(lane).as_array().size();
}

}  // namespace

TEST_CASE("a lane tells when its states began, and one state is told once") {
    timeline all;
    all.enter(lane::compute, "suspended", start);
    all.enter(lane::compute, "suspended", start + 1s);
    all.enter(lane::compute, "running", start + 2s);
    CHECK(boost::json::serialize(all.to_json(start + 3s).at("lanes").at("compute")) ==
          R"([{"state":"suspended","from":1000000000},{"state":"running","from":1000002000}])");
    CHECK(spans_in(all, "direct") == 0);
}

TEST_CASE("what ended before the window is forgotten, what reaches into it is not") {
    timeline all;
    all.enter(lane::direct, "idle", start);
    all.enter(lane::direct, "lost", start + 1s);
    all.mark(lane::direct, "failed", "failed", start);
    const auto later = start + timeline::window + 2s;
    all.enter(lane::direct, "lost", later);
    CHECK(spans_in(all, "direct") == 1);
    CHECK(all.to_json(later).at("marks").as_array().empty());
}

TEST_CASE("however much happens, it is bounded") {
    timeline all;
    for (int i = 0; i < 2000; ++i) {
        all.enter(lane::pgballast, i % 2 == 0 ? "idle" : "busy", start);
        all.mark(lane::pgballast, "done", "", start);
    }
    CHECK(spans_in(all, "pgballast") == timeline::spans_max);
    CHECK(all.to_json(start).at("marks").as_array().size() == timeline::marks_max);
}
