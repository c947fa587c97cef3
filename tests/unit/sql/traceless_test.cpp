#include "pgballast/sql/traceless.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <string>

using namespace std::string_literals;
using pgballast::sql::trace;
using pgballast::sql::trace_of;

namespace {

template <std::size_t Count>
void check_all(const std::array<const char*, Count>& texts, trace expected) {
    for (const std::string text : texts) {
        CAPTURE(text);
        CHECK(trace_of(text) == expected);
        CHECK(trace_of(" /* a /* nested */ one */ " + text) == expected);
        CHECK(trace_of(text + "\n-- done") == expected);
        CHECK(trace_of(text + ";;") == expected);
        CHECK(trace_of("show all;" + text) == expected);
        CHECK(trace_of(text + "\n;declare c cursor with hold for select 1") == trace::unknown);
    }
}

}  // namespace

TEST_CASE("a statement that only reads settings or frames a transaction leaves nothing") {
    check_all(
        std::array{
            "",
            ";",
            "-- nothing",
            "show timezone",
            "BEGIN",
            "begin isolation level serializable read only",
            "start transaction",
            "commit",
            "commit and chain",
            "end",
            "abort",
            "rollback",
            "rollback to savepoint s",
            "savepoint s",
            "deallocate p",
            "deallocate all",
            "release s",
            "set transaction read only",
            "set transaction snapshot '00000003-0000001B-1'",
            "begin; savepoint s; rollback to s; commit",
        },
        trace::none);
}

TEST_CASE("a parameter that every server reports is not left behind unseen") {
    check_all(
        std::array{
            "set timezone = 'UTC'",
            "SET TimeZone TO 'Europe/Berlin'",
            "set session timezone = default",
            "set time zone local",
            "set time zone interval '+02:00' hour to minute",
            "set session time zone 'UTC'",
            "set names 'utf8'",
            "set client_encoding to latin1",
            "set datestyle = iso, mdy",
            "set intervalstyle = iso_8601",
            "set application_name = 'it''s'",
            "set standard_conforming_strings = on",
            "reset timezone",
            "reset application_name",
        },
        trace::none);
}

TEST_CASE("what is local to a transaction ends with it") {
    check_all(
        std::array{
            "set local work_mem = '1MB'",
            "set local timezone = 'UTC'",
            "set local search_path = app",
            "set local session authorization app",
        },
        trace::none);
}

TEST_CASE("a plain SELECT leaves nothing unless user code hides in it") {
    check_all(
        std::array{
            "select 1",
            "SELECT a, b FROM t WHERE c = $1 AND d IN ($2, $3)",
            "select 'nextval(1)', 'it''s into temp', \"into\" from t",
            "select count(*) from t group by (a) having (count(*)) > 1",
            "select lower (a) from t",
            "select lower/* why */(a) from t",
            "select lower\n(a) from t",
            "select t.a, u.\"B\", s.t.c from t join u on (t.id = u.id)",
            "select t.* from t",
            "select coalesce(nullif(trim(a), ''), 'none') from t",
            "select a::numeric(10,2), cast(b as varchar(3)) from t",
            "select row_number() over (partition by a order by b) from t",
            "select extract(epoch from now())",
            "select current_setting('app.tenant', true)",
            "select * from (select 1) as s where exists (select 1)",
            "select 1 union all (select 2)",
            "select a from t for update",
            "select a from t where b like '%x' limit 10 offset 20",
            "select array[1,2,3], a[1] from t",
            "select 2 */* comment */ 3",
            "select 1.5, .5",
            "select a - -b from t",
            "select 'a' 'b'",
            "select date'2024-01-01'",
            "select 'µ', größe from t",
            "values (1), (2)",
        },
        trace::code);
}

TEST_CASE("a SELECT that makes a table is not traceless") {
    check_all(
        std::array{
            "select 1 into temp t",
            "select a INTO t from u",
            "select 1 as a into unlogged t",
            "select 'x'into temp t",
            "select 1into temp t",  // until PostgreSQL 14 a number and a word
            "select 1.into temp t",
            "select $1into temp t",
            "select \"a\"into temp t from u",
            "select 1/* */into/* */temp t",
            "select 1--\ninto temp t",
        },
        trace::unknown);
}

