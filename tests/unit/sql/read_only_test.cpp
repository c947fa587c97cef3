#include "pgballast/sql/read_only.hpp"

#include <catch2/catch.hpp>

using namespace pgballast::sql;
using names = std::vector<std::string>;

namespace {

mentions of(std::string_view text) {
    CAPTURE(text);
    const auto found = mentions_of_select(text);
    REQUIRE(found);
    return *found;
}

}  // namespace

TEST_CASE("a SELECT mentions all that it refers to, each once") {
    const auto found = of(
        "select distinct u.name, lower(u.email), count(*) filter (where o.total > 5::numeric(10,2))"
        " over w, o.\"Paid\"::text[] from app.users as u join orders o on o.user_id = u.id"
        " left join orders o2 using (id) where u.id = any($1) and o.at between $2 and now()"
        " and not exists (select from \"Bans\" b where b.id = u.id) and u.n || 'x' like $3"
        " window w as (partition by u.id order by o.at) order by 1 desc limit $4 offset 5");
    CHECK(found.relations == names{"\"Bans\"", "\"app\".\"users\"", "\"orders\""});
    CHECK(found.types == names{"\"pg_catalog\".\"numeric\"", "\"text\"[]"});
    CHECK(found.functions == names{"count", "lower", "now"});
    CHECK(found.operators == names{"<", "<=", "=", ">", ">=", "||", "~~"});
    CHECK(found.columns == names{"Paid", "at", "email", "id", "n", "name", "total", "user_id"});
    CHECK(found.guessed_functions.empty());
    CHECK(found.guessed_operators.empty());
}

TEST_CASE("a SELECT without names mentions nothing") {
    for (const auto* text :
         {"select 1", "SELECT;", "values (1, 'x'), (null, $1)", "select $1",
          "select true, 1.5, b'1', x'ff', null", "select current_user",
          "select 1 union select 2 except all (select 3 limit 1)",
          "select (array[1, 2])[1], row(1, 'x'), greatest(1, 2), coalesce($1, 1)",
          "select case when $1 then 1 else 2 end where $1 is null or $2 is true",
          "select a, b from (values (1, 2)) as v (a, b) group by rollup (a, b)"
          " having a is not null or grouping(a) is null",
          "select current_timestamp, localtime(2), session_user"}) {
        CAPTURE(text);
        CHECK(of(text) == mentions{});
    }
}

TEST_CASE("relations are quoted as they were meant") {
    CHECK(of("table T").relations == names{"\"t\""});
    CHECK(of("select from only \"a.b\".\"c\"\"d\" as x").relations == names{"\"a.b\".\"c\"\"d\""});
    CHECK(of("select from \"it's\"").relations == names{"\"it's\""});
    CHECK(of("select from a, lateral (select from b) c, (d cross join e)").relations ==
          names{"\"a\"", "\"b\"", "\"d\"", "\"e\""});
    CHECK(of("select (select from a), array(select 1 from b), 1 in (select 1 from c), exists "
             "(table d), 1 = all (table e)")
              .relations == names{"\"a\"", "\"b\"", "\"c\"", "\"d\"", "\"e\""});
}

TEST_CASE("a name of WITH is no relation where it is in scope") {
    CHECK(of("with x as (select 1) select * from x").relations.empty());
    CHECK(of("with x as (select 1), y as (select * from x) select * from y").relations.empty());
    CHECK(of("with x as materialized (select 1) select (select a from (select * from x) z)")
              .relations.empty());
    CHECK(of("with x as (select 1) select * from x union select * from x").relations.empty());
    CHECK(of("with recursive x as (select 1 union all select * from x) select * from x")
              .relations.empty());
    CHECK(of("with recursive x as (select * from y), y as (select 1) table x").relations.empty());

    const names x{"\"x\""};
    CHECK(of("with x as (select * from x) select * from x").relations == x);
    CHECK(of("with y as (select * from x), x as (select 1) select * from y").relations == x);
    CHECK(of("select * from (with x as (select 1) select * from x) y, x").relations == x);
    CHECK(of("(with x as (select 1) select * from x) union select * from x").relations == x);
    CHECK(of("select (with x as (select 1) select * from x) from x").relations == x);
    CHECK(of("with x as (select 1) select * from public.x").relations == names{"\"public\".\"x\""});
    CHECK(of("with \"X\" as (select 1) select * from x").relations == x);
}

