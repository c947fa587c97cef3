// Waking, waiting, and who comes first within a turn.
#include <poll.h>

#include <atomic>
#include <thread>

#include "engine_fixture.hpp"

using namespace pgballast::net;
using namespace pgballast::net::test;

TEST_CASE("wake makes the current or the next turn return at once") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    e->wake();
    e->wake();
    e->turn(1h);  // the test would not end
    std::thread other{[&] { e->wake(); }};
    e->turn(1h);
    other.join();
}

TEST_CASE("every wake from another thread is answered by a turn that begins or ends later") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    constexpr int count = 20'000;
    std::atomic<int> asked{0};
    std::atomic<int> seen{0};
    std::thread other{[&] {
        for (int i = 1; i <= count; ++i) {
            asked.store(i);
            e->wake();
            if (i % 16 == 0)  // or else nearly all fall into one turn
                while (seen.load() < i)
                    std::this_thread::yield();
        }
    }};
    while (seen.load() < count) {
        e->turn(1h);  // a wake-up that is lost hangs here
        seen.store(asked.load());
    }
    other.join();
}

TEST_CASE("an engine made by one thread can be turned by another") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = unix_pair();
    recorder echo;
    auto& c = e->add(pair.ours, echo);
    echo.then_data = [&](slice data) { e->send(c, std::move(data)); };
    pair.theirs.write("hello");
    std::thread worker{[&] {
        turn_until(*e, [&] {
            pair.theirs.read();
            return pair.theirs.received == "hello";
        });
        e->close(c);
        turn_often(*e);
    }};
    worker.join();
    CHECK(pair.theirs.received == "hello");
}

TEST_CASE("a send that completes does not end the wait of a turn") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = unix_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);
    turn_often(*e);
    CHECK(waits(*e, [&] { e->send(c, e->memory().copy("x")); }));
    pair.theirs.read();
    CHECK_FALSE(pair.theirs.received.empty());
    e->turn(0ms);
    CHECK(c.queued() == 0);
    e->close(c);
}

TEST_CASE("a send that something waits for ends the wait of a turn") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto pair = tcp_pair();
    recorder h;
    auto& c = e->add(pair.ours, h);
    e->send(c, e->memory().copy("goodbye"));
    e->close_when_sent(c);  // the end of stream is said when that is sent

    std::chrono::steady_clock::duration ended_after{};
    const auto begun = std::chrono::steady_clock::now();
    std::thread reader{[&] {
        while (!pair.theirs.ended && pair.theirs.failed == 0) {
            pollfd readable{pair.theirs.fd(), POLLIN, 0};
            ::poll(&readable, 1, 20'000);
            pair.theirs.read();
        }
        ended_after = std::chrono::steady_clock::now() - begun;
    }};
    e->turn(10s);
    e->turn(0ms);
    reader.join();
    CHECK(pair.theirs.received == "goodbye");
    CHECK(ended_after < engine::linger_max / 2);
}

TEST_CASE("parked connections are looked at first, in whatever order their events came") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    std::vector<socket_pair> pairs;
    std::vector<std::unique_ptr<recorder>> handlers;
    std::vector<connection*> open;
    std::vector<int> order;
    for (int i = 0; i < 40; ++i) {
        pairs.push_back(unix_pair());
        handlers.push_back(std::make_unique<recorder>());
        handlers.back()->then_data = [&, i](slice) { order.push_back(i); };
        handlers.back()->then_end = [&, i] { order.push_back(i); };
        open.push_back(&e->add(pairs.back().ours, *handlers.back()));
        e->set_parked(*open.back(), i % 4 == 3);
    }
    turn_often(*e);
    for (int i = 0; i < 40; ++i) {
        if (i % 8 == 3)
            pairs[static_cast<std::size_t>(i)].theirs.close();
        else
            pairs[static_cast<std::size_t>(i)].theirs.write("x");
    }
    REQUIRE(turn_until(*e, [&] { return order.size() == 40; }));
    const auto parked = [](int i) { return i % 4 == 3; };
    CHECK(std::is_partitioned(order.begin(), order.end(), parked));
    for (auto* c : open)
        e->close(*c);
}

TEST_CASE("parking within a turn does not change the order of one connection's bytes") {
    FOR_EACH_ENGINE(kind);
    auto e = make(kind);
    auto first = unix_pair();
    auto second = unix_pair();
    recorder a, b;
    auto& parked = e->add(first.ours, a);
    auto& other = e->add(second.ours, b);
    e->set_parked(parked, true);
    a.then_data = [&](slice) { e->set_parked(other, true); };
    b.then_data = [&](slice) { e->set_parked(other, false); };
    turn_often(*e);
    const auto all = pattern(150'000);  // several receives
    std::size_t sent = 0;
    REQUIRE(turn_until(*e, [&] {
        sent += second.theirs.write(bytes{all}.substr(sent));
        first.theirs.write("x");
        return b.received.size() == all.size();
    }));
    CHECK(b.received == all);
    e->close(parked);
    e->close(other);
}
