#include "pgballast/sql/text_facts.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace std::string_literals;
using pgballast::sql::facts_of;
using pgballast::sql::facts_of_function;
using pgballast::sql::text_facts;
using pgballast::sql::trace;
using pgballast::sql::trace_of;

namespace {

using list = std::vector<std::string>;

std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text)
        out += c == '\'' ? "''" : std::string(1, c);
    return out + "'";
}

// The names of a text, which are the same in whatever body it stands.
list names_of(const std::string& text) {
    const auto facts = facts_of(text);
    CHECK_FALSE(facts.unknown_name);
    CHECK(facts.left == trace_of(text));
    const auto block = "begin " + text + " end";
    const auto body = "do " + quoted(block);
    for (const auto& around :
         {"do $$begin " + text + " end$$", "do $x$begin " + text + " end$x$", "/* why */ " + body,
          "do " + quoted("begin execute " + body + "; end"), "select 1;\n" + text,
          "-- ' \n" + text}) {
        CAPTURE(around);
        CHECK(facts_of(around).names == facts.names);
        CHECK_FALSE(facts_of(around).unknown_name);
    }
    CHECK(facts_of_function(block, "plpgsql").names == facts.names);
    return facts.names;
}

bool has_unknown_name(const std::string& text) {
    CAPTURE(text);
    CHECK(facts_of_function("begin " + text + " end", "plpgsql").unknown_name);
    CHECK(facts_of("do " + quoted("begin " + text + " end")).unknown_name);
    return facts_of(text).unknown_name;
}

text_facts nothing(trace left) {
    text_facts facts;
    facts.left = left;
    return facts;
}

}  // namespace

TEST_CASE("a text that is understood has no names, since the server reports what it sets") {
    for (const auto* text : {"", "show all", "begin", "set timezone = 'UTC'", "set local a.b = 'x'",
                             "SET client_encoding TO 'UTF8'", "reset timezone"}) {
        CAPTURE(text);
        CHECK(facts_of(text) == nothing(trace::none));
    }
    for (const auto* text : {"select 1", "SELECT a FROM t WHERE b = $1", "delete from t",
                             "UPDATE \"users\" SET \"name\" = $1 WHERE \"id\" = $2",
                             "update t set a = b, c = 'set x = y'"}) {
        CAPTURE(text);
        CHECK(facts_of(text) == nothing(trace::code));
    }
}

TEST_CASE("what SET names is found") {
    CHECK(names_of("set work_mem = '1MB';") == list{"work_mem"});
    CHECK(names_of("SET SESSION Work_Mem TO '1MB';") == list{"work_mem"});
    CHECK(names_of("set app.tenant = 'x';") == list{"app.tenant"});
    CHECK(names_of("set a.b.c = 'x';") == list{"a.b.c"});
    CHECK(names_of("set/**/app/* a */./* b */tenant--c\n=1;") == list{"app.tenant"});
    CHECK(names_of("set\n\tapp.tenant\n\tto\n1;") == list{"app.tenant"});
    CHECK(names_of("set \"App\".\"Tenant\" = 1;") == list{"app.tenant"});
    CHECK(names_of("set\"app.tenant\"to 1;") == list{"app.tenant"});
    CHECK(names_of("set \"timezone\" = 'UTC';") == list{"timezone"});
    CHECK(names_of("set a.b = 1; set c = 2; SET A.B = 3;") == list{"a.b", "c"});
    CHECK(names_of("set search_path to default;") == list{"search_path"});
}

