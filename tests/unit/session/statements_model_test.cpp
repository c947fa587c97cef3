// Pipelines by chance, against a server that does what PostgreSQL does with them.
#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <random>
#include <string>

#include "pgballast/session/backend_statements.hpp"
#include "pgballast/session/tentative_map.hpp"

using namespace pgballast::session;

namespace {

struct request {
    // A set fails where the name is there, as Parse does; a use where it is not, as Bind.
    enum class kind { set, remove, use, fail, sync, copy_sync };

    kind what;
    std::string name = {};
    int value = 0;
    bool bad = false;  // a set that fails in any case
};

enum class reply { done, other, error, ready, passed_over };

/// Reads requests in order and late, and skips behind an error.
class server {
 public:
    void send(request one) { unread_.push_back(std::move(one)); }
    bool has_unread() const { return !unread_.empty(); }
    const request& next() const { return unread_.front(); }

    /// The next request would be carried out.
    bool heeds() const { return !skips_; }

    bool has(const std::string& name) const { return names_.contains(name); }
    const std::map<std::string, int>& names() const { return names_; }
    void clear() { names_.clear(); }

    std::optional<reply> read() {
        const auto one = unread_.front();
        unread_.pop_front();
        if (one.what == request::kind::sync || (one.what == request::kind::copy_sync && skips_)) {
            skips_ = false;
            return reply::ready;
        }
        if (skips_)
            return {};
        const auto answer = carry_out(one);
        skips_ = answer == reply::error;
        return answer;
    }

 private:
    reply carry_out(const request& one) {
        switch (one.what) {
            case request::kind::set:
                return !one.bad && names_.try_emplace(one.name, one.value).second ? reply::done
                                                                                  : reply::error;
            case request::kind::remove:
                names_.erase(one.name);
                return reply::done;
            case request::kind::use:
                return has(one.name) ? reply::other : reply::error;
            case request::kind::copy_sync:
                return reply::passed_over;
            default:
                return reply::error;
        }
    }

    std::deque<request> unread_;
    std::map<std::string, int> names_;
    bool skips_ = false;
};

template <class Statements>
void tell(Statements& statements, std::optional<reply> answer) {
    if (!answer)
        return;
    switch (*answer) {
        case reply::done:
            return statements.done();
        case reply::error:
            return statements.failed();
        case reply::ready:
        case reply::passed_over:
            return statements.sync_done();
        case reply::other:
            return;
    }
}

using chance = std::mt19937;

int below(chance& random, int end) {
    return static_cast<int>(random() % static_cast<unsigned>(end));
}

/// Reads a few of the requests, or all.
template <class Statements, class Check>
void answer_some(server& peer, Statements& statements, int count, Check check) {
    for (; count != 0 && peer.has_unread(); --count) {
        check();
        tell(statements, peer.read());
    }
}

void play_names(unsigned seed) {
    chance random{seed};
    tentative_map<int> names;
    server peer;
    struct expectation {
        standing was;
        int value;
    };
    std::deque<expectation> expected;  // of each unread set, remove and use

    const auto check = [&] {
        const auto& one = peer.next();
        if (one.name.empty())
            return;
        const auto [was, value] = expected.front();
        expected.pop_front();
        if (!peer.heeds() || was == standing::unsettled)
            return;
        REQUIRE(peer.has(one.name) == (was == standing::present));
        if (was == standing::present)
            REQUIRE(peer.names().at(one.name) == value);
    };

    for (int step = 0; step < 300; ++step) {
        const auto kind = static_cast<request::kind>(below(random, 6));
        request one{kind};
        if (kind == request::kind::sync || kind == request::kind::copy_sync)
            names.sync_sent();
        else if (kind != request::kind::fail) {
            one = {kind, std::string(1, static_cast<char>('a' + below(random, 4))), step,
                   below(random, 4) == 0};
            const auto [was, value] = names.look_up(one.name);
            expected.push_back({was, value ? *value : 0});
            if (kind != request::kind::use && !names.skipping())
                names.send(one.name,
                           kind == request::kind::set ? std::optional{step} : std::nullopt);
        } else if (below(random, 3) != 0)
            continue;
        peer.send(one);
        if (below(random, 3) == 0)
            answer_some(peer, names, below(random, 12), check);
    }
    names.sync_sent();
    peer.send({request::kind::sync});
    answer_some(peer, names, -1, check);
    REQUIRE(names.size() == peer.names().size());
    for (const auto& [name, value] : peer.names()) {
        REQUIRE(names.look_up(name).standing == standing::present);
        REQUIRE(*names.look_up(name).value == value);
    }
}

void send_sync(server& peer, backend_statements& backend) {
    backend.sync_sent();
    peer.send({request::kind::sync});
}

void send_use(server& peer, backend_statements& backend, const std::string& name, bool bad) {
    const auto first = backend.prepare({name, "select 1"});
    if (first == preparation::replace)
        peer.send({request::kind::remove, name});
    if (first != preparation::none)
        peer.send({request::kind::set, name, 0, bad});
    if (const auto closed = backend.evict()) {
        REQUIRE(*closed != name);
        peer.send({request::kind::remove, *closed});
    }
    peer.send({request::kind::use, name});
}

void play_backend(unsigned seed) {
    constexpr std::size_t limit = 5;
    chance random{seed};
    backend_statements backend{limit};
    server peer;
    const auto check = [&] {
        if (!peer.heeds())
            return;
        const auto& one = peer.next();
        if (one.what == request::kind::use)
            REQUIRE(peer.has(one.name));
        if (one.what == request::kind::set)
            REQUIRE_FALSE(peer.has(one.name));
    };

    for (int step = 0; step < 300; ++step) {
        const auto name = std::string(1, static_cast<char>('a' + below(random, 12)));
        const int what = below(random, 20);
        if (what < 3)
            send_sync(peer, backend);
        else if (what == 3)
            peer.send({request::kind::fail});
        else if (what == 4) {
            backend.sync_sent();
            peer.send({request::kind::copy_sync});
        } else if (what == 5)
            backend.doubt_all();
        else if (what == 6) {  // DISCARD ALL, once all has been answered
            send_sync(peer, backend);
            answer_some(peer, backend, -1, check);
            backend.clear();
            peer.clear();
        } else
            send_use(peer, backend, name, below(random, 10) == 0);
        if (below(random, 3) == 0)
            answer_some(peer, backend, below(random, 12), check);
    }
    send_sync(peer, backend);
    answer_some(peer, backend, -1, check);
    REQUIRE(backend.size() == peer.names().size());
    while (const auto closed = backend.evict()) {
        peer.send({request::kind::remove, *closed});
        REQUIRE(peer.has(*closed));
        answer_some(peer, backend, -1, check);
    }
    REQUIRE(backend.size() <= limit);
    REQUIRE(backend.size() == peer.names().size());
}

}  // namespace

TEST_CASE("whatever is pipelined, names mean to the server what was said they mean") {
    for (unsigned seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        play_names(seed);
    }
}

TEST_CASE("whatever is pipelined, a statement is there when it is used, and parsed once") {
    for (unsigned seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        play_backend(seed);
    }
}
