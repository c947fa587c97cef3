// A client's settings on the backends it is lent.
#include <catch2/catch.hpp>
#include <string>

#include "pgballast/session/session.hpp"
#include "rig.hpp"

using namespace pgballast::session;
using namespace pgballast::session::test;

namespace {

startup_settings_ptr settings(startup_settings values) {
    return std::make_shared<const startup_settings>(std::move(values));
}

/// Answers whatever restoration has been sent.
std::string restored(bytes more = {}) {
    return complete("SET") + std::string{more} + ready();
}

}  // namespace

TEST_CASE("settings ride in front of the request where they cannot fail") {
    rig one{mode::transaction, reports({{"application_name", "mine"}}), {}, reports()};
    one.client(query("select 1"));
    CHECK(one.to_server == query("set application_name='mine';") + query("select 1"));
    one.server(restored(status("application_name", "mine")));
    CHECK(one.to_client.empty());
    one.server(row() + complete() + ready());
    CHECK(one.to_client == row() + complete() + ready());
    CHECK(one.idles.size() == 1);
}

TEST_CASE("settings that may fail are waited for once per backend") {
    const auto text = query("set TimeZone='CET';");
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.client(query("select 1"));
    CHECK(one.to_server == text);
    CHECK(one.waiting);
    one.server(restored(status("TimeZone", "CET")));
    CHECK(one.to_server == text + query("select 1"));
    one.server(complete() + ready());

    // Another client has changed it meanwhile.
    one.backend->reported = reports();
    one.taken_by_server();
    one.client(query("select 2"));
    CHECK(one.to_server == text + query("select 2"));
    one.server(restored(status("TimeZone", "CET")) + complete() + ready());
    CHECK(names_of(one.to_client) == "C Z:I C Z:I");
}

TEST_CASE("a restoration is understood wherever its answer is cut") {
    const auto answer = notice("01000") + complete("SET") + status("TimeZone", "CET") + ready();
    for (std::size_t at = 0; at <= answer.size(); ++at) {
        rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
        one.client(query("select 1"));
        one.server(bytes{answer}.substr(0, at));
        one.server(bytes{answer}.substr(at));
        one.server(complete() + ready());
        CHECK(one.to_server == query("set TimeZone='CET';") + query("select 1"));
        CHECK(one.to_client == complete() + ready());
    }
}

TEST_CASE("a notification for the client before is not told to this one") {
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.client(query("select 1"));
    one.server(notification() + complete("SET") + ready());
    one.server(complete() + notification() + ready());
    CHECK(names_of(one.to_client) == "S C A Z:I");
}

TEST_CASE("what the server made of a setting is told to the client") {
    rig one{mode::transaction, reports({{"TimeZone", "utc"}}), {}, reports()};
    one.client(query("select 1"));
    one.server(restored());  // reported as before: UTC
    one.server(complete() + ready());
    CHECK(one.to_client == status("TimeZone", "UTC") + complete() + ready());
    one.taken_by_server();
    one.client(query("select 2"));
    CHECK(one.to_server == query("select 2"));
}

TEST_CASE("another server's own parameters are told, not restored") {
    rig one{mode::transaction, reports({{"server_version", "14"}}), {}, reports()};
    one.client(query("select 1"));
    CHECK(one.to_server == query("select 1"));
    one.server(complete() + ready());
    CHECK(one.to_client == status("server_version", "15.1") + complete() + ready());
}

TEST_CASE("a restoration that fails ends the session before anything of it has run") {
    rig one{mode::transaction, reports(), settings({{"role", "nosuch"}})};
    one.client(query("select 1"));
    CHECK(one.waiting);
    one.server(error("22023", "role does not exist"));
    CHECK(one.to_client.empty());
    one.server(ready());
    CHECK(names_of(one.to_client) == "E!22023");
    CHECK(one.to_server.find("select 1") == std::string::npos);
    // The server has rolled it back: the next client is not to believe in it.
    CHECK_FALSE(one.backend->applied);
}

TEST_CASE("nothing of an oversized error of a restoration reaches the client") {
    const auto report = error("22023", std::string(100'000, 'x'));
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.client(query("select 1"));
    one.server(bytes{report}.substr(0, 100));
    one.server(bytes{report}.substr(100));
    CHECK(one.to_client.empty());
    one.server(ready());
    CHECK(names_of(one.to_client) == "E!22023");
}

TEST_CASE("a restoration that fails where it had worked before loses the backend") {
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.backend->accept("set TimeZone='CET';");
    one.client(query("insert"));
    CHECK(one.to_server == query("set TimeZone='CET';") + query("insert"));
    one.server(error("22023") + ready() + complete() + ready());
    CHECK(names_of(one.to_client) == "E:08007 Z:I");
}

TEST_CASE("an error of our own query is not the client's, should the backend be lost behind it") {
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.backend->accept("set TimeZone='CET';");
    one.client(query("insert"));
    one.server(error("22023"));
    one.lose();
    CHECK(names_of(one.to_client) == "E:08007 Z:I");
}

TEST_CASE("a restoration that opens a transaction loses the backend") {
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.client(query("insert"));
    one.server(complete("SET") + ready('T'));
    CHECK(one.losses == "a");
}

TEST_CASE("a backend lost while it is restored is replaced unseen") {
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.client(query("insert"));
    one.lose();
    CHECK(one.losses == "a");
    CHECK(one.lendings == 2);
    one.server(restored(status("TimeZone", "CET")));
    one.server(complete() + ready());
    CHECK(names_of(one.to_client) == "C Z:I");
}

TEST_CASE("a restoration that kills every backend is given up") {
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.client(query("insert"));
    while (one.to_client.empty())
        one.lose();
    CHECK(names_of(one.to_client) == "E:57P03 Z:I");
    CHECK(one.lendings <= 200);
    CHECK_FALSE(one.failed);
}

TEST_CASE("a request behind a restoration that is lost may have run") {
    rig one{mode::transaction, reports({{"application_name", "mine"}}), {}, reports()};
    one.client(query("insert"));
    one.lose();
    CHECK(names_of(one.to_client) == "E:08007 Z:I");
}

TEST_CASE("startup settings are set once, and again where a command may have changed them") {
    const auto mine = settings({{"search_path", "app"}});
    const auto text = query("select pg_catalog.set_config('search_path', 'app', false);");
    rig one{mode::transaction, reports(), mine};
    one.client(query("select 1"));
    CHECK(one.to_server == text);
    one.server(complete() + ready());
    one.server(complete() + ready());
    CHECK(one.backend->applied == mine);

    one.taken_by_server();
    one.client(query("select 2"));
    CHECK(one.to_server == query("select 2"));
    one.server(complete() + ready());

    for (const auto* tag : {"SET", "RESET", "DISCARD ALL"}) {
        one.client(query("change"));
        const auto end = complete(tag) + ready();
        one.server(bytes{end}.substr(0, 7));
        one.server(bytes{end}.substr(7));
        one.taken_by_server();
        one.client(query("select 3"));
        CHECK(one.to_server == text + query("select 3"));
        one.server(complete() + ready() + complete() + ready());
    }
}

TEST_CASE("a client without startup settings takes those of the one before back") {
    rig one;
    one.backend->applied = settings({{"search_path", "app"}});
    one.client(query("select 1"));
    CHECK(one.to_server == query("reset \"search_path\";"));
    one.server(complete("RESET") + ready());
    CHECK_FALSE(one.backend->applied);
    CHECK(one.to_server.ends_with(query("select 1")));
}