TEST_CASE("names that look like keywords are names") {
    CHECK(names_of("set session.user_id = 1;") == list{"session.user_id"});
    CHECK(names_of("set local.x = 1;") == list{"local.x"});
    CHECK(names_of("set session local.x = 1;") == list{"local.x"});
    CHECK(names_of("set transaction.x = 1;") == list{"transaction.x"});
    CHECK(names_of("set names.x = 1;") == list{"names.x"});
    CHECK(names_of("set session names.x = 1;") == list{"names.x"});
    CHECK(names_of("set session characteristics.x = 1;") == list{"characteristics.x"});
    CHECK(names_of("set time.x = 1;") == list{"time.x"});
    CHECK(names_of("set seed.x = 1;") == list{"seed.x"});
    CHECK(names_of("set role.x = 1;") == list{"role.x"});
}

TEST_CASE("forms of SET that are no assignments change settings, too") {
    CHECK(names_of("set time zone 'UTC'; f();") == list{"timezone"});
    CHECK(names_of("SET ROLE app;") == list{"role"});
    CHECK(names_of("set session role none;") == list{"role"});
    CHECK(names_of("set role to app;") == list{"role"});
    CHECK(names_of("set session authorization app;") == list{"session_authorization", "role"});
    CHECK(names_of("set session session authorization default;") ==
          list{"session_authorization", "role"});
    CHECK(names_of("set names 'utf8'; f();") == list{"client_encoding"});
    CHECK(names_of("set schema 'app';") == list{"search_path"});
    CHECK(names_of("set xml option document;") == list{"xmloption"});
    CHECK(names_of("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;") ==
          list{"default_transaction_isolation", "default_transaction_read_only",
               "default_transaction_deferrable"});
    CHECK(facts_of("set seed to 0.5").seeds_random);
    CHECK(facts_of("begin; set local seed = 0.5").seeds_random);
    CHECK_FALSE(facts_of("set session work_mem = 1").seeds_random);
}

TEST_CASE("RESET changes what it names") {
    CHECK(names_of("reset work_mem;") == list{"work_mem"});
    CHECK(names_of("RESET \"App\".Tenant;") == list{"app.tenant"});
    CHECK(names_of("reset time zone; f();") == list{"timezone"});
    CHECK(names_of("reset role;") == list{"role"});
    CHECK(names_of("reset session authorization;") == list{"session_authorization", "role"});
    CHECK(names_of("reset all;") == list{});
    CHECK(names_of("discard all;") == list{});
}

TEST_CASE("what ends with the transaction has no name") {
    CHECK(names_of("set local app.tenant = 'x'; perform f();") == list{});
    CHECK(names_of("set local role app;") == list{});
    CHECK(names_of("set transaction read only; f();") == list{});
    CHECK(names_of("perform set_config('app.tenant', p, true);") == list{});
    CHECK(names_of("select set_config('role', 'web', true), set_config('a.b', '', true);") ==
          list{});
    CHECK(names_of("select set_config('a.b', $1::text, TRUE );") == list{});
    CHECK_FALSE(facts_of("select set_config($1, $2, true)").unknown_name);
    CHECK_FALSE(facts_of("select set_config(n, t.v, true) from t").unknown_name);
}

TEST_CASE("a call whose third argument is not plainly true may last") {
    CHECK(names_of("perform set_config('a.b', 'x', l);") == list{"a.b"});
    CHECK(names_of("perform set_config('a.b', 'x', not true);") == list{"a.b"});
    CHECK(names_of("perform set_config('a.b', 'x', true and f());") == list{"a.b"});
    CHECK(names_of("perform set_config('a.b', f('x', true), false);") == list{"a.b"});
    CHECK(names_of("perform set_config('a.b', ', true)', false);") == list{"a.b"});
    CHECK(names_of("perform set_config('a.b', '', false), f('', true);") == list{"a.b"});
    CHECK(names_of("perform set_config('a.b', '''', true)', false);") == list{"a.b"});
}

