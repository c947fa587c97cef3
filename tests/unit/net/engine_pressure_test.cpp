// Peers that read slowly or not at all: queues, marks, and input that waits.
#include "engine_fixture.hpp"

using namespace pgballast::net;
using namespace pgballast::net::test;

namespace {

void fill(engine& e, connection& c, std::size_t size) {
    const auto part = pattern(slab::chunk_size);
    for (std::size_t sent = 0; sent < size; sent += part.size())
        e.send(c, e.memory().copy(part));
}

}  // namespace

TEST_CASE("output that the kernel does not take stays queued and goes out in order") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = tcp_pair(8192);
    recorder h;
    auto& c = e->add(pair.ours, h);
    const auto all = pattern(3'000'000);
    for (std::size_t at = 0; at < all.size(); at += 5000)
        e->send(c, e->memory().copy(bytes{all}.substr(at, 5000)));

    turn_often(*e);
    CHECK(c.queued() > 0);
    CHECK(c.queued() <= all.size());
    REQUIRE(turn_until(*e, [&] {
        pair.theirs.read(3333);
        return pair.theirs.received.size() == all.size();
    }));
    CHECK(pair.theirs.received == all);
    turn_often(*e);
    CHECK(c.queued() == 0);
    CHECK(h.drained == 1);
    e->close(c);
}

TEST_CASE("a queue that never stood above the high mark does not tell that it drained") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = tcp_pair(8192);
    recorder h;
    auto& c = e->add(pair.ours, h);
    fill(*e, c, engine::high_mark);
    REQUIRE(turn_until(*e, [&] {
        pair.theirs.read();
        return c.queued() == 0;
    }));
    CHECK(h.drained == 0);
    e->close(c);
}

TEST_CASE("each time a queue drains is told once, at the low mark") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = tcp_pair(8192);
    recorder h;
    auto& c = e->add(pair.ours, h);
    h.then_drained = [&] { CHECK(c.queued() <= engine::low_mark); };
    for (int round = 1; round <= 3; ++round) {
        fill(*e, c, 2 * engine::high_mark);
        REQUIRE(turn_until(*e, [&] {
            pair.theirs.read();
            return c.queued() == 0;
        }));
        CHECK(h.drained == round);
    }
    e->close(c);
}

TEST_CASE("a handler that queues again whenever it drained does not hold up the turn") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = unix_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);
    h.then_drained = [&] {
        if (h.drained < 20)
            fill(*e, c, 2 * engine::high_mark);
    };
    fill(*e, c, 2 * engine::high_mark);
    REQUIRE(turn_until(*e, [&] {
        pair.theirs.read();
        return h.drained == 20 && c.queued() == 0;
    }));
    e->close(c);
}

TEST_CASE("a large transfer to a slow reader needs no more memory than the marks allow") {
    FOR_EACH_ENGINE(kind);
    constexpr std::size_t total = 64 << 20;
    auto e = make(kind);
    auto from = unix_pair();
    auto to = unix_pair();
    recorder source, target;
    auto& in = e->add(from.ours, source);
    auto& out = e->add(to.ours, target);
    const auto idle = e->memory().lent();
    std::size_t lent_max = 0;
    std::size_t pauses = 0;
    source.then_data = [&](slice data) {
        source.received.clear();
        e->send(out, std::move(data));
        lent_max = std::max(lent_max, e->memory().lent());
        if (out.queued() > engine::high_mark && !in.paused()) {
            e->pause(in);
            ++pauses;
        }
    };
    target.then_drained = [&] { e->resume(in); };

    const auto part = pattern(100'003);  // its own period shows a byte that is lost or doubled
    std::size_t sent = 0, received = 0;
    int turns = 0;
    bool same = true;
    REQUIRE(turn_until(*e, [&] {
        while (sent < total) {
            const auto left = bytes{part}.substr(sent % part.size()).substr(0, total - sent);
            const auto taken = from.theirs.write(left);
            sent += taken;
            if (taken == 0)
                break;
        }
        to.theirs.received.clear();
        if (++turns % 8 == 0)
            to.theirs.read(100'000);
        for (bytes got = to.theirs.received; !got.empty();) {
            const auto expected = bytes{part}.substr(received % part.size(), got.size());
            same &= got.starts_with(expected);
            received += expected.size();
            got.remove_prefix(expected.size());
        }
        return received == total;
    }));
    CHECK(same);
    CHECK(pauses > 10);
    // The queue, and what was on its way when the source was paused.
    CHECK(lent_max - idle < 8 * engine::high_mark);
    e->close(in);
    e->close(out);
}

TEST_CASE("a paused connection is told nothing until it is resumed") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = unix_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);
    e->pause(c);
    CHECK(c.paused());
    pair.theirs.write("one");
    turn_often(*e);
    pair.theirs.write("two");
    pair.theirs.close();
    turn_often(*e);
    CHECK(h.received.empty());
    CHECK(h.ends == 0);

    e->resume(c);
    CHECK_FALSE(c.paused());
    CHECK(h.received.empty());  // never from within resume
    REQUIRE(turn_until(*e, [&] { return h.ends == 1; }));
    CHECK(h.received == "onetwo");
    e->close(c);
}

TEST_CASE("pausing while data comes loses and reorders nothing") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = unix_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);
    const auto all = pattern(2'000'000);
    h.then_data = [&](slice) { e->pause(c); };

    std::size_t sent = 0;
    int turns = 0;
    REQUIRE(turn_until(*e, [&] {
        sent += pair.theirs.write(bytes{all}.substr(sent, 30'000));
        if (++turns % 3 != 0)
            e->resume(c);
        if (turns % 5 == 0) {  // changes its mind before the kernel hears of it
            e->pause(c);
            e->resume(c);
        }
        return h.received.size() == all.size();
    }));
    CHECK(h.received == all);
    e->close(c);
}

TEST_CASE("no more is read while the handler has yet to take what came before") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = unix_pair();  // the kernel itself holds little of it
    recorder h;
    auto& c = e->add(pair.ours, h);
    h.then_data = [&](slice) { e->pause(c); };
    const auto flood = pattern(1 << 20);
    constexpr std::size_t held_max = 8 << 20;

    std::size_t written = 0;
    for (int turn = 0; turn < 100; ++turn) {
        while (const auto taken = pair.theirs.write(flood))
            written += taken;
        e->resume(c);
        e->turn(1ms);
        REQUIRE(written - h.received.size() <= held_max);
    }
    CHECK_FALSE(h.received.empty());
    e->close(c);
}

TEST_CASE("a paused connection that hangs up costs no turns") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = tcp_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);
    turn_often(*e);
    e->pause(c);
    turn_often(*e);
    pair.theirs.reset();
    turn_often(*e);
    CHECK(waits(*e, [] {}));
    CHECK(h.ends == 0);
    e->resume(c);
    REQUIRE(turn_until(*e, [&] { return h.ends == 1; }));
    CHECK(h.error);
    e->close(c);
}
