#include "engine_fixture.hpp"

using namespace pgballast::net;
using namespace pgballast::net::test;

TEST_CASE("a connection can be closed from within any of its handlers") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    const auto where = GENERATE(0, 1, 2);
    auto pair = tcp_pair(8192);
    recorder h;
    auto& c = e->add(pair.ours, h);
    int calls = 0;
    const auto close = [&] {
        ++calls;
        e->send(c, e->memory().copy("never mind"));
        e->close(c);
    };
    if (where == 0)
        h.then_data = [&](slice) { close(); };
    else if (where == 1)
        h.then_end = close;
    else
        h.then_drained = close;

    pair.theirs.write("some");
    if (where == 2)
        for (int i = 0; i < 40; ++i)
            e->send(c, e->memory().copy(pattern(slab::chunk_size)));
    if (where == 1)
        pair.theirs.end();
    REQUIRE(turn_until(*e, [&] {
        pair.theirs.read();
        return pair.theirs.ended || pair.theirs.failed;
    }));
    turn_often(*e);
    CHECK(calls == 1);
}

TEST_CASE("a handler can close the connections of others that have events waiting") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    std::vector<socket_pair> pairs;
    std::vector<connection*> open;
    recorder h;
    for (int i = 0; i < 30; ++i) {
        pairs.push_back(unix_pair());
        open.push_back(&e->add(pairs.back().ours, h));
    }
    turn_often(*e);
    int calls = 0;
    h.then_data = [&](slice) {
        ++calls;
        for (auto* c : open)
            e->close(*c);
        open.clear();
    };
    for (auto& pair : pairs)
        pair.theirs.write("all at once");
    turn_often(*e);
    CHECK(calls == 1);
    for (auto& pair : pairs) {
        pair.theirs.read();
        CHECK((pair.theirs.ended || pair.theirs.failed == ECONNRESET));
    }
}

TEST_CASE("either side of a relay can close both, in every handler") {
    FOR_EACH_ENGINE(kind);
    const auto where = GENERATE(0, 1, 2);
    auto e = make(kind);
    auto left = unix_pair();
    auto right = tcp_pair(8192);
    recorder in, out;
    auto& a = e->add(left.ours, in);
    auto& b = e->add(right.ours, out);
    bool closed = false;
    const auto close = [&] {
        closed = true;
        e->close(b);
        e->close(a);
    };
    in.then_data = [&](slice data) {
        for (int i = 0; i < 30; ++i)
            e->send(b, data);
        if (where == 0)
            close();
    };
    if (where == 1)
        in.then_end = close;
    if (where == 2)
        out.then_drained = close;
    left.theirs.write(pattern(16'000));
    if (where == 1)
        left.theirs.end();
    REQUIRE(turn_until(*e, [&] {
        right.theirs.read();
        return closed;
    }));
    turn_often(*e);
    left.theirs.read();
    CHECK((left.theirs.ended || left.theirs.failed));
}

TEST_CASE("closing while a send waits for room lets go of everything") {
    FOR_EACH_ENGINE(kind);
    const auto fds = open_fds();
    {
        auto e = make(kind);
        const auto lent = e->memory().lent();
        auto pair = tcp_pair(8192);
        recorder h;
        auto& c = e->add(pair.ours, h);
        for (int i = 0; i < 20; ++i)
            e->send(c, e->memory().copy(pattern(slab::chunk_size)));
        turn_often(*e);
        CHECK(c.queued() > 0);
        const int fd = c.fd();
        e->close(c);
        turn_often(*e);
        CHECK(e->memory().lent() == lent);
        CHECK(::fcntl(fd, F_GETFD) == -1);
        CHECK(h.ends + h.drained == 0);
    }
    CHECK(open_fds() == fds);
}

TEST_CASE("closing when sent delivers everything, then the end") {
    FOR_EACH_ENGINE(kind);
    const bool tcp = GENERATE(false, true);
    auto e = make(kind);
    auto pair = tcp ? tcp_pair(8192) : unix_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);
    const auto last = pattern(1'000'000);
    pair.theirs.write("unread, which must not turn the end into a reset");
    e->send(c, e->memory().copy(last));
    e->close_when_sent(c);
    REQUIRE(turn_until(*e, [&] {
        pair.theirs.write("more");
        pair.theirs.read(100'000);
        return pair.theirs.ended || pair.theirs.failed;
    }));
    CHECK(pair.theirs.failed == 0);
    CHECK(pair.theirs.received == last);
    CHECK(h.received.empty());
    CHECK(h.ends == 0);
    pair.theirs.close();
    turn_often(*e);
}

TEST_CASE("closing when sent closes at once where the peer has ended and nothing is queued") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = unix_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);
    const int fd = c.fd();
    pair.theirs.close();
    REQUIRE(turn_until(*e, [&] { return h.ends == 1; }));
    e->close_when_sent(c);
    CHECK(::fcntl(fd, F_GETFD) == -1);
}