TEST_CASE("the constant first argument of set_config is a name") {
    CHECK(names_of("select set_config('app.tenant', $1, false);") == list{"app.tenant"});
    CHECK(names_of("select pg_catalog.set_config('search_path', '', false);") ==
          list{"search_path"});
    CHECK(names_of("SELECT Set_Config ( 'TimeZone' , 'UTC' , false );") == list{"timezone"});
    CHECK(names_of("select \"set_config\"('a.b', 'x', false);") == list{"a.b"});
    CHECK(names_of("select pg_catalog.\"set_config\"('a.b', 'x', false);") == list{"a.b"});
    CHECK(names_of("select set_config(E'a.b', 'x', false);") == list{"a.b"});
    CHECK(names_of("select set_config('a.b'::text, 'x', false);") == list{"a.b"});
    CHECK(names_of("select set_config/**/(--\n'a.b'/**/,'x',false);") == list{"a.b"});
    CHECK(facts_of("select set_config($$a.b$$, 'x', false)").names == list{"a.b"});
    CHECK(facts_of("select set_config($n$a.b$n$, 'x', false)").names == list{"a.b"});
    CHECK(facts_of("do E'begin perform set_config(\\'a.b\\', p, false); end'").names ==
          list{"a.b"});
    CHECK_FALSE(facts_of("do E'begin perform set_config(\\'a.b\\', p, false); end'").unknown_name);
}

TEST_CASE("any other first argument of set_config is a name that is not known") {
    for (const std::string call :
         {"set_config($1, $2, false)", "set_config(n, 'x', false)",
          "set_config('app.' || n, 'x', false)", "set_config('app.'\n'x', 'y', false)",
          "set_config('a''b', 'x', false)", "set_config('''a.b''', 'x', false)",
          "set_config('a.b'', c', 'x', false)", "set_config('', 'x', false)",
          "set_config('größe.x', 'x', false)",
          "set_config(setting_name => 'a.b', new_value => 'x', is_local => false)",
          "set_config(U&'a.b', 'x', false)", "set_config(lower('a.b'), 'x', true)",
          "set_config(name, setting, false)", "set_config($1, $2, $3)",
          "set_config($1, $2, true is null)", "set_config($1, f($2, true), false)",
          "set_config(%L, 'x', false)", "set_config('a.%s', 'x', false)",
          "set_config(' || quote_literal(n) || ', 1, false)"}) {
        CHECK(has_unknown_name("select " + call + ";"));
    }
    CHECK(has_unknown_name("select set_config('" + std::string(64, 'x') + "', 'x', false);"));
    CHECK(has_unknown_name("execute format('select %s(%L)', 'set_config', x);"));
    CHECK(facts_of_function("set_config_by_name", "internal").unknown_name);
}

TEST_CASE("escapes hide nothing") {
    CHECK(facts_of("do E'begin\\nset\\ta.b = 1;\\nend'").names == list{"a.b"});
    CHECK(facts_of("do e'begin \\x73et a.b = 1; end'").names == list{"a.b"});
    CHECK(facts_of("do e'begin \\163et a.b = 1; end'").names == list{"a.b"});
    CHECK(facts_of("do e'begin \\563et a.b = 1; end'").names == list{"a.b"});
    CHECK(facts_of("do e'begin \\u0073et a.b = 1; end'").names == list{"a.b"});
    CHECK(facts_of("do e'begin \\U00000073et a.b = 1; end'").names == list{"a.b"});
    CHECK(facts_of("do e'begin \\set a.b = 1; end'").names == list{"a.b"});
    CHECK(facts_of("do e'begin execute e\\'\\\\x73et a.b = 1\\'; end'").names == list{"a.b"});
    CHECK(facts_of("select e'\\\\ \\'', f('C:\\new\\', '\\d+')").names == list{});
    CHECK_FALSE(facts_of("select e'\\\\ \\'', f('C:\\new\\', '\\d+')").unknown_name);
    CHECK(facts_of("select f('" + std::string(1 << 10, '\\') + "')").unknown_name);

    for (const auto* text : {"do U&'begin \\0073et a.b = 1; end'", "select U&\"currv\\0061l\"('s')",
                             "select u&\"currv!0061l\" uescape '!' ('s')"}) {
        CAPTURE(text);
        CHECK(facts_of(text).unknown_name);
        CHECK(facts_of(text).reads_sequence);
    }
    CHECK_FALSE(facts_of("select f(U&'x')").unknown_name);
}

