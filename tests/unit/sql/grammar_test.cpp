#include "pgballast/sql/grammar.hpp"

#include <pthread.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "pgballast/sql/read_only.hpp"
#include "pgballast/sql/rule_u.hpp"

using namespace pgballast::sql;
using namespace std::string_literals;

namespace {

/// The only statement of a text.
command only(std::string_view text) {
    CAPTURE(text.substr(0, 200));
    const auto all = parse(text);
    REQUIRE(all.has_value());
    REQUIRE(all->size() == 1);
    return all->front().what;
}

std::string repeated(std::size_t times, std::string_view what) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i)
        out += what;
    return out;
}

}  // namespace

TEST_CASE("a statement is what the grammar says, however it is written") {
    const std::pair<const char*, command> texts[]{
        {"select 1", command::select},
        {"SELECT", command::select},
        {"((select 1))", command::select},
        {"values (1), (2)", command::select},
        {"table t", command::select},
        {"with x as (select 1) select * from x", command::select},
        {"with x as (delete from t returning *) select * from x", command::select},
        {"select 1 union select 2", command::select},
        {"select * from t for update", command::select},
        {"insert into t values (1)", command::insert},
        {"with x as (select 1) insert into t select * from x", command::insert},
        {"update t set a = 1", command::update},
        {"delete from t", command::remove},
        {"merge into t using u on t.a = u.a when matched then delete", command::merge},
        {"begin", command::begin},
        {"BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE", command::begin},
        {"start transaction read only", command::begin},
        {"commit", command::commit},
        {"end work", command::commit},
        {"rollback", command::rollback},
        {"abort", command::rollback},
        {"rollback/* to */", command::rollback},
        {"rollback to x", command::rollback_to},
        {"ROLLBACK\tWORK\nTO -- this\nSAVEPOINT \"x;y\"", command::rollback_to},
        {"abort", command::rollback},
        {"savepoint x", command::savepoint},
        {"release x", command::release},
        {"release savepoint x", command::release},
        {"prepare transaction 'x'", command::prepare_transaction},
        {"commit prepared 'x'", command::commit_prepared},
        {"rollback prepared 'x'", command::rollback_prepared},
        {"set transaction read only", command::set_transaction},
        {"set local transaction isolation level serializable", command::set_transaction},
        {"do 'begin end'", command::code},
        {"create or replace function f() returns int language sql return 1", command::code},
        {"create procedure p() language sql as ''", command::code},
    };
    for (const auto& [text, what] : texts) {
        CHECK(only(text) == what);
        CHECK(only(" /* a /* nested */ one; */ "s + text + " -- ; done") == what);
        CHECK(only(";;"s + text + ";\n;") == what);
    }
}

TEST_CASE("what is neither a query nor a transaction's frame is something else") {
    for (const auto* text : {"select 1 into t",
                             "select * into temp t from u",
                             "select 1 into t union select 2",
                             "(select 1 into t union select 2) union select 3",
                             "create table t as select 1",
                             "explain select 1",
                             "explain analyze delete from t",
                             "copy t from stdin",
                             "copy (delete from t returning *) to stdout",
                             "call p()",
                             "set x.y to 1",
                             "set session characteristics as transaction read only",
                             "set transaction snapshot '1'",
                             "set transaction_read_only to on",
                             "show all",
                             "execute p",
                             "prepare p as select 1",
                             "deallocate all",
                             "declare c cursor for select 1",
                             "fetch c",
                             "listen x",
                             "notify x",
                             "lock table t",
                             "truncate t",
                             "vacuum",
                             "create table t (a int)",
                             "discard all",
                             "refresh materialized view t",
                             "checkpoint"})
        CHECK(only(text) == command::other);
}

