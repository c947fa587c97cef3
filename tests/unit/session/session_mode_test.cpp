// Session mode: what is known of a session that has lost its backend.
#include <catch2/catch.hpp>
#include <string>

#include "rig.hpp"

using namespace pgballast::session;
using namespace pgballast::session::test;

namespace {

/// A session that has run a text and then lost its backend between two requests.
rig lost_after(bytes text) {
    rig one{mode::session};
    one.client(query(text));
    one.server(complete() + ready());
    one.lose({"57P01", "gone"});
    CHECK(one.to_client == complete() + ready());
    one.taken_by_client();
    one.taken_by_server();
    return one;
}

bool asks_catalog(const std::string& sent) {
    return sent.find("pg_catalog.pg_proc") != std::string::npos;
}

}  // namespace

TEST_CASE("a session that left nothing behind goes on with a new backend") {
    auto one = lost_after("show all");
    one.client(query("select 1"));
    CHECK(one.to_server == query("select 1"));
    CHECK_FALSE(one.failed);
}

TEST_CASE("what the server reports is carried to the new backend") {
    rig one{mode::session};
    one.client(query("set timezone = 'CET'"));
    one.server(complete("SET") + status("TimeZone", "CET") + ready());
    one.lose();
    one.taken_by_server();
    one.client(query("select 1"));
    CHECK(one.to_server == query("set TimeZone='CET';"));
    one.server(complete("SET") + status("TimeZone", "CET") + ready());
    CHECK(one.to_server.ends_with(query("select 1")));
}

TEST_CASE("a session that left something behind ends with its backend") {
    for (const auto* text : {"set work_mem = '1MB'", "listen c", "select pg_advisory_lock(1)",
                             "create temp table t (a int)", "select $$x$$"}) {
        CAPTURE(text);
        auto one = lost_after(text);
        one.client(query("select 1"));
        CHECK(names_of(one.to_client) == "E!57P01");
        CHECK(one.to_server.empty());
    }
}

TEST_CASE("function calls and large texts are not carried") {
    for (const auto& request : {call(), query("select 1 /*" + std::string(100'000, 'x') + "*/")}) {
        CAPTURE(request.front());
        rig one{mode::session};
        one.client(bytes{request}.substr(0, 100));
        one.client(bytes{request}.substr(std::min<std::size_t>(request.size(), 100)));
        one.server((request.front() == 'F' ? frame('V') : complete()) + ready());
        one.lose();
        one.client(query("select 1"));
        CHECK_THAT(names_of(one.to_client), Catch::Matchers::EndsWith("E!57P01"));
    }
}

TEST_CASE("a statement that is kept is prepared again on the next backend, by its name") {
    rig one{mode::session};
    const auto run = bind_msg("name") + execute() + sync_msg();
    one.client(parse("show all", "name") + sync_msg());
    one.server(parsed() + ready());
    one.client(run);
    CHECK(one.taken_by_server() == parse("show all", "name") + sync_msg() + run);
    one.server(frame('2') + complete("SHOW") + ready());
    one.taken_by_client();
    one.lose();
    one.client(run);
    CHECK(one.to_server == parse("show all", "name") + run);
    one.server(parsed() + frame('2') + complete("SHOW") + ready());
    CHECK(names_of(one.to_client) == "2 C Z:I");
}

TEST_CASE("the unnamed statement is parsed again on the next backend") {
    auto one = lost_after("show all");
    one.client(parse("show all") + sync_msg());
    one.server(parsed() + ready());
    one.lose();
    one.taken_by_server();
    one.client(bind_msg() + execute() + sync_msg());
    CHECK(one.to_server == parse("show all") + bind_msg() + execute() + sync_msg());
}

TEST_CASE("without an unnamed statement of its own a client gets nobody else's") {
    auto one = lost_after("show all");
    one.client(bind_msg() + sync_msg());
    CHECK(one.to_server == close_msg() + bind_msg() + sync_msg());
    one.server(frame('3') + error("26000") + ready());
    CHECK(names_of(one.to_client) == "E:26000 Z:I");
}

TEST_CASE("where a user's code may have run, the catalog is asked before anything else") {
    auto one = lost_after("select 1");
    one.client(query("select 2"));
    CHECK(asks_catalog(one.to_server));
    CHECK(one.waiting);
    const auto answer = row_description() + row("t") + complete() + ready();
    for (const char octet : answer)
        one.server({&octet, 1});
    CHECK(one.to_client.empty());
    CHECK(one.to_server.ends_with(query("select 2")));
    one.server(complete() + ready());

    // That holds for this backend. What runs on it may leave something again.
    one.taken_by_server();
    one.lose();
    one.client(query("select 3"));
    CHECK(asks_catalog(one.to_server));
}

TEST_CASE("where the database holds a user's code the session ends") {
    for (const auto& answer : {row_description() + row("f") + complete(),
                               row_description() + complete(), error("42501")}) {
        auto one = lost_after("select 1");
        one.client(query("select 2"));
        one.server(answer);
        one.server(ready());
        CHECK(one.failed);
        CHECK(names_of(one.to_client).starts_with("E!"));
        CHECK(one.to_server.find("select 2") == std::string::npos);
    }
}

TEST_CASE("a loss while the catalog is asked asks again") {
    auto one = lost_after("select 1");
    one.client(query("select 2"));
    one.taken_by_server();
    one.server(row_description() + row("t"));
    one.lose();
    CHECK(asks_catalog(one.to_server));
    CHECK(one.waiting);
    one.server(row_description() + row("f") + complete() + ready());
    CHECK(names_of(one.to_client) == "E!57P01");
}

TEST_CASE("code that runs right behind a restoration is not forgotten") {
    rig one{mode::session, reports({{"application_name", "mine"}}), {}, reports()};
    one.client(query("select 1"));  // in the same write
    one.server(complete("SET") + status("application_name", "mine") + ready());
    one.server(complete() + ready());
    one.lose();
    one.taken_by_server();
    one.client(query("select 2"));
    CHECK(asks_catalog(one.to_server));
}

TEST_CASE("a statement that is lost while it runs is told, and the session goes on") {
    rig one{mode::session};
    one.client(query("show all"));
    one.lose();
    CHECK(names_of(one.taken_by_client()) == "E:08007 Z:I");
    one.taken_by_server();
    one.client(query("show all"));
    CHECK(one.to_server == query("show all"));
}

TEST_CASE("a backend stays with its session") {
    rig one{mode::session};
    for (int round = 0; round < 3; ++round) {
        one.client(query("select 1"));
        one.server(complete() + ready());
    }
    CHECK(one.idles.size() == 3);
    CHECK(one.lendings == 1);
    one.client(sync_msg());  // the server's to answer
    CHECK(one.one.in_flight());
    one.server(ready());
}
