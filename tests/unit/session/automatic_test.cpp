// Mode automatic: what is known of a session, and what makes another backend its own.
#include <catch2/catch.hpp>
#include <string>

#include "pgballast/session/look.hpp"
#include "rig.hpp"

using namespace pgballast;
using namespace pgballast::session;
using namespace pgballast::session::test;

namespace {

const std::string clean = clean_session;

std::string data_row(const std::vector<std::string>& fields) {
    std::string out;
    wire::message made{out, 'D'};
    made.i16(static_cast<std::int16_t>(fields.size()));
    for (const auto& field : fields)
        made.i32(static_cast<std::int32_t>(field.size())).view(field);
    return out;
}

/// What the backend says to a look: who it is, what pins, and values in hexadecimal digits.
std::string seen(std::vector<std::string> values = {}, const std::string& pin = {},
                 const std::string& role = "none") {
    values.insert(values.begin(), {"app", role, pin});
    return row_description() + data_row(values) + complete() + ready();
}

/// The answer to a survey of a database without user code.
std::string no_code() {
    return row_description() + data_row({"t"}) + complete() + row_description() + complete() +
           ready();
}

/// A session that has run a text, in a database that has been surveyed.
rig after(bytes text, startup_settings_ptr startup = {}) {
    rig one{mode::automatic, reports(), std::move(startup)};
    one.client(query("select f()"));
    one.server(complete() + ready());
    one.look();
    one.server(no_code());
    one.server(seen());
    one.client(query(text));
    one.server(complete() + ready());
    one.taken_by_client();
    one.taken_by_server();
    return one;
}

}  // namespace

TEST_CASE("a backend stays with its client, which finds it as it left it") {
    auto one = after("show all");
    CHECK(one.lendings == 1);
    CHECK(one.one.portable());
    CHECK_FALSE(one.one.must_look());
    one.one.detach();  // and nobody has it meanwhile
    one.lent = false;
    one.client(query("select 1"));
    CHECK(one.to_server == query("select 1"));
}

TEST_CASE("whoever had the backend, its traces are taken away in the same write") {
    auto one = after("show all");
    one.take_away();
    one.client(query("select 1"));
    CHECK(one.to_server == query(clean) + query("select 1"));
    one.server(complete("SET") + complete("RESET") + ready() + complete() + ready());
    CHECK(names_of(one.to_client) == "C Z:I");
}

TEST_CASE("what a client has set is read back, and set on its next backend") {
    auto one = after("set app.tenant to 'acme'");
    CHECK(one.one.must_look_at_once());
    CHECK_FALSE(one.one.portable());
    one.look();
    CHECK(one.taken_by_server() == query(look_query({"app.tenant"})));
    const auto answer = seen({"61636d65"});
    for (const char octet : answer)
        one.server({&octet, 1});
    CHECK(one.to_client.empty());
    CHECK(one.looks == 2);
    one.take_away();
    one.client(query("select 1"));
    CHECK(one.waiting);  // a value that this backend has not accepted before
    CHECK(one.to_server ==
          query(clean + "select pg_catalog.set_config('app.tenant', 'acme', false);"));
    one.server(complete() + ready());
    CHECK(one.to_server.ends_with(query("select 1")));
    one.server(complete() + ready());

    one.taken_by_server();
    one.take_away();
    one.client(query("select 2"));  // this time it has
    CHECK(one.to_server.ends_with("false);" + std::string(1, '\0') + query("select 2")));
}

TEST_CASE("a look takes the unnamed statement away, which is parsed again") {
    rig one{mode::automatic};
    one.client(parse("select f()") + sync_msg());
    one.server(parsed() + ready());
    one.look();
    one.server(no_code());
    one.server(seen());
    one.taken_by_server();
    one.client(bind_msg() + execute() + sync_msg());
    CHECK(one.to_server == parse("select f()") + bind_msg() + execute() + sync_msg());
}

TEST_CASE("a role comes last, and is always waited for") {
    auto one = after("set role other");
    one.look();
    one.server(seen({}, {}, "other"));
    for (int round = 0; round < 2; ++round) {
        one.take_away();
        one.taken_by_server();
        one.client(query("select 1"));
        CHECK(one.waiting);
        CHECK(one.to_server ==
              query(clean + "select pg_catalog.set_config('role', 'other', false);"));
        one.server(complete() + ready());
        one.server(complete() + ready());
    }
}

