// How a peer ends, and what can still be said before and after.
#include "engine_fixture.hpp"

using namespace pgballast::net;
using namespace pgballast::net::test;

TEST_CASE("what a peer said before it closed is delivered before its end") {
    FOR_EACH_ENGINE(kind);
    const bool tcp = GENERATE(false, true);
    const bool before = GENERATE(false, true);
    for (const std::size_t size : {0, 1, 5000, 100'000}) {
        auto e = make(kind);
        auto pair = tcp ? tcp_pair() : unix_pair();
        recorder h;
        const auto words = pattern(size);
        connection* c = before ? nullptr : &e->add(pair.ours, h);
        if (size > 0)
            REQUIRE(pair.theirs.write(words) == size);
        pair.theirs.close();
        if (before)
            c = &e->add(pair.ours, h);
        REQUIRE(turn_until(*e, [&] { return h.ends == 1; }));
        CHECK(h.received == words);
        CHECK_FALSE(h.error);
        turn_often(*e);
        CHECK(h.ends == 1);
        e->close(*c);
    }
}

TEST_CASE("a reset ends a connection with an error") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = tcp_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);
    turn_often(*e);
    pair.theirs.reset();
    REQUIRE(turn_until(*e, [&] { return h.ends == 1; }));
    CHECK(h.error == boost::system::errc::connection_reset);
    e->close(c);
}

TEST_CASE("a peer that only stopped sending can still be answered") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = tcp_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);
    pair.theirs.write("last question");
    pair.theirs.end();
    REQUIRE(turn_until(*e, [&] { return h.ends == 1; }));
    const auto answer = pattern(500'000);
    e->send(c, e->memory().copy(answer));
    e->close_when_sent(c);
    REQUIRE(turn_until(*e, [&] {
        pair.theirs.read();
        return pair.theirs.ended;
    }));
    CHECK(pair.theirs.received == answer);
}

TEST_CASE("a failed write does not hide the peer's last words") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = unix_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);
    e->pause(c);
    turn_often(*e);
    pair.theirs.write("FATAL: terminating connection");
    pair.theirs.close();
    e->send(c, e->memory().copy("a question too late"));
    turn_often(*e);
    CHECK(c.queued() == 0);
    e->send(c, e->memory().copy("and another"));
    turn_often(*e);
    CHECK(h.ends == 0);
    e->resume(c);
    REQUIRE(turn_until(*e, [&] { return h.ends == 1; }));
    CHECK(h.received == "FATAL: terminating connection");
    CHECK(h.error == boost::system::errc::broken_pipe);
    e->close(c);
}

TEST_CASE("a write that fails while nothing arrives ends the connection") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = tcp_pair(8192);
    recorder h;
    auto& c = e->add(pair.ours, h);
    for (int i = 0; i < 40; ++i)
        e->send(c, e->memory().copy(pattern(slab::chunk_size)));
    turn_often(*e);
    CHECK(c.queued() > engine::high_mark);
    pair.theirs.reset();
    REQUIRE(turn_until(*e, [&] { return h.ends == 1; }));
    CHECK(h.error);
    CHECK(c.queued() == 0);
    CHECK(h.drained == 1);  // whoever waits for room has to go on
    e->close(c);
}

TEST_CASE("a descriptor that cannot be watched ends in a turn, not in add") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    recorder h;
    auto& c = e->add(file, h);
    CHECK(h.ends == 0);
    REQUIRE(turn_until(*e, [&] { return h.ends == 1; }));
    CHECK(h.error);
    e->close(c);
}