TEST_CASE("what compares without naming an operator mentions it") {
    const names equals{"="};
    CHECK(of("select case a when 1 then 2 end from t").operators == equals);
    CHECK(of("select case when a then 2 end from t").operators.empty());
    CHECK(of("select from t join u using (a)").operators == equals);
    CHECK(of("select from t natural join u").operators == equals);
    CHECK(of("select from t where a in (1, 2)").operators == equals);
    CHECK(of("select from t where a in (table u)").operators == equals);
    CHECK(of("select from t where a not in (table u)").operators == equals);
    CHECK(of("select nullif(a, 1) from t").operators == equals);
    CHECK(of("select a is distinct from 1 from t").operators == equals);
    CHECK(of("select from t where a <> all (array[1])").operators == names{"<>"});
    CHECK(of("select from t where a < any (table u)").operators == names{"<"});
    CHECK(of("select from t where a ilike 'x' and b similar to 'x'").operators ==
          names{"~", "~~*"});
    for (const auto* between : {"between", "not between", "between symmetric"})
        CHECK(of(std::string{"select from t where a "} + between + " 1 and 2").operators ==
              names{"<", "<=", ">", ">="});
    CHECK(of("select from t order by a using operator(pg_catalog.>)").operators == names{">"});
    CHECK(of("select 1 operator(pg_catalog.+) 2, @ -a from t").operators == names{"+", "-", "@"});
}

// What is `unknown` may become a value of an extension's type.
TEST_CASE("operators and functions on literals and parameters only are guessed at") {
    CHECK(of("select '[1]' <=> '[2]'").guessed_operators == names{"<=>"});
    CHECK(of("select $1 = 'x'").guessed_operators == names{"="});
    CHECK(of("select $1 = null").guessed_operators == names{"="});
    CHECK(of("select - $1").guessed_operators == names{"-"});
    CHECK(of("select 'x' collate \"C\" < 'y'").guessed_operators == names{"<"});
    CHECK(of("select ($1, 1) = (1, $2)").guessed_operators == names{"="});
    CHECK(of("select $1 in (1, 'x')").guessed_operators == names{"="});
    CHECK(of("select 'x' between 'a' and 'b'").guessed_operators == names{"<", "<=", ">", ">="});
    CHECK(of("select lower($1), max('x')").guessed_functions == names{"lower", "max"});
    CHECK(of("select concat($1, (select 'x'))").guessed_functions.empty());
    CHECK(of("select now(), count(*), 1 = $1, a = $1, lower(a), substr('x', 1), $1::text = '1' "
             "from t where (a, b) < ($1, $2) and 'x' in (a, b) and lower('x'::text) = 'x'")
              .guessed_functions.empty());
    CHECK(of("select 1 = $1, a = $1, $1::text = '1', (a, b) < ($1, $2), 'x' in (a, b) from t")
              .guessed_operators.empty());
}

TEST_CASE("what stands behind a dot may be a function") {
    CHECK(of("select a from t").columns.empty());
    CHECK(of("select t.a, s.t.b, t.*, * from s.t").columns == names{"a", "b"});
    CHECK(of("select (t).a, ($1).b, (array[1])[1].c, (t).* from t").columns ==
          names{"a", "b", "c"});
    CHECK(of("select g.nextval from unnest(array['s']) g").columns == names{"nextval"});
    // A subscript's own expressions are walked, too.
    CHECK(of("select a[lower(b)::int] from t").functions == names{"lower"});
    CHECK_FALSE(mentions_of_select("select a[nextval('s')] from t"));
    CHECK_FALSE(mentions_of_select("select (a)[1:nextval('s')].b from t"));
}