TEST_CASE("only AND CHAIN opens a new block at once") {
    const auto chain = [](std::string_view text) { return parse(text).value().at(0).chain; };
    CHECK(chain("commit and chain"));
    CHECK(chain("ROLLBACK WORK AND CHAIN"));
    CHECK(chain("end transaction and chain"));
    CHECK(chain("abort and chain"));
    CHECK_FALSE(chain("commit and no chain"));
    CHECK_FALSE(chain("commit"));
    CHECK_FALSE(chain("rollback to chain"));
    CHECK_FALSE(chain("select 1 as chain"));
}

TEST_CASE("the statements of a text are told with their places") {
    const auto text = "begin; select ';' ;;insert into \"a;b\" values ($$;$$);  commit -- bye"s;
    const auto all = parse(text).value();
    REQUIRE(all.size() == 4);
    const auto place = [&](std::size_t i) {
        return text.substr(all[i].begin, all[i].end - all[i].begin);
    };
    CHECK(place(0) == "begin");
    CHECK(place(1) == " select ';' ");
    CHECK(place(2) == "insert into \"a;b\" values ($$;$$)");
    CHECK(place(3) == "  commit -- bye");

    // Places are counted in bytes.
    const auto accents = "select 'é'; commit"s;
    CHECK(parse(accents).value().at(1) == parsed{command::commit, false, 12, accents.size()});
}

TEST_CASE("an empty text has no statement, a wrong one cannot be parsed") {
    for (const auto* text : {"", " ", ";", ";;", "-- x", "/* x */ ; --"}) {
        CAPTURE(text);
        REQUIRE(parse(text).has_value());
        CHECK(parse(text)->empty());
    }
    for (const auto* text : {"nonsense", "select 'x", "select /* 1", "select 1; nonsense",
                             "rollback to", "select $1x", "\"select\" 1", "commit and", "/*"}) {
        CAPTURE(text);
        CHECK_FALSE(parse(text));
    }
}

// With standard_conforming_strings off the first is two statements.
TEST_CASE("a text with a backslash is doubtful") {
    CHECK_FALSE(parse(R"(select 'a\'; commit --')"));
    CHECK_FALSE(parse(R"(select e'\'')"));
    CHECK_FALSE(parse(R"(select 1 -- \)"));
    CHECK_FALSE(mentions_of_select(R"(select '\')"));
    CHECK_FALSE(rule_u_allows(R"(select '\')"));
    CHECK(parse("select e'x', U&'d!0061t' uescape '!', $x$ ' $x$"));
}

TEST_CASE("octets that are no UTF-8, or none at all, do no harm") {
    CHECK_FALSE(parse("select 1\0; drop table t"s));
    CHECK_FALSE(parse("\0"s));
    for (const auto* bytes : {"\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80", "\x80"})
        for (const auto* text : {"select '%'", "select %", "select \"%\"", "%", "select 1 as %",
                                 "select f(%)", "savepoint %", "select '%", "select 1 % 2"}) {
            auto hostile = std::string{text};
            hostile.replace(hostile.find('%'), 1, bytes);
            CAPTURE(hostile);
            CHECK_FALSE(parse(hostile));
            CHECK_FALSE(mentions_of_select(hostile));
            CHECK_FALSE(rule_u_allows(hostile));
        }
    CHECK(only("select 1 -- caf\xe9") == command::select);
    CHECK(only("select 'é' as \"é\"") == command::select);
    // A name is cut at 63 octets, in the midst of no character.
    CHECK(only("savepoint " + repeated(40, "é")) == command::savepoint);
}

