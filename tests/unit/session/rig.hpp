// A session between two strings: does what the driver does, without sockets.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "messages.hpp"
#include "pgballast/session/session.hpp"

namespace pgballast::session::test {

inline reported_ptr reports(reported::value_list more = {}) {
    reported::value_list values{{"TimeZone", "UTC"},
                                {"application_name", ""},
                                {"server_version", "15.1"},
                                {"session_authorization", "app"}};
    values.insert(values.end(), more.begin(), more.end());
    return std::make_shared<const reported>(std::move(values));
}

struct rig {
    explicit rig(mode way = mode::transaction, reported_ptr told = reports(),
                 startup_settings_ptr startup = {}, reported_ptr of_backend = {})
        : how{way},
          login{of_backend ? std::move(of_backend) : told},
          one{way, std::move(told), std::move(startup)},
          backend{std::make_unique<backend_state>(login)} {}

    /// Everything the client or the server sends, whole.
    void client(bytes in) {
        held.append(in);
        if (!waiting)
            feed_held();
    }

    void server(bytes in) {
        REQUIRE(lent);
        while (lent) {
            const auto next = one.from_backend(in);
            to_client.append(in.substr(0, next.relay));
            in.remove_prefix(next.relay + next.used);
            switch (next.what) {
                case act::done:
                    CHECK(in.empty());
                    return;
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
                    ++looks;
                    break;
                case act::resume:
                    waiting = false;
                    feed_held();
                    break;
                case act::fail:
                    return fail();
                case act::lost:
                    return lose(one.last_words());
                default:
                    CHECK(next.what == act::drop);
            }
        }
        CHECK(in.empty());
    }

    /// The connection to the backend has ended; the next one is as fresh as at login.
    void lose(loss why = {}) {
        lent = waiting = false;
        const auto next = one.backend_lost(std::move(why), at);
        backend = std::make_unique<backend_state>(login);
        losses += names_of_act(next.what);
        if (next.what == act::reply)
            to_client.append(one.out());
        if (next.what == act::fail)
            return fail();
        if (next.what == act::again)
            held.insert(0, one.out());
        if (next.what == act::acquire && !acquire())
            return;
        feed_held();
    }

    void refuse() {
        REQUIRE(waiting);
        waiting = false;
        const auto next = one.refuse({"ERROR", "57P03", "no backend"});
        CHECK(next.what == act::reply);
        to_client.append(one.out());
        feed_held();
    }

    /// A backend has been found at last.
    void lend() {
        waiting = false;
        may_lend = true;
        REQUIRE(acquire());
        feed_held();
    }

    /// Think time: what has to be known is asked.
    void look() {
        if (one.look({}))
            to_server.append(one.out());
    }

    /// Somebody else has had the backend.
    void take_away() {
        REQUIRE(one.portable());
        one.detach();
        lent = false;
        ++backend->tenancy;
    }

    std::string taken_by_client() { return std::exchange(to_client, {}); }
    std::string taken_by_server() { return std::exchange(to_server, {}); }

    const mode how;
    const reported_ptr login;
    session one;
    std::unique_ptr<backend_state> backend;
    circumstances at;  // of the losses to come
    bool may_lend = true;
    bool lent = false;
    bool waiting = false;  // the client's input is kept
    bool left = false;
    bool failed = false;
    unsigned lendings = 0;
    unsigned looks = 0;
    std::string held, to_client, to_server;
    std::string losses;              // what was decided at each, a letter each
    std::vector<std::size_t> idles;  // how much the client had been sent each time

 private:
    static char names_of_act(act what) {
        return what == act::reply     ? 'r'
               : what == act::fail    ? 'f'
               : what == act::acquire ? 'a'
               : what == act::again   ? 'g'
                                      : 'd';
    }

    bool acquire() {
        if (!may_lend) {
            waiting = true;
            return false;
        }
        lent = true;
        ++lendings;
        one.attach(*backend);
        to_server.append(one.out());
        return true;
    }

    void feed_held() {
        auto input = std::exchange(held, {});
        std::string again;
        bytes in = input;
        while (!failed && !left) {
            const auto next = one.from_client(in);
            if (next.relay != 0) {
                REQUIRE(lent);
                to_server.append(in.substr(0, next.relay));
            }
            in.remove_prefix(next.relay + next.used);
            switch (next.what) {
                case act::done:
                    CHECK(in.empty());
                    return;
                case act::send:
                    REQUIRE(lent);
                    to_server.append(one.out());
                    break;
                case act::reply:
                    to_client.append(one.out());
                    break;
                case act::again:
                    again.assign(one.out()).append(in.substr(next.used));
                    input = again;
                    in = input;
                    continue;
                case act::acquire:
                    REQUIRE_FALSE(lent);
                    if (!acquire()) {
                        held = in;
                        return;
                    }
                    break;
                case act::wait:
                    waiting = true;
                    held = in;
                    return;
                case act::idle:
                    idle();
                    break;
                case act::leave:
                    left = true;
                    return;
                case act::fail:
                    return fail();
                default:
                    CHECK(next.what == act::drop);
            }
        }
    }

    void idle() {
        CHECK(one.is_idle());
        CHECK_FALSE(one.in_flight());
        idles.push_back(to_client.size());
        if (how == mode::transaction) {
            one.detach();
            lent = false;
        }
    }

    void fail() {
        failed = true;
        to_client.append(one.out());
    }
};

}  // namespace pgballast::session::test