TEST_CASE("what is sent while a look is under way has not been seen by it") {
    auto one = after("set app.tenant to 'acme'");
    one.look();
    one.client(query("select f()"));
    one.server(seen({"61"}));
    one.server(complete() + ready());
    CHECK(names_of(one.taken_by_client()) == "C Z:I");
    CHECK(one.one.must_look());
    CHECK_FALSE(one.one.portable());
}

TEST_CASE("what cannot be carried pins the session until it is gone") {
    auto one = after("create temp table t (a int)");
    one.look();
    one.server(no_code());  // something may have been defined
    one.server(seen({}, "temporary tables"));
    CHECK_FALSE(one.one.portable());
    CHECK(one.one.pin() == "temporary tables");
    one.client(query("drop table t"));
    one.server(complete("DROP TABLE") + ready());
    one.look();
    one.server(no_code());
    one.server(seen());
    CHECK(one.one.portable());
}

TEST_CASE("pinned state that is lost is named") {
    auto one = after("select pg_advisory_lock(1)");
    one.look();
    one.server(seen({}, "advisory locks"));
    one.lose({"57P01", "gone"});
    one.client(query("select 1"));
    CHECK(names_of(one.to_client) == "E!57P01");
    CHECK(one.to_client.find("Lost: advisory locks. gone") != std::string::npos);
}

TEST_CASE("a look that fails, or has no row, or is malformed, pins") {
    for (const auto& answer : {error("42501") + ready(), row_description() + complete() + ready(),
                               row_description() + row("x") + complete() + ready()}) {
        auto one = after("set app.tenant to 'acme'");
        one.look();
        one.server(answer);
        CHECK_FALSE(one.failed);
        CHECK_FALSE(one.one.portable());
        CHECK(one.to_client.empty());
    }
}

TEST_CASE("settings whose names are not constant pin until DISCARD ALL") {
    auto one = after("select set_config($$app.$$ || 'x', 'y', false)");
    one.look();
    one.server(seen());
    CHECK_FALSE(one.one.portable());
    one.client(query("discard all"));
    one.server(complete("DISCARD ALL") + ready());
    CHECK(one.one.portable());
}

TEST_CASE("a look that is lost leaves its question open") {
    auto one = after("set app.tenant to 'acme'");
    one.look();
    one.lose();
    one.client(query("select 1"));
    CHECK(names_of(one.to_client) == "E!57P01");
}

TEST_CASE("what is RESET returns to the client's own startup values, before it goes on") {
    const auto startup = std::make_shared<const startup_settings>(
        startup_settings{{"search_path", "app"}, {"app.x", "1"}});
    rig one{mode::automatic, reports(), startup};
    one.client(query("reset all"));
    one.server(complete() + complete() + ready());  // of the restoration
    one.taken_by_server();
    one.server(complete("RESET") + ready());
    CHECK(names_of(one.taken_by_client()) == "C");
    CHECK(one.to_server == query(startup_query(*one.login, *one.login, startup)));
    one.server(complete() + complete() + ready());
    CHECK(names_of(one.to_client) == "Z:I");
}

TEST_CASE("user code is looked at where the database holds any") {
    rig one{mode::automatic};
    one.client(query("select 1"));
    one.server(complete() + ready());
    CHECK(one.one.must_look());
    one.look();
    one.taken_by_server();
    one.server(
        row_description() + data_row({"f"}) + complete() + row_description() +
        data_row({"who", "begin perform set_config('app.t', $1, false); end", "plpgsql", "f"}) +
        complete() + ready());
    CHECK(one.to_server == query(look_query({"app.t"})));
    one.server(seen({"61"}));
    CHECK(one.one.portable());
}

TEST_CASE("what is known of a database's code is not believed for ever") {
    database about;
    auto known = std::make_shared<survey>();
    about.learned(known);
    about.forget_what_is_old(known->taken_at + database::survey_age_max);
    CHECK(about.known() == known);
    about.forget_what_is_old(known->taken_at + database::survey_age_max +
                             std::chrono::milliseconds{1});
    CHECK_FALSE(about.known());
    about.learned(known);
    about.defined();
    CHECK_FALSE(about.known());
}

TEST_CASE("where there is none, a plain statement needs no look") {
    rig one{mode::automatic};
    one.client(query("select 1"));
    one.server(complete() + ready());
    one.look();
    one.taken_by_server();
    one.server(no_code());
    CHECK(one.to_server.empty());
    CHECK(one.looks == 1);
    CHECK(one.one.portable());
}