TEST_CASE("a function that is not known to leave nothing is not traceless") {
    check_all(
        std::array{
            "select set_config('a.b', 'x', false)",
            "SELECT SET_CONFIG ('a.b', $1, false)",
            "select pg_catalog.set_config('a.b', 'x', false)",
            "select \"set_config\"('a.b', 'x', false)",
            "select pg_catalog.\"set_config\"('a.b', 'x', false)",
            "select U&\"set\\005fconfig\"('a.b', 'x', false)",
            "select set_config/* ( */('a.b', 'x', false)",
            "select set_config--\n('a.b', 'x', false)",
            "select pg_advisory_lock(1)",
            "select 1 where pg_try_advisory_lock(1)",
            "select nextval('s')",
            "select currval('s')",
            "select lastval()",
            "select setseed(0.5)",
            "select pg_notify('c', 'x')",
            "select lo_open(1, 2)",
            "select who('acme')",
            "select app.lower('x')",  // not pg_catalog's
            "select * from dblink('…', 'select 1') as t(a int)",
            "select ts_stat('select set_config(''a.b'', ''x'', false)')",
            "values (set_config('a.b', 'x', false))",
            "select lower(set_config('a.b', 'x', false))",
            "select 1; select nextval('s')",
        },
        trace::unknown);
}

TEST_CASE("a function can be called like a column") {
    check_all(
        std::array{
            "select (5::bigint).pg_advisory_lock",
            "select (5::bigint) . \"pg_advisory_lock\"",
            "select $1.pg_advisory_lock",
            "select (array[5])[1].pg_advisory_lock",
            "select g.pg_advisory_lock from generate_series(7::bigint, 7) g",
            "select g.\"pg_advisory_lock\" from unnest(array[1]) g",
            "select g.setseed from unnest(array[0.5]) g",
            "select g.nextval from unnest(array['s'::regclass]) g",
            "select g.lo_creat from unnest(array[1]) g",
            "select (a).who from t",
            "select t.",
        },
        trace::unknown);
}

TEST_CASE("settings that servers do not report are not traceless") {
    check_all(
        std::array{
            "set work_mem = '1MB'",
            "set search_path = app",
            "set session search_path to app",
            "set a.b = 'x'",
            "set timezone.x = 'y'",
            "set local.x = 'y'",
            "set session local.x = 'y'",
            "set names.x = 'y'",
            "set session names.x = 'y'",
            "set transaction.x = 'y'",
            "set local seed = 0.5",  // random() goes on from there
            "set \"timezone\" = 'UTC'",
            "set default_transaction_read_only = on",  // not reported before 14
            "set session characteristics as transaction read only",
            "set role app",
            "set session role app",
            "set local role app",
            "set session authorization app",
            "set session authorization default",
            "set schema 'app'",
            "set seed to 0.5",
            "set xml option document",
            "set timezone from current",
            "set",
            "reset all",
            "reset role",
            "reset session authorization",
            "reset timezone.x",
            "reset",
        },
        trace::unknown);
}

TEST_CASE("statements that leave something, or may, are not traceless") {
    check_all(
        std::array{
            "discard all",
            "discard temp",
            "prepare p as select 1",
            "execute p",
            "prepare transaction 't'",
            "commit prepared 't'",
            "rollback prepared 't'",
            "declare c cursor with hold for select 1",
            "fetch c",
            "close all",
            "listen c",
            "unlisten *",
            "notify c",
            "load 'auto_explain'",
            "do 'begin perform 1; end'",
            "do $$ begin perform 1; end $$",
            "call p()",
            "copy t from stdin",
            "copy t to stdout",
            "explain analyze select set_config('a.b', 'x', false)",
            "explain select 1",
            "create temp table t (a int)",
            "merge into t using u on true when matched then delete",
            "truncate t",
            "lock table t",
            "(select 1)",
            "table t",
            "vacuum",
            "alter system set work_mem = '1MB'",
            "nonsense",
            "1",
            "\"select\" 1",
        },
        trace::unknown);
}