TEST_CASE("a command that is put together is known by its beginning") {
    CHECK(has_unknown_name("execute 'set ' || n || ' = 1';"));
    CHECK(has_unknown_name("execute 'SET SESSION ' || n;"));
    CHECK(has_unknown_name("execute 'set' || ' ' || n;"));
    CHECK(has_unknown_name("execute concat('set', ' ', n);"));
    CHECK(has_unknown_name("execute 'select 1; set ' || n;"));
    CHECK(has_unknown_name("execute 'set app.' || n || ' = 1';"));
    CHECK(has_unknown_name("execute 'set app.x' || n || ' = 1';"));
    CHECK(has_unknown_name("execute 'set \"' || n || '\" = 1';"));
    CHECK(has_unknown_name("execute format('set %I = %L', n, v);"));
    CHECK(has_unknown_name("execute format('set app.%s = %L', n, v);"));
    CHECK(has_unknown_name("execute format('set app.x%s to %L', n, v);"));
    CHECK(has_unknown_name("reset größe.\"x\";"));
    CHECK(has_unknown_name("set \"größe\".x = 1;"));
    CHECK(has_unknown_name("execute 'reset ' || n;"));
    CHECK(has_unknown_name("execute 'reset app.x' || n;"));
    CHECK(has_unknown_name("execute format('reset %I', n);"));
    CHECK(
        has_unknown_name("execute 'select set_config(' || quote_literal(n) || ', ''x'', false)';"));
    CHECK(has_unknown_name("execute 'select set_config(''' || n || ''', ''x'', false)';"));
    CHECK(facts_of("select run('set ' || $1)").unknown_name);

    CHECK(names_of("execute 'set app.x = ' || v;") == list{"app.x"});
    CHECK(names_of("execute 'set app.x ' || '= ' || v;") == list{"app.x"});
    CHECK(names_of("execute concat('set app.x', ' to ', v);") == list{"app.x"});
    CHECK(names_of("execute format('set app.x = %L', v);") == list{"app.x"});
    CHECK(names_of("execute 'reset app.x';") == list{"app.x"});
    CHECK(names_of("execute 'set local ' || n || ' = 1';") == list{});
    CHECK(names_of("execute format('set local %I = %L', n, v);") == list{});
}

TEST_CASE("words in other places set nothing") {
    for (const std::string text :
         {"update t set a = f(1), b = 2", "select f(1), 'password not set'",
          "insert into t values (f(1)) on conflict (a) do update set a = 1",
          "alter table t alter column a set default 1", "alter table t alter a set not null",
          "alter table t add foreign key (a) references u on delete set null",
          "select f(1), case a when 'n' then 'SET NULL' when 'd' then 'SET DEFAULT' end from t",
          "select f('{\"op\":\"set\",\"value\":1}'), f('set', 'reset')",
          "select f(offset_), unset, t.sets from t", "alter role app set work_mem = '1MB'"}) {
        CAPTURE(text);
        CHECK(facts_of(text).left == trace::unknown);
        CHECK_FALSE(facts_of(text).unknown_name);
        for (const auto& name : facts_of(text).names)
            CHECK((name == "null" || name == "default"));
    }
    const auto raising = facts_of_function(
        "begin if p is null then raise exception 'tenant is not set'; end if;"
        " execute 'insert into t values ($1)' using p; end",
        "plpgsql");
    CHECK_FALSE(raising.unknown_name);
    CHECK(raising.names == list{});
}