TEST_CASE("what is too long is not parsed") {
    CHECK(only("select '" + std::string(60'000, ' ') + "'") == command::select);
    CHECK_FALSE(parse("select '" + std::string(66'000, ' ') + "'"));
    CHECK_FALSE(parse(std::string(1 << 24, '(')));
    // Long lists are common, and cost no depth.
    CHECK(only("select 1 in (1" + repeated(20'000, ",1") + ")") == command::select);
    CHECK(only("insert into t values ($1,$2)" + repeated(1'500, ",($1,'x')")) == command::insert);
    CHECK(only("select * from t where a" + repeated(900, " and b")) == command::select);
}

namespace {

/// Each nests as often as is said, one way or the other.
std::vector<std::string> nests(std::size_t depth) {
    const auto around = [depth](std::string_view open, std::string_view middle,
                                std::string_view close) {
        return "select " + repeated(depth, open) + std::string{middle} + repeated(depth, close);
    };
    return {
        around("(", "", ""),
        around("(", "1", ")"),
        around("((", "1", "),1)"),
        around("", "1", "+1"),
        around("", "1", "-+1"),
        around("", "1", "::a"),
        around("", "x", "[1]"),
        around("", "1", " isnull"),
        around("", "1", " collate a"),
        around("", "1", " is distinct from 1"),
        around("", "1", " union select 1"),
        around("- ", "x", ""),
        around("@", "x", ""),
        around("not ", "x", ""),
        around("f(", "1", ")"),
        around("(select ", "1", ")"),
        around("exists(select ", "1", ")"),
        around("array[", "1", "]"),
        around("array[", "", ""),
        around("row(", "1", ")"),
        around("1 in (", "1", ")"),
        around("1 = any(", "1", ")"),
        around("coalesce(", "1", ")"),
        around("case when 1 then ", "1", " end"),
        around("f() over (order by ", "1", ")"),
        around("x[", "1", "]"),
        around("xmlelement(name a, ", "1", ")"),
        around("1 from (select ", "1", ") x"),
        "select * from " + repeated(depth, "(") + "t" + repeated(depth, " join t on 1)"),
        "select * from t" + repeated(depth, " cross join t"),
        repeated(depth, "(") + "select 1" + repeated(depth, ")"),
        repeated(depth, "with a as (") + "select 1" + repeated(depth, ") select 1"),
        repeated(depth, "/*") + repeated(depth, "*/"),
        repeated(depth, "/*' */1+"),
        repeated(depth, "begin;"),
        repeated(depth, "explain "),
        "create table t (a int check(" + repeated(depth, "not ") + "a))",
        "create table t (a int default " + repeated(depth, "-") + "a)",
    };
}

void parse_nests(std::size_t most) {
    for (std::size_t depth = 1; depth <= most; depth = depth * 3 / 2 + 1)
        for (const auto& text : nests(depth)) {
            parse(text);
            mentions_of_select(text);
            rule_u_allows(text);
        }
}

void* parse_all_nests(void*) {
    parse_nests(60'000);
    return nullptr;
}

}  // namespace

// Threads have 8 MiB mostly, 2 MiB where the limit of the stack is none.
TEST_CASE("no depth of nesting overflows the stack of a thread") {
    pthread_attr_t attributes;
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setstacksize(&attributes, 2 << 20) == 0);
    pthread_t thread{};
    REQUIRE(pthread_create(&thread, &attributes, parse_all_nests, nullptr) == 0);
    CHECK(pthread_join(thread, nullptr) == 0);
    pthread_attr_destroy(&attributes);
}

TEST_CASE("a moderate depth is parsed") {
    CHECK(only("select 1" + repeated(200, "+1")) == command::select);
    CHECK(only("select " + repeated(100, "f(") + repeated(100, ")")) == command::select);
    CHECK(only("select 1" + repeated(200, " union all select 1")) == command::select);
    CHECK_FALSE(parse("select 1" + repeated(2'000, "+1")));
}

TEST_CASE("threads parse beside each other") {
    std::array<int, 8> right{};
    std::vector<std::thread> threads;
    for (int& mine : right)
        threads.emplace_back([&mine] {
            for (int round = 0; round < 200; ++round) {
                const auto name = "t" + std::to_string(round);
                const auto found = mentions_of_select("select lower(a) from " + name);
                mine += found && found->relations == std::vector{"\"" + name + "\""};
                mine += !parse("select from from");
                mine += parse("commit; rollback to " + name)->at(1).what == command::rollback_to;
            }
        });
    for (auto& thread : threads)
        thread.join();
    for (const int each : right)
        CHECK(each == 600);
}