TEST_CASE("a text that is not plainly understood may leave anything") {
    check_all(
        std::array{
            "select e'x'",
            "select E'\\''",
            "select n'x'",
            "select b'1', x'1f'",
            "select u&'x'",
            "select $$x$$",
            "select $t$ ; $t$",
            "select \"a\"\"b\" from t",
            "select 'a\\' || nextval('s') || '",  // what this means is a setting's to say
            "select 1e5",
            "select $1x",
            "\\d",
        },
        trace::unknown);
    for (const auto* text : {"select 'x", "select \"x", "select /* 1", "select /* /* */ 1",
                             "select 'x''", "/", "/* "}) {
        CAPTURE(text);
        CHECK(trace_of(text) == trace::unknown);
    }
}

TEST_CASE("the worst statement of a text decides") {
    CHECK(trace_of("show all; select 1") == trace::code);
    CHECK(trace_of("select 1; show all") == trace::code);
    CHECK(trace_of("select 1; listen c; show all") == trace::unknown);
    CHECK(trace_of("show all; 'x; listen c") == trace::unknown);
    CHECK(trace_of("select ';'; listen c") == trace::unknown);
    CHECK(trace_of("select 1 -- ; listen c") == trace::code);
    CHECK(trace_of("select 1 -- x\n; listen c") == trace::unknown);
    CHECK(trace_of("select 1 -- x\r; listen c") == trace::unknown);
}

TEST_CASE("a long text is judged in linear time and constant stack") {
    const std::size_t length = 1 << 20;
    CHECK(trace_of("select '" + std::string(length, '\'') + "'") == trace::code);
    CHECK(trace_of(std::string(length, ';')) == trace::none);
    CHECK(trace_of("select " + std::string(length, '(')) == trace::code);
    std::string nested;
    for (std::size_t depth = 0; depth < length; ++depth)
        nested += "/*";
    CHECK(trace_of(nested) == trace::unknown);
}

TEST_CASE("what is qualified by pg_catalog is what it says") {
    check_all(
        std::array{
            "select pg_catalog.version()",
            "SELECT pg_catalog.Now(), pg_catalog.lower('X')",
            "select t.oid from pg_catalog.pg_type t join pg_catalog.pg_class c on true",
        },
        trace::code);
    check_all(
        std::array{
            "select pg_catalog.set_config('a.b', 'x', false)",
            "select pg_catalog.pg_advisory_lock(1)",
            "select x.pg_catalog.version()",
            "select app.version()",
            "select \"pg_catalog\".f()",
            "select pg_catalog.pg_advisory_lock from generate_series(1, 2) pg_catalog",
        },
        trace::unknown);
}

TEST_CASE("a write leaves nothing unless a trigger or a default does") {
    check_all(
        std::array{
            "insert into t values (1)",
            "INSERT INTO app.t (a, \"B\") VALUES ($1, lower($2)), (3, default) RETURNING a",
            "insert into \"T\" as x (a) select count(*) from u",
            "insert into t default values",
            "insert into t (a) values (1) on conflict (a) do update set b = excluded.b",
            "update t set a = 1",
            "update only t as x set (a, b) = (1, now()) where x.c in (1, 2)",
            "delete from t",
            "delete from t using u where t.a = u.a returning *",
            "with x as (insert into t values (1) returning a) select * from x",
            "with x as (insert into t (a) values (1) returning a), y as materialized"
            " (insert into app.u as v (b) select a from x returning b) select * from x, y",
            "insert into t (a) with x as (select 1) select * from x",
        },
        trace::code);
    check_all(
        std::array{
            "insert into t values (nextval('s'))",
            "insert into t (a) values (set_config('a.b', 'x', false))",
            "insert into t select f(1)",
            "insert t values (1)",
            "update t set a = pg_advisory_lock(1)",
            "update t set a = currval('s')",
            "delete from t where lastval() = 1",
            "delete from t where app.f(a)",
            "with x as (select f(1)) select 1",
            "with x as (select 1) select * into y from x",
            "insert into t (a) values (1) returning setval(a)",
            "insert into t select 1 from f (2)",
            "update pg_settings set setting = 'x'",  // its rule calls set_config
            "with x as (update \"pg_settings\" set setting = 'x') select 1",
            "insert t",
            "insert",
        },
        trace::unknown);
}