TEST_CASE("what applications send is understood") {
    CHECK(names_of("SET extra_float_digits = 3;") == list{"extra_float_digits"});
    CHECK(names_of("SET SESSION statement_timeout TO 1000;") == list{"statement_timeout"});
    CHECK(names_of("SET client_min_messages TO 'warning';") == list{"client_min_messages"});
    CHECK(names_of("SELECT set_config('TimeZone', 'UTC', false);") == list{"timezone"});
    CHECK(facts_of("SET datestyle TO 'ISO'; SET default_transaction_read_only TO 'off'").names ==
          list{"datestyle", "default_transaction_read_only"});

    const std::string function =
        "create or replace function enter(p text) returns void language plpgsql\n"
        "security definer\nset search_path = app\nas $function$\n"
        "declare n int; -- don't\nbegin\n"
        "  perform set_config('app.tenant', p, false);\n"
        "  if n > 1 then set app.many = 'on'; else set app.few = 'on'; end if;\n"
        "end $function$";
    CHECK(names_of(function + ";") == list{"search_path", "app.tenant", "app.many", "app.few"});
    CHECK(facts_of(function).may_define);

    const auto python = [](const char* source) { return facts_of_function(source, "plpython3u"); };
    CHECK(python("plpy.execute(\"set app.x = 1\")").names == list{"app.x"});
    CHECK(python("plpy.execute(\"set \\\"App\\\".x = 1\")").names == list{"app.x"});
    CHECK(python("plpy.execute(\"set \" + name + \" = 1\")").unknown_name);
    CHECK(python("plpy.execute(\"set %s = 1\" % name)").unknown_name);
    CHECK(python("plpy.execute(' '.join(['set', name, '= 1']))").unknown_name);
    CHECK(facts_of_function("spi_exec_query(\"set $name = 1\");", "plperl").unknown_name);
    CHECK(facts_of_function("spi_exec \"set app.$name = 1\"", "pltcl").unknown_name);
    CHECK_FALSE(facts_of_function("set x 1; set y [expr $x + 1]", "pltcl").unknown_name);
}

TEST_CASE("no more names are told than are kept") {
    std::string text;
    for (std::size_t i = 0; i < text_facts::names_max; ++i)
        text += "set a.x" + std::to_string(i) + " = 1;";
    CHECK(facts_of(text).names.size() == text_facts::names_max);
    CHECK_FALSE(facts_of(text).unknown_name);
    CHECK(facts_of(text + "set a.x0 = 1").unknown_name == false);
    CHECK(facts_of(text + "set a.y = 1").names.size() == text_facts::names_max);
    CHECK(facts_of(text + "set a.y = 1").unknown_name);
}

TEST_CASE("UPDATE pg_settings is SET in disguise") {
    for (const auto* text : {"update pg_settings set setting = 'x' where name = $1",
                             "UPDATE pg_catalog.\"pg_settings\" SET setting = 'x'",
                             "do $$begin update pg_settings set setting = 1; end$$",
                             "with x as (update pg_settings set setting = 1) select 1"}) {
        CAPTURE(text);
        CHECK(facts_of(text).left == trace::unknown);
        CHECK(facts_of(text).unknown_name);
    }
    CHECK(facts_of("select name from pg_settings") == nothing(trace::code));
}

TEST_CASE("what reads and moves sequences is told") {
    for (const auto* text :
         {"select currval('s')", "select lastval()", "select ('s'::regclass).currval",
          "do 'begin perform pg_catalog.LASTVAL(); end'", "select \"lastval\"()"}) {
        CAPTURE(text);
        CHECK(facts_of(text).reads_sequence);
        CHECK_FALSE(facts_of(text).moves_sequence);
    }
    for (const auto* text : {"insert into t values (1)",
                             "with x as (insert into t values (1) returning a) select a from x",
                             "select nextval('s')", "select setval('s', 1)", "copy t from stdin",
                             "execute p", "do $$begin insert into t values (1); end$$",
                             "update t set a = default", "update t set a = default, b = f(1)",
                             "merge into t using u on true when not matched then"
                             " insert default values",
                             "alter table t add column a serial"}) {
        CAPTURE(text);
        CHECK(facts_of(text).moves_sequence);
        CHECK_FALSE(facts_of(text).reads_sequence);
    }
    for (const auto* text : {"select 1", "update t set a = 1", "set search_path to default",
                             "select f(1)", "show all", "select nextvalue from t"}) {
        CAPTURE(text);
        CHECK_FALSE(facts_of(text).moves_sequence);
    }
}