TEST_CASE("types are mentioned wherever they are cast to or declared") {
    CHECK(of("select 'x'::Mood, cast(1 as app.\"T\"), date '2020-01-01', interval '1' day").types ==
          names{"\"app\".\"T\"", "\"date\"", "\"mood\"", "\"pg_catalog\".\"interval\""});
    CHECK(of("select '{}'::int[][], 'x'::varchar(5)").types ==
          names{"\"pg_catalog\".\"int4\"[]", "\"pg_catalog\".\"varchar\""});
    CHECK(of("select * from jsonb_to_recordset($1) as x(a int, b mood)").types ==
          names{"\"mood\"", "\"pg_catalog\".\"int4\""});
}

TEST_CASE("functions that only compute may be called in all their forms") {
    const auto found = of(
        "select extract(year from now()), substring('x' from 1), trim(both from 'x'), "
        "position('x' in 'y'), overlay('x' placing 'y' from 1), now() at time zone 'UTC', "
        "('a' like 'b' escape '#'), pg_catalog.upper('x'), string_agg(distinct a, ',' order by a),"
        "percentile_cont(0.5) within group (order by a), make_interval(days => 1), "
        "rank() over (order by a rows between 1 preceding and current row), \"lower\"('x') "
        "from generate_series(1, 2) with ordinality as g(a, b), rows from (unnest($1), unnest($2))"
        " as h");
    CHECK(found.functions == names{"btrim", "extract", "generate_series", "like_escape", "lower",
                                   "make_interval", "now", "overlay", "percentile_cont", "position",
                                   "rank", "string_agg", "substring", "timezone", "unnest",
                                   "upper"});
}

TEST_CASE("nothing is said of what may do more than read") {
    for (const auto* text : {
             // not one SELECT
             "",
             ";",
             "select 1; select 2",
             "insert into t values (1)",
             "delete from t",
             "commit",
             "explain select 1",
             "show all",
             "copy (select 1) to stdout",
             "execute p",
             "nonsense",
             "declare c cursor for select 1",
             "create table t as select 1",
             // writes, locks
             "select 1 into t",
             "select 1 into t union select 2",
             "select * from t for update",
             "select * from t for no key update",
             "select * from t for share",
             "select * from t for key share skip locked",
             "select * from (select * from t for update) x",
             "with x as (select * from t for update) select 1",
             "with x as (delete from t returning *) select * from x",
             "with x as (insert into t values (1)) select 1",
             "with x as (update t set a = 1) select 1",
             "select (with x as (delete from t returning 1) select * from x)",
             // methods, XML, and other rarities
             "select * from t tablesample bernoulli (1)",
             "select * from t tablesample app.m (1)",
             "select xmlelement(name x)",
             "select xmlforest(1 as a)",
             "select 'x' is document",
             "select xmlserialize(content 'x' as text)",
             "select xmlparse(document 'x')",
             "select * from xmltable('/x' passing 'x' columns a int)",
             "select xmlexists('x' passing 'y')",
             "with recursive x as (select 1 a union all table x) search depth first by a set b"
             " select * from x",
             "with recursive x as (select 1 a union all table x) cycle a set b using c table x",
             "values (default)",
             "select * from t where current of c",
             "select * from db.public.t",
             "select a::setof int from t",
             // functions
             "select nextval('s')",
             "select setval('s', 1)",
             "select currval('s')",
             "select lastval()",
             "select set_config('a.b', 'x', false)",
             "select setseed(0.1)",
             "select pg_notify('x', 'y')",
             "select pg_advisory_lock(1)",
             "select pg_try_advisory_xact_lock(1)",
             "select pg_terminate_backend(1)",
             "select pg_read_file('x')",
             "select pg_ls_dir('x')",
             "select lo_creat(1)",
             "select lo_get(1)",
             "select txid_current()",
             "select pg_current_xact_id()",
             "select pg_export_snapshot()",
             "select pg_backend_pid()",
             "select pg_stat_reset()",
             "select query_to_xml('select 1', true, true, '')",
             "select ts_stat('select 1')",
             "select dblink('x', 'y')",
             "select ts_rewrite('a', 'select 1')",
             "select json_populate_record(null::t, '{}')",
             "select who('acme')",
             "select lower(who('acme'))",
             "select \"NextVal\"('s')",
             "select app.lower('x')",
             "select \"pg_catalog\".nextval('s')",
             "select app.pg_catalog.lower('x')",
             "select 1 operator(app.+) 2",
             "select 1 from t order by a using operator(app.<)",
             "select 1 operator(app.=) any (array[1])",
             "select 1 operator(app.=) any (table t)",
             "select U&\"next!0076al\" uescape '!' ('s')",
         }) {
        CAPTURE(text);
        CHECK_FALSE(mentions_of_select(text));
    }
}

