#include <optional>

#include "engine_fixture.hpp"

using namespace pgballast::net;
using namespace pgballast::net::test;

namespace {

struct taker {
    std::optional<engine::detached> got;
    auto operator()() {
        return [this](engine::detached what) { got = std::move(what); };
    }
};

}  // namespace

TEST_CASE("a detached connection lives on in another engine, of either kind") {
    FOR_EACH_ENGINE(kind);
    const auto other = GENERATE(from_range(engines()));
    auto from = make(kind);
    auto to = make(other);
    auto pair = tcp_pair();
    recorder before, after;
    auto& c = from->add(pair.ours, before);
    pair.theirs.write("one");
    REQUIRE(turn_until(*from, [&] { return before.received == "one"; }));

    taker t;
    from->detach(c, t());
    REQUIRE(turn_until(*from, [&] { return t.got.has_value(); }));
    CHECK(t.got->early.empty());
    CHECK_FALSE(t.got->ended);

    auto& moved = to->add(t.got->fd, after);
    pair.theirs.write("two");
    turn_often(*from);
    REQUIRE(turn_until(*to, [&] { return after.received == "two"; }));
    to->send(moved, to->memory().copy("three"));
    REQUIRE(turn_until(*to, [&] {
        pair.theirs.read();
        return pair.theirs.received == "three";
    }));
    CHECK(before.received == "one");
    CHECK(before.ends == 0);
    to->close(moved);
}

TEST_CASE("what arrives while a connection is detached is neither lost nor told twice") {
    FOR_EACH_ENGINE(kind);
    for (int round = 0; round < 50; ++round) {
        auto from = make(kind);
        auto to = make(kind);
        auto pair = unix_pair();
        recorder before, after;
        auto& c = from->add(pair.ours, before);
        if (round % 2)
            turn_often(*from);
        if (round % 3 == 0)
            from->pause(c);
        pair.theirs.write("one,");
        if (round % 5 == 0)
            turn_often(*from);
        taker t;
        from->detach(c, t());
        pair.theirs.write("two,");
        REQUIRE(turn_until(*from, [&] { return t.got.has_value(); }));
        pair.theirs.write("three");
        auto& moved = to->add(t.got->fd, after);
        REQUIRE(turn_until(*to, [&] {
            return before.received + t.got->early + after.received == "one,two,three";
        }));
        to->close(moved);
    }
}

TEST_CASE("a detached connection that ended says so, or ends in its new engine") {
    FOR_EACH_ENGINE(kind);
    const bool told = GENERATE(false, true);
    auto from = make(kind);
    auto to = make(kind);
    auto pair = unix_pair();
    recorder before, after;
    auto& c = from->add(pair.ours, before);
    turn_often(*from);
    pair.theirs.write("last words");
    pair.theirs.close();
    if (told)
        REQUIRE(turn_until(*from, [&] { return before.ends == 1; }));
    taker t;
    from->detach(c, t());
    REQUIRE(turn_until(*from, [&] { return t.got.has_value(); }));
    if (told)
        CHECK(t.got->ended);
    auto& moved = to->add(t.got->fd, after);
    REQUIRE(turn_until(*to, [&] { return after.ends == 1; }));
    CHECK(before.received + t.got->early + after.received == "last words");
    to->close(moved);
}

TEST_CASE("what is queued is sent before a connection is let go") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = tcp_pair(8192);
    recorder h;
    auto& c = e->add(pair.ours, h);
    const auto all = pattern(500'000);
    e->send(c, e->memory().copy(all));
    taker t;
    e->detach(c, t());
    turn_often(*e);
    CHECK_FALSE(t.got);
    REQUIRE(turn_until(*e, [&] {
        pair.theirs.read();
        return t.got.has_value();
    }));
    while (pair.theirs.received.size() < all.size())
        pair.theirs.read();
    CHECK(pair.theirs.received == all);
    CHECK_FALSE(t.got->ended);
    ::close(t.got->fd);
}

TEST_CASE("a peer that takes nothing cannot keep a connection from being let go") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = tcp_pair(8192);
    recorder h;
    auto& c = e->add(pair.ours, h);
    e->send(c, e->memory().copy(pattern(1'000'000)));
    taker t;
    e->detach(c, t());
    REQUIRE(turn_until(*e, [&] { return t.got.has_value(); }));
    CHECK(t.got->ended);
    ::close(t.got->fd);
}

TEST_CASE("a connection can be detached from within its handler") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = unix_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);
    taker t;
    h.then_data = [&](slice) { e->detach(c, t()); };
    pair.theirs.write("x");
    REQUIRE(turn_until(*e, [&] { return t.got.has_value(); }));
    CHECK(h.received == "x");
    ::close(t.got->fd);
}