TEST_CASE("random numbers, libraries and other settings that come with functions are told") {
    CHECK(facts_of("select setseed(0.5)").seeds_random);
    CHECK_FALSE(facts_of("select random()").seeds_random);
    for (const auto* text : {"load 'auto_explain'", "LOAD/**/'x'", "load E'x'",
                             "select 1; load 'x'", "do $$begin load 'x'; end$$",
                             "do 'begin load ''x''; end'", "do $$begin execute 'load ' || x; end$$",
                             "do $$begin execute format('load %L', x); end$$"}) {
        CAPTURE(text);
        CHECK(facts_of(text).loads_library);
    }
    for (const auto* text :
         {"select f(load) from t", "select f('load')", "select load, f('x') from t"}) {
        CAPTURE(text);
        CHECK_FALSE(facts_of(text).loads_library);
    }
    CHECK(facts_of("SELECT set_limit(0.2)").names == list{"pg_trgm.similarity_threshold"});
}

TEST_CASE("whether the catalog may change is told") {
    for (const auto* text :
         {"create table t (a int)", "/* x */ drop table t", "select f(1); alter table t add a int",
          "begin; create index on t (a); commit", "select f(1);-- select\ncreate table t ()",
          "do $$begin null; end$$", "call p()", "select a into t from u",
          "comment on table t is 'x'", "grant all on t to u", "security label on t is 'x'",
          "nonsense", "select 1; \"x\""}) {
        CAPTURE(text);
        CHECK(facts_of(text).may_define);
    }
    for (const auto* text :
         {"select f(1)", "(select f(1))", "set a.b = 1; select f(1);", "/* select */ listen c",
          "insert into t values (f(1))", "insert\n into t values (f(1))", "fetch 10 from c",
          "discard all", "begin; update t set a = f(1); commit", "select e'x'",
          "prepare p as select 1", "execute p", "declare c cursor for select 1",
          "copy t from stdin", ";; select f(1)", "analyze t; vacuum", "explain select 1",
          "truncate t"}) {
        CAPTURE(text);
        CHECK_FALSE(facts_of(text).may_define);
    }
    CHECK(facts_of_function("begin create temp table t (a int); end", "plpgsql").may_define);
    CHECK(facts_of_function("begin execute x; end", "plpgsql").may_define);
    CHECK_FALSE(facts_of_function("begin insert into t values (1); end", "plpgsql").may_define);
}

TEST_CASE("a long comment in the midst of a command is not followed to its end") {
    const auto comment = "/*" + std::string(1000, '*') + "*/";
    CHECK(facts_of("set " + comment + " a.b = 1").unknown_name);
    CHECK(facts_of("select set_config(" + comment + "'a.b', 'x', false)").unknown_name);
    CHECK_FALSE(facts_of(comment + "set a.b = 1").unknown_name);
    CHECK(facts_of(comment + "set a.b = 1").names == list{"a.b"});
    CHECK(facts_of("select f(1);" + comment).may_define);
}

TEST_CASE("a long text is scanned in linear time") {
    const std::size_t length = 1 << 17;
    for (const std::string piece :
         {"set/*", "set \"", "set_config(", "set_config('", "set_config('a','", "u&'", ";/*", ";(",
          "set a.", "\\\\", "reset ", "set ", "load "}) {
        CAPTURE(piece);
        std::string text = "f;";
        while (text.size() < length)
            text += piece;
        CHECK(facts_of(text).left == trace::unknown);
    }
}
