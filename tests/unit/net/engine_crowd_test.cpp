// More at once than the engine's own queues and buffers hold.
#include <sys/resource.h>

#include "engine_fixture.hpp"

using namespace pgballast::net;
using namespace pgballast::net::test;

namespace {

/// As many pairs as are wished, or as the limit of open files allows.
std::size_t pairs_allowed(std::size_t wished) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return std::min<std::size_t>(wished, (limit.rlim_cur - 200) / 2);
}

struct crowd {
    crowd(engine& on, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) {
            pairs.push_back(unix_pair());
            open.push_back(&on.add(pairs.back().ours, h));
        }
    }

    recorder h;
    std::vector<socket_pair> pairs;
    std::vector<connection*> open;
};

}  // namespace

TEST_CASE("more connections than there are buffers receive at once, and keep what they got") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    crowd all{*e, pairs_allowed(600)};
    turn_often(*e);
    std::vector<slice> kept;
    all.h.then_data = [&](slice data) { kept.push_back(std::move(data)); };
    const auto part = pattern(20'000);  // two buffers' worth
    for (auto& pair : all.pairs)
        REQUIRE(pair.theirs.write(part) == part.size());
    REQUIRE(
        turn_until(*e, [&] { return all.h.received.size() == part.size() * all.pairs.size(); }));
    std::size_t size = 0;
    for (const auto& data : kept)
        size += data.size();
    CHECK(size == all.h.received.size());
    kept.clear();
    for (auto* c : all.open)
        e->close(*c);
}

TEST_CASE("thousands of connections are written to in one turn") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    crowd all{*e, pairs_allowed(6000)};
    for (int round = 0; round < 2; ++round) {
        for (auto* c : all.open) {
            e->send(*c, e->memory().copy("one"));
            e->send(*c, e->memory().copy("two"));
        }
        REQUIRE(turn_until(*e, [&] {
            return std::ranges::all_of(all.open, [](auto* c) { return c->queued() == 0; });
        }));
    }
    for (auto& pair : all.pairs) {
        pair.theirs.read(100);
        CHECK(pair.theirs.received == "onetwoonetwo");
    }
    for (auto* c : all.open)
        e->close(*c);
}
