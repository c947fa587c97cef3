// A session between a client and a server that say anything at all: whatever the reads
// cut, the same is done.
#include <memory>
#include <string>

#include "fuzz.hpp"
#include "pgballast/session/session.hpp"
#include "pgballast/wire/writer.hpp"

using namespace pgballast;
using fuzz::require;
using session::act;
using wire::bytes;

namespace {

constexpr std::size_t steps_max = 100'000;

struct conversation {
    explicit conversation(session::mode how)
        : one{how, told,
              std::make_shared<session::startup_settings>(
                  session::startup_settings{{"work_mem", "1MB"}})},
          how{how} {}

    void client(bytes in) {
        held.append(in);
        if (!waiting)
            feed_held();
    }

    void feed_held() {
        auto input = std::exchange(held, {});
        std::string again;
        bytes in = input;
        while (!ended) {
            const auto next = one.from_client(in);
            take(next, in);
            require(next.relay == 0 || lent);
            to_server.append(in.substr(0, next.relay));
            in.remove_prefix(next.relay + next.used);
            switch (next.what) {
                case act::done:
                    return require(in.empty());
                case act::send:
                    require(lent);
                    to_server.append(one.out());
                    break;
                case act::reply:
                    to_client.append(one.out());
                    break;
                case act::again:
                    again.assign(one.out()).append(in);
                    input.swap(again);
                    in = input;
                    break;
                case act::acquire:
                    require(!lent);
                    waiting = true;
                    held = in;
                    return;
                case act::wait:
                    require(lent);
                    waiting = true;
                    held = in;
                    return;
                case act::idle:
                    idle();
                    break;
                case act::leave:
                case act::fail:
                    ended = true;
                    break;
                default:
                    require(next.what == act::drop);
            }
        }
    }

    void server(bytes in) {
        while (lent && !ended) {
            const auto next = one.from_backend(in);
            take(next, in);
            to_client.append(in.substr(0, next.relay));
            in.remove_prefix(next.relay + next.used);
            switch (next.what) {
                case act::done:
                    return require(in.empty());
                case act::send:
                    to_client.append(one.out());
                    break;
                case act::idle:
                    idle();
                    break;
                case act::ask:
                    to_server.append(one.out());
                    break;
                case act::looked:
                    require(one.is_idle());
                    break;
                case act::resume:
                    require(waiting);
                    waiting = false;
                    feed_held();
                    break;
                case act::fail:
                    ended = true;
                    break;
                case act::lost:
                    lose(one.last_words());
                    break;
                default:
                    require(next.what == act::drop);
            }
        }
    }

    void lose(session::loss why) {
        if (!lent || ended)
            return;
        lent = false;
        waiting = false;
        const bool restoring = one.must_wait();
        const auto next = one.backend_lost(std::move(why), at);
        require(next.what == act::fail || !one.in_flight());
        require(restoring == (next.what == act::acquire) || next.what == act::reply ||
                next.what == act::again || next.what == act::fail);
        if (next.what == act::again)
            held.insert(0, one.out());
        if (next.what == act::reply)
            to_client.append(one.out());
        ended |= next.what == act::fail;
        waiting = next.what == act::acquire;
        if (!waiting)
            feed_held();
    }

    void answer_wait(bool with_backend) {
        if (!waiting || lent || ended)
            return;
        waiting = false;
        if (with_backend) {
            backend = std::make_unique<session::backend_state>(at_login);
            lent = true;
            one.attach(*backend);
            to_server.append(one.out());
        } else {
            ended = one.refuse({"ERROR", "57P03", "none"}).what == act::fail;
            to_client.append(one.out());
        }
        feed_held();
    }

    void idle() {
        require(lent && one.is_idle() && !one.in_flight());
        if (how == session::mode::transaction)
            take_away();
        else if (one.look({}))
            to_server.append(one.out());
    }

    /// Somebody else needs the backend.
    void take_away() {
        one.detach();
        lent = false;
    }

    void yield() {
        if (how == session::mode::automatic && lent && !ended && !waiting && one.portable())
            take_away();
    }

    void take(const session::step& next, bytes in) {
        require(next.relay + next.used <= in.size());
        require(++steps < steps_max);
    }

    const session::reported_ptr at_login = std::make_shared<session::reported>(
        session::reported::value_list{{"TimeZone", "UTC"}, {"application_name", ""}});
    const session::reported_ptr told = std::make_shared<session::reported>(
        session::reported::value_list{{"TimeZone", "UTC"}, {"application_name", "mine"}});
    session::session one;
    std::unique_ptr<session::backend_state> backend;
    const session::mode how;
    bool lent = false, waiting = false, ended = false;
    const session::circumstances at{};
    std::size_t steps = 0;
    std::string held, to_client, to_server;
};

/// The input is a list of events, each led by a byte: what happens, and how many of the
/// bytes that follow belong to it. Most are given the frame of a message, or nearly none
/// would be one.
void play(conversation& talk, bytes events, bool octets) {
    while (!events.empty()) {
        const auto what = static_cast<unsigned char>(events.front());
        const auto size = std::min<std::size_t>(what >> 3, events.size() - 1);
        const auto data = events.substr(1, size);
        events.remove_prefix(1 + size);
        if (size == 0) {
            if (what & 4)
                talk.yield();
            else if (what & 1)
                talk.lose((what & 2) ? session::loss{"57P01", "terminated", true}
                                     : session::loss{});
            else
                talk.answer_wait((what & 2) != 0);
            continue;
        }
        std::string said{data};
        if (what & 6) {
            said.clear();
            wire::message{said, data.front()}.view(data.substr(1));
        }
        for (std::size_t at = 0; at < said.size(); at += octets ? 1 : said.size()) {
            const auto part = octets ? bytes{said}.substr(at, 1) : bytes{said};
            (what & 1) ? talk.server(part) : talk.client(part);
        }
    }
}

/// Statements that nobody shares have names that are unlike any other.
std::string without_numbers(std::string sent) {
    const auto prefix = session::statement_registry::alone_prefix;
    constexpr std::size_t digits = 16;
    for (auto at = sent.find(prefix); at != std::string::npos; at = sent.find(prefix, at + 1))
        if (const auto from = at + prefix.size(); from + digits <= sent.size())
            sent.replace(from, digits, digits, '0');
    return sent;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto events = fuzz::input(data, size);
    for (const auto how :
         {session::mode::transaction, session::mode::session, session::mode::automatic}) {
        conversation whole{how}, octets{how};
        play(whole, events, false);
        play(octets, events, true);
        require(whole.to_client == octets.to_client);
        require(without_numbers(whole.to_server) == without_numbers(octets.to_server));
        require(whole.ended == octets.ended && whole.lent == octets.lent);
    }
    return 0;
}
