#include "engine_fixture.hpp"

using namespace pgballast::net;
using namespace pgballast::net::test;

TEST_CASE("an engine says which it is") {
    CHECK(make(engine_kind::epoll)->name() == std::string{"epoll"});
    for (const auto kind : engines())
        if (kind == engine_kind::io_uring)
            CHECK(make(kind)->name() == std::string{"io_uring"});
}

TEST_CASE("what arrives can be sent back without a copy") {
    FOR_EACH_ENGINE(kind);
    const bool tcp = GENERATE(false, true);
    auto e = make(kind);
    auto pair = tcp ? tcp_pair() : unix_pair();
    recorder echo;
    auto& c = e->add(pair.ours, echo);
    echo.then_data = [&](slice data) { e->send(c, std::move(data)); };

    for (const std::size_t size : {1, 7, 1024, 1025, 16384, 16385, 40000}) {
        const auto sent = pattern(size);
        pair.theirs.received.clear();
        REQUIRE(pair.theirs.write(sent) == size);
        REQUIRE(turn_until(*e, [&] {
            pair.theirs.read();
            return pair.theirs.received.size() >= size;
        }));
        CHECK(pair.theirs.received == sent);
        turn_often(*e);
        CHECK(c.queued() == 0);
    }
    CHECK(echo.ends == 0);
    e->close(c);
}

TEST_CASE("a stream arrives whole whatever pieces it is sent in") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    const std::string message = "Q\0\0\0\x0dselect 1\0 and a little more";
    for (std::size_t split = 0; split <= message.size(); ++split) {
        auto pair = unix_pair();
        recorder h;
        auto& c = e->add(pair.ours, h);
        pair.theirs.write(bytes{message}.substr(0, split));
        e->turn(0ms);
        pair.theirs.write(bytes{message}.substr(split));
        REQUIRE(turn_until(*e, [&] { return h.received.size() >= message.size(); }));
        CHECK(h.received == message);
        e->close(c);
    }
}

TEST_CASE("slices are sent in the order in which they were given, however many") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = unix_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);

    // More than fit in one gathered write; some small, some large, some empty.
    std::string expected;
    const auto source = pattern(20000);
    for (std::size_t i = 0; i < 300; ++i) {
        const auto part = bytes{source}.substr(i, i % 50 == 0 ? 9000 : i % 7);
        e->send(c, e->memory().copy(part));
        expected += part;
    }
    CHECK(c.queued() == expected.size());
    REQUIRE(turn_until(*e, [&] {
        pair.theirs.read();
        return pair.theirs.received.size() >= expected.size();
    }));
    CHECK(pair.theirs.received == expected);
    turn_often(*e);
    CHECK(c.queued() == 0);
    e->close(c);
}

TEST_CASE("what one event sends to several connections reaches all of them") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto source = unix_pair();
    std::vector<socket_pair> targets;
    std::vector<connection*> connections;
    recorder in, out;
    for (int i = 0; i < 20; ++i) {
        targets.push_back(unix_pair());
        connections.push_back(&e->add(targets.back().ours, out));
    }
    auto& c = e->add(source.ours, in);
    in.then_data = [&](slice data) {
        for (auto* target : connections) {
            e->send(*target, data.prefix(2));
            e->send(*target, data);
        }
    };
    source.theirs.write("hello");
    for (auto& target : targets) {
        REQUIRE(turn_until(*e, [&] {
            target.theirs.read();
            return target.theirs.received.size() >= 7;
        }));
        CHECK(target.theirs.received == "hehello");
    }
    e->close(c);
}

TEST_CASE("a slice that is kept stays as it was while more arrives") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = unix_pair();
    std::vector<slice> kept;
    recorder h;
    h.then_data = [&](slice data) { kept.push_back(std::move(data)); };
    auto& c = e->add(pair.ours, h);

    // Far more than the buffers an engine has.
    const auto part = pattern(9000);
    for (int i = 0; i < 600; ++i) {
        const auto before = h.received.size();
        REQUIRE(pair.theirs.write(part) == part.size());
        REQUIRE(turn_until(*e, [&] { return h.received.size() == before + part.size(); }));
    }
    std::string all;
    for (const auto& data : kept)
        all += data.view();
    CHECK(all == h.received);
    kept.clear();
    e->close(c);
}
