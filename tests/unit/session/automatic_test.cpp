// Mode automatic: what is known of a session, and what makes another backend its own.
#include <boost/algorithm/hex.hpp>
#include <catch2/catch.hpp>
#include <string>

#include "../../../src/session/sha256.hpp"
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
                 const std::string& role = "none", const std::string& statements = {}) {
    values.insert(values.begin(), {"app", role, pin, statements});
    return row_description() + data_row(values) + complete() + ready();
}

/// The answer to a survey of a database without user code.
std::string no_code() {
    return row_description() + data_row({"t"}) + complete() + row_description() + complete() +
           ready();
}

/// A session that has run a text, in a database that has been surveyed.
rig after(bytes text, startup_settings_ptr startup = {}, bytes tag = "SELECT 1") {
    rig one{mode::automatic, reports(), std::move(startup)};
    one.client(query("select f()"));
    one.server(complete() + ready());
    one.look();
    one.server(no_code());
    one.server(seen());
    one.client(query(text));
    one.server(complete(tag) + ready());
    one.taken_by_client();
    one.taken_by_server();
    return one;
}

rig after_prepare(bytes text) {
    return after(text, {}, "PREPARE");
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

/// What the server says of statements prepared by SQL: name and SHA-256, hexadecimal.
std::string digests(std::initializer_list<std::pair<bytes, bytes>> statements) {
    std::string list;
    for (const auto& [name, text] : statements) {
        const auto digest = session::sha256(text);
        list += list.empty() ? "" : ",";
        boost::algorithm::hex_lower(name, std::back_inserter(list));
        list += ':';
        boost::algorithm::hex_lower(digest.begin(), digest.end(), std::back_inserter(list));
    }
    return list;
}

std::string seen_statements(std::initializer_list<std::pair<bytes, bytes>> statements) {
    return seen({}, {}, "none", digests(statements));
}

TEST_CASE("what SQL's PREPARE has prepared is prepared again on the next backend") {
    const std::string text = "prepare s as select 1";
    auto one = after_prepare(text);
    CHECK(one.one.must_look_at_once());
    one.look();
    one.server(seen_statements({{"s", text}}));
    CHECK(one.one.portable());

    one.take_away();
    one.taken_by_server();
    one.client(query("execute s"));
    CHECK(one.taken_by_server() ==
          query("deallocate all;" + clean) + query(text) + query("execute s"));
    one.server(complete() + ready() + complete("PREPARE") + ready() + row_description() + row() +
               complete() + ready());
    CHECK(names_of(one.taken_by_client()) == "T D C Z:I");

    SECTION("also after a loss") {
        one.look();
        one.server(seen_statements({{"s", text}}));
        one.taken_by_server();
        one.lose();
        one.client(query("execute s"));
        CHECK(one.taken_by_server() == query(text) + query("execute s"));
    }
    SECTION("unless it has been deallocated") {
        one.client(query("deallocate s"));
        one.server(complete("DEALLOCATE") + ready());
        CHECK(one.one.must_look());
        one.look();
        one.server(seen());
        one.lose();
        one.taken_by_server();
        one.client(query("execute s"));
        CHECK(one.to_server == query("execute s"));
    }
}

TEST_CASE("a statement that cannot be prepared again is missing, and nothing else") {
    auto one = after_prepare("prepare s as select 1");
    one.look();
    one.server(seen_statements({{"s", "prepare s as select 1"}}));
    one.lose();
    one.client(query("select 2"));
    one.server(error("42P01") + ready() + complete() + ready());
    CHECK(names_of(one.to_client) == "C Z:I");
    CHECK_FALSE(one.failed);
}

TEST_CASE("a statement of that name which is somebody else's loses the backend") {
    auto one = after_prepare("prepare s as select 1");
    one.look();
    one.server(seen_statements({{"s", "prepare s as select 1"}}));
    one.lose();
    one.client(query("execute s"));
    one.server(error("42P05"));
    CHECK(names_of(one.to_client) == "E:08007 Z:I");
}

TEST_CASE("a PREPARE that is not known, or froze what has changed, pins") {
    const std::string text = "prepare s as select 1";
    auto one = after_prepare(text);
    SECTION("another text") {
        one.look();
        one.server(seen_statements({{"s", "prepare s as select 2"}}));
    }
    SECTION("one more") {
        one.look();
        one.server(seen_statements({{"s", text}, {"t", "prepare t as select 1"}}));
    }
    SECTION("other settings") {
        one.client(query("set search_path to other"));
        one.server(complete("SET") + ready());
        one.look();
        one.server(seen({"6f74686572"}, {}, "none", digests({{"s", text}})));
    }
    CHECK_FALSE(one.one.portable());
    CHECK(one.one.pin() == "prepared statements");
}

TEST_CASE("what pins goes with its DEALLOCATE") {
    const std::string text = "prepare s as select 'now'::timestamptz";
    auto one = after_prepare(text);
    one.look();
    one.server(seen_statements({{"s", text}}));
    CHECK(one.one.pinned());
    one.client(query("deallocate s"));
    one.server(complete("DEALLOCATE") + ready());
    one.look();
    one.server(seen());
    CHECK(one.one.portable());
}

TEST_CASE("a Close of the protocol may be of one of them") {
    auto one = after_prepare("prepare s as select 1");
    one.look();
    one.server(seen_statements({{"s", "prepare s as select 1"}}));
    one.client(frame('C', {"Ss\0", 3}) + sync_msg());
    one.server(closed() + ready());
    CHECK(one.one.must_look());
}

TEST_CASE("one that is made anew under other settings is not the one of before") {
    const std::string text = "prepare s as select '01.02.2024'::date";
    auto one = after_prepare(text);
    one.look();
    one.server(seen_statements({{"s", text}}));
    one.client(query("begin") + query("deallocate s") + query("set search_path to other") +
               query(text) + query("set search_path to default") + query("commit"));
    one.server(complete("BEGIN") + ready('T') + complete("DEALLOCATE") + ready('T') +
               complete("SET") + ready('T') + complete("PREPARE") + ready('T') + complete("SET") +
               ready('T') + complete("COMMIT") + ready());
    one.look();
    one.server(seen_statements({{"s", text}}));
    CHECK_FALSE(one.one.portable());
}

TEST_CASE("EXECUTE runs what its PREPARE has named, seen or not") {
    rig one{mode::automatic};
    one.client(query("begin") + query("prepare s as select seed()") + query("execute s") +
               query("commit"));
    one.server(complete("BEGIN") + ready('T') + complete("PREPARE") + ready('T') + complete() +
               ready('T') + complete("COMMIT") + ready());
    one.look();
    one.server(row_description() + data_row({"f"}) + complete() + row_description() +
               data_row({"seed", "begin perform setseed(0.5); end", "plpgsql", "f"}) + complete() +
               ready());
    one.server(seen());
    CHECK(one.one.pin() == "a seed of random()");
}

TEST_CASE("a Bind means the unnamed statement in front of it") {
    const auto startup =
        std::make_shared<const startup_settings>(startup_settings{{"role", "app"}});
    rig one{mode::automatic, reports(), startup};
    one.client(parse("reset role") + bind_msg() + execute() + sync_msg());
    one.server(complete() + ready() + parsed() + bound() + complete("RESET") + ready());
    one.server(complete() + ready());  // the startup value is set again
    one.taken_by_server();
    one.client(parse("set role none") + bind_msg() + execute() + sync_msg());
    one.server(parsed() + bound() + complete("SET") + ready());
    CHECK(one.to_server == parse("set role none") + bind_msg() + execute() + sync_msg());
}

TEST_CASE("a PREPARE that froze the time pins") {
    const std::string text = "prepare s as select 'now'::timestamptz";
    auto one = after_prepare(text);
    one.look();
    one.server(seen_statements({{"s", text}}));
    CHECK_FALSE(one.one.portable());
}

TEST_CASE("a PREPARE behind a look is left to the next one") {
    const std::string text = "prepare s as select 1";
    auto one = after("select set_config('app.tenant', 'x', false)");
    one.look();
    one.server(seen({"78"}));
    one.client(query("deallocate t"));  // nothing to look at
    one.server(complete("DEALLOCATE") + ready());
    CHECK_FALSE(one.one.must_look());
    one.client(query(text));
    one.server(complete("PREPARE") + ready());
    one.look();
    one.client(query("prepare t as select 2"));
    one.server(seen({"78"}, {}, "none", digests({{"s", text}})));
    one.server(complete("PREPARE") + ready());
    CHECK(one.one.must_look());
    one.look();
    one.server(seen({"78"}, {}, "none", digests({{"t", "prepare t as select 2"}, {"s", text}})));
    CHECK(one.one.portable());
}

TEST_CASE("a PREPARE that fails is not taken for an earlier one of the same text") {
    const std::string text = "prepare s as select '01.02.2024'::date";
    auto one = after("select make_statement()");  // it has prepared the same, who knows how
    one.client(query(text));
    one.server(error("42P05") + ready());
    one.look();
    one.server(seen_statements({{"s", text}}));
    CHECK_FALSE(one.one.portable());
}

TEST_CASE("settings that were not known at a PREPARE are told by the look behind it") {
    const std::string text = "prepare s as select 1";
    auto one = after("select set_config('search_path', 'other', false)");
    one.client(query(text));
    one.server(complete("PREPARE") + ready());
    SECTION("at once") {
        one.look();
        one.server(seen({"6f74686572"}, {}, "none", digests({{"s", text}})));
        CHECK(one.one.portable());
    }
    SECTION("unless something was done in between") {
        one.client(query("select set_config('search_path', 'else', false)"));
        one.server(complete() + ready());
        one.look();
        one.server(seen({"656c7365"}, {}, "none", digests({{"s", text}})));
        CHECK_FALSE(one.one.portable());
    }
}

TEST_CASE("a reported setting that changes pins what was prepared before") {
    const std::string text = "prepare s as select 1";
    auto one = after_prepare(text);
    one.look();
    one.server(seen_statements({{"s", text}}));
    one.client(query("set timezone to 'CET'"));
    one.server(status("TimeZone", "CET") + complete("SET") + ready());
    CHECK(one.one.must_look());
    one.look();
    one.server(seen_statements({{"s", text}}));
    CHECK(one.one.pin() == "prepared statements");
}

TEST_CASE("a statement parsed while a look is under way is nobody else's") {
    auto one = after("select set_config('search_path', 'other', false)");
    one.look();
    one.taken_by_server();
    one.client(parse("select 1", "s") + sync_msg());
    CHECK(one.to_server.find("pgballast_alone_") != std::string::npos);
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
    CHECK(one.to_server == query(startup_query(*one.login, *one.login, startup, {true, {}})));
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

TEST_CASE("a survey that has failed tells nothing, and is not repeated at once") {
    using std::chrono_literals::operator""ms;
    rig one{mode::automatic};
    one.client(query("select who('acme')"));
    one.server(complete() + ready());
    const auto now = std::chrono::steady_clock::now();
    const auto looks = [&](std::chrono::milliseconds later) { return one.one.look(now + later); };
    REQUIRE(looks(0ms));
    one.server(row_description() + data_row({"f"}) + complete() + error("57014") + ready());
    CHECK_FALSE(one.one.portable());
    CHECK(one.one.pin() == "what nobody has looked at");
    CHECK_FALSE(looks(5000ms));  // an idle client does not keep the compute awake
    one.client(query("select 1"));
    one.server(complete() + ready());
    CHECK_FALSE(looks(900ms));
    REQUIRE(looks(1000ms));
    one.server(no_code());
    one.server(seen());
    CHECK(one.one.portable());
}

TEST_CASE("of many sessions one asks the catalog, and another one if its backend is lost") {
    const auto about = std::make_shared<database>();
    const auto now = std::chrono::steady_clock::now();
    CHECK(about->begin_survey(now));
    CHECK_FALSE(about->begin_survey(now));
    about->survey_lost();
    CHECK(about->begin_survey(now));
    about->learned(std::make_shared<survey>());
    CHECK(about->begin_survey(now));
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

TEST_CASE("what has been seen of a session stays seen, though it was answered something before") {
    auto one = after("select f()");
    one.client(parse("select 1", "s") + sync_msg());
    one.server(parsed() + ready());
    one.client(query("deallocate s"));
    CHECK(names_of(one.taken_by_client()) == "1 Z:I C Z:I");
    one.look();
    one.server(seen());
    one.lose();
    one.client(query("select 2"));
    CHECK_FALSE(one.failed);
    CHECK(one.taken_by_server().ends_with(query("select 2")));
}

TEST_CASE("what a lost look was to see is lost, though a request came behind it") {
    auto one = after("select f()");
    one.look();
    one.client(query("select g()"));
    one.lose();
    CHECK(names_of(one.taken_by_client()) == "E:08007 Z:I");
    one.client(query("select 1"));
    CHECK(names_of(one.to_client) == "E!57P01");
    CHECK(one.failed);
}