TEST_CASE("a call is found wherever an expression may stand") {
    for (const auto* text : {
             "select %",
             "select 1 from %",
             "select 1 from t, lateral %",
             "select 1 where %",
             "select 1 group by %",
             "select 1 having %",
             "select 1 order by %",
             "select 1 limit %",
             "select 1 offset %",
             "select distinct on (%) 1",
             "values (1), (%)",
             "select 1 union select %",
             "(select %) union select 1",
             "with x as (select %) select 1",
             "select (select %)",
             "select array(select %)",
             "select 1 in (select %)",
             "select % in (select 1)",
             "select 1 in (1, %)",
             "select exists (select %)",
             "select array[1, %]",
             "select row(1, %)",
             "select (1, %)",
             "select case when % then 1 end",
             "select case when true then % end",
             "select case when true then 1 else % end",
             "select case % when 1 then 1 end",
             "select coalesce(1, %)",
             "select greatest(%, 1)",
             "select nullif(%, 1)",
             "select not %",
             "select 1 or %",
             "select % is null",
             "select % is true",
             "select 1 + %",
             "select - %",
             "select 1 between 0 and %",
             "select 1 = any (%)",
             "select % like 'x'",
             "select %::int",
             "select cast(% as int)",
             "select % collate \"C\"",
             "select (%).a",
             "select (%)[1]",
             "select a[%] from t",
             "select lower(%)",
             "select count(*) filter (where %)",
             "select count(distinct %)",
             "select string_agg(a, b order by %)",
             "select mode() within group (order by %)",
             "select count(*) over (partition by %)",
             "select count(*) over (order by %)",
             "select count(*) over (order by a rows % preceding)",
             "select count(*) over (order by a rows between 1 preceding and % following)",
             "select 1 from t window w as (order by %)",
             "select 1 from t join u on %",
             "select 1 from (t join u on % ) join v on true",
             "select 1 from (select %) x",
             "select 1 from unnest(%)",
             "select 1 from rows from (unnest(a), %) x",
             "select 1 group by grouping sets ((a), (%))",
             "select 1 group by rollup (%)",
             "select make_interval(days => %)",
             "select concat(variadic %)",
             "select grouping(%)",
             "select % at time zone 'UTC'",
             "select (%) overlaps (a, b)",
             "table t order by %",
             "select extract(year from %)",
             "select 1 fetch first (%) rows only",
         }) {
        const auto with = [&](std::string_view call) {
            std::string out = text;
            return out.replace(out.find('%'), 1, call);
        };
        CAPTURE(text);
        CHECK_FALSE(mentions_of_select(with("nextval('s')")));
        CHECK_FALSE(mentions_of_select(with("(select f(1))")));
        if (text != std::string_view{"select (%) overlaps (a, b)"})  // two values on either side
            CHECK(mentions_of_select(with("now()")));
    }
}