TEST_CASE("closing when sent works on a paused connection and from its own handler") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = unix_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);
    const int fd = c.fd();
    h.then_data = [&](slice data) {
        e->pause(c);
        e->send(c, std::move(data));
        e->close_when_sent(c);
    };
    pair.theirs.write("bye");
    REQUIRE(turn_until(*e, [&] {
        pair.theirs.read();
        return pair.theirs.ended;
    }));
    CHECK(pair.theirs.received == "bye");
    pair.theirs.close();
    REQUIRE(turn_until(*e, [&] { return ::fcntl(fd, F_GETFD) == -1; }));
}

TEST_CASE("a peer that takes nothing is given up after linger_max") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = tcp_pair(8192);
    recorder h;
    auto& c = e->add(pair.ours, h);
    const int fd = c.fd();
    e->send(c, e->memory().copy(pattern(1'000'000)));
    e->close_when_sent(c);
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(turn_until(*e, [&] { return ::fcntl(fd, F_GETFD) == -1; }));
    CHECK(std::chrono::steady_clock::now() - begin >= engine::linger_max);
}

TEST_CASE("thousands of connections leave no descriptor and no memory behind") {
    FOR_EACH_ENGINE(kind);
    const auto fds = open_fds();
    {
        auto e = make(kind);
        const auto fds_of_engine = open_fds();
        recorder h;
        std::size_t lent = 0;
        for (int round = 0; round < 20; ++round) {
            std::vector<socket_pair> pairs;
            std::vector<connection*> open;
            h.then_data = [&](slice data) {
                for (std::size_t i = 0; i < open.size(); i += 10)
                    e->send(*open[i], data);
            };
            for (int i = 0; i < 100; ++i) {
                pairs.push_back(unix_pair());
                open.push_back(&e->add(pairs.back().ours, h));
                pairs.back().theirs.write("hello");
                if (i % 3 == 0)
                    pairs.back().theirs.close();
            }
            turn_often(*e);
            h.then_data = {};
            for (std::size_t i = 0; i < open.size(); ++i)
                i % 2 ? e->close(*open[i]) : e->close_when_sent(*open[i]);
            pairs.clear();
            REQUIRE(turn_until(*e, [&] { return open_fds() == fds_of_engine; }));
            h.received.clear();
            h.ends = 0;
            if (round == 0)
                lent = e->memory().lent();  // the engine's own buffers
        }
        CHECK(e->memory().lent() == lent);
    }
    CHECK(open_fds() == fds);
}

TEST_CASE("an engine can go while its connections are busy") {
    FOR_EACH_ENGINE(kind);
    const auto fds = open_fds();
    {
        auto e = make(kind);
        auto blocked = tcp_pair(8192);
        auto paused = unix_pair();
        auto detaching = tcp_pair(8192);
        recorder h;
        auto& c = e->add(blocked.ours, h);
        auto& d = e->add(detaching.ours, h);
        auto& p = e->add(paused.ours, h);
        paused.theirs.write("unread");
        h.then_data = [&](slice) { e->pause(p); };
        e->send(c, e->memory().copy(pattern(1'000'000)));
        e->send(d, e->memory().copy(pattern(1'000'000)));
        turn_often(*e);
        e->detach(d, [](engine::detached) {});
        paused.theirs.write("unread");
        turn_often(*e);
    }
    CHECK(open_fds() == fds);
}
