"""What the catalog is asked before a lost statement is run again: the questions, as
session/proof.hpp makes them, to a real PostgreSQL. Everything is made in transactions that
are rolled back."""

import os
import subprocess
from typing import Any

import pytest
from queries import run, value

SETUP = """
    create schema proof;
    create schema "Odd";
    set search_path to proof, public;

    create type mood as enum ('sad', 'ok');
    create domain email as text check (value like '%@%');
    create domain moods as mood[];
    create table plain (id int primary key, name text, at timestamptz, total numeric(10, 2),
        tags text[], doc jsonb, feeling mood, feelings mood[], mail email, mails email[],
        all_feelings moods, "it's" int, "odd ""name" int);
    create table other (id int primary key, plain_id int references plain, name varchar(10),
        check (lower(name) <> 'x'));
    create index on other (lower(name)) where id > 0;
    create materialized view summary as select count(*) as n from plain;
    create table parted (id int, name text) partition by range (id);
    create table part1 partition of parted for values from (0) to (10);
    create table part2 partition of parted for values from (10) to (20) partition by hash (name);
    create table part2a partition of part2 for values with (modulus 1, remainder 0);
    create table parent (id int);
    create table child (extra text) inherits (parent);
    create table "Odd"."It's" (id int);
    create view seen as select * from plain;
    create sequence counter;
    create unlogged table unlogged (id int);
"""

PROVABLE = [
    "select 1",
    "select * from plain",
    "table unlogged",
    "select now(), count(*), lower(p.name), sum(o.id) from plain p join other o on o.plain_id = p.id"
    " where p.at between $1 and now() and o.name like $2 and p.total > 5 group by p.name"
    " having count(*) > 1 order by 1 limit 10",
    "select p.doc ->> 'x', p.tags[1], feeling, p.mail from plain p where p.feeling = 'ok'"
    " and p.tags @> '{x}' and p.doc @> '{}' and p.mail = 'a@b'",
    "select 'ok'::mood, '{ok}'::mood[], '1'::int, '{1}'::int[], 'x'::varchar(5), 'plain'::regclass",
    "select p.feeling::text from plain p where p.feeling = any ($1::proof.mood[])",
    "select p.* , (p).name, p from plain p",
    "select * from summary, parted, parent",
    "select * from proof.summary union select n from summary",
    'select "it\'s", "odd ""name" from plain',
    'select x."id" from "Odd"."It\'s" x',
    "with x as (select id from plain), y as (table x) select * from x natural join y",
    "with recursive x(n) as (select 1 union all select n + 1 from x where n < 5) table x",
    "select g from generate_series(1, 5) g where g in (select id from plain)",
    "select relname from pg_catalog.pg_class where oid = 'plain'::regclass",
    "select rank() over (partition by name order by at) from plain",
    "select * from jsonb_to_recordset($1) as x(id int, feeling mood)",
    "select lower($1), $2 = 'x', 'a' < 'b'",
    "select t.name, t.date, t.id from (select 1 as id, 'x' as name, now() as date) t",
]

# Never, whatever else is there.
UNPROVABLE = [
    "select * from seen",
    "select * from missing",
    "select * from counter",
    "select * from plain_pkey",
    "select * from missing.plain",
    "select * from plain, seen",
    "select (select n from (select 1 as n from seen) x)",
    "with x as (select * from seen) select * from x",
    "select * from pg_settings",
    "select * from information_schema.tables",
    "select 'a@b'::email",
    "select '{a@b}'::email[]",
    "select '(1)'::child",
    "select 'x'::missing",
    "select 'x'::proof.missing[]",
    "select g.nextval from unnest(array['counter'::regclass]) g",
    "select g.pg_advisory_lock from generate_series(1, 2) g",
    "select (5::bigint).pg_advisory_lock",
    "select g.lo_creat from unnest(array[1]) g",
]

# What makes the question's answer a no, and a SELECT that is proved but for it.
FOREIGN = """
    create extension postgres_fdw;
    create server elsewhere foreign data wrapper postgres_fdw;
"""
NO_LONGER = {
    "row security": ("alter table plain enable row level security", "table plain"),
    "row security of a partition": (
        "alter table part2a enable row level security", "table parted",
    ),
    "a foreign partition": (
        FOREIGN + "create foreign table part3 partition of parted for values from (20) to (30)"
        " server elsewhere",
        "table parted",
    ),
    "a foreign partition of a partition": (
        FOREIGN + "drop table part2a; create foreign table part2b partition of part2 for values"
        " with (modulus 1, remainder 0) server elsewhere",
        "table parted",
    ),
    "a foreign child": (
        FOREIGN + "create foreign table abroad (id int) inherits (parent) server elsewhere",
        "table parent",
    ),
    "a foreign table instead": (
        FOREIGN + "drop table parent cascade; create foreign table parent (id int)"
        " server elsewhere",
        "table parent",
    ),
    "a view instead": (
        "drop table parent cascade; create view parent as select 1 as id", "table parent",
    ),
    "a view in front of it": (
        "create schema front; create view front.parent as select 1 as id;"
        " set search_path to front, proof",
        "table parent",
    ),
    "an access method": (
        "create access method mine type table handler heap_tableam_handler;"
        " drop table parent cascade; create table parent (id int) using mine",
        "table parent",
    ),
    "an extension's column": (
        "create extension citext; alter table parent add c citext", "select id from parent",
    ),
    "an extension's column of a child": (
        "create extension citext; alter table child add c citext", "select id from parent",
    ),
    "an array of an extension's type": (
        "create extension citext; alter table parent add c citext[]", "table parent",
    ),
    "a domain of an extension's type": (
        "create extension citext; create domain d as citext; alter table parent add c d",
        "table parent",
    ),
    "a column of rows": ("alter table parent add c part1", "table parent"),
    "a column of ranges": (
        "create type r as range (subtype = int4); alter table parent add c r", "table parent",
    ),
    "a function called like a function": (
        "create function lower(int) returns int language sql as 'select 1'",
        "select lower(name) from plain",
    ),
    "one of another schema": (
        "create function \"Odd\".lower(mood) returns int language sql as 'select 1'",
        "select lower(name) from plain",
    ),
    "one in pg_catalog": (
        "set local allow_system_table_mods to on;"
        " create function pg_catalog.lower(int) returns int language sql as 'select 1'",
        "select lower(name) from plain",
    ),
    "an aggregate": (
        "create aggregate max(mood) (sfunc = pg_catalog.enum_larger, stype = mood)",
        "select max(id) from plain",
    ),
    "a function without arguments": (
        "create function now() returns int language sql as 'select 1'", "select now()",
    ),
    "a function called like a column": (
        "create function name(plain) returns text language sql as 'select 1::text'",
        "select p.name from plain p",
    ),
    "… with more arguments that may be left out": (
        "create function name(plain, int default 1) returns text language sql as 'select 1::text'",
        "select p.name from plain p",
    ),
    "a domain called like a function": ("create domain lower as text", "select lower('x'::text)"),
    "a domain called like a column": ("create domain id as int", "select p.id from plain p"),
    "an operator called like an operator": (
        "create operator = (leftarg = text, rightarg = int, function = repeat)",
        "select 1 from plain where id = 1",
    ),
    "an operator of a row": (
        "create function f(plain, plain) returns bool language sql as 'select true';"
        "create operator < (leftarg = plain, rightarg = plain, function = f)",
        "select p < p from plain p",
    ),
    "an operator that BETWEEN uses": (
        "create operator <= (leftarg = text, rightarg = int, function = repeat)",
        "select 1 between 1 and 2",
    ),
    "an operator that CASE uses": (
        "create operator = (leftarg = text, rightarg = int, function = repeat)",
        "select case 1 when 1 then 1 end",
    ),
    "a prefix operator": (
        "create operator @ (rightarg = text, function = lower)", "select @ id from plain",
    ),
    "a cast": (
        "create function c(text) returns mood language sql as 'select ''ok''::mood';"
        " create cast (text as mood) with function c(text)",
        "select name::mood from plain",
    ),
    "a cast of a row": (
        "create function c(plain) returns text language sql as 'select ''x''::text';"
        " create cast (plain as text) with function c(plain)",
        "select p::text from plain p",
    ),
    "a function in an index": (
        "create function f(int) returns int immutable language sql as 'select $1';"
        " create index on parent (f(id))",
        "table parent",
    ),
    "a function in a constraint": (
        "create function f(int) returns bool immutable language sql as 'select true';"
        " alter table part2a add check (f(1))",
        "table parted",
    ),
    "a function in a domain": (
        "create function f(text) returns bool language sql as 'select true';"
        " create domain d as text check (f(value))",
        "select 1",
    ),
    "a function in a key of partitions": (
        "create function f(int) returns int immutable language sql as 'select $1';"
        " drop table parted; create table parted (id int) partition by range (f(id))",
        "table parted",
    ),
    "a function in statistics": (
        "create function f(int) returns int immutable language sql as 'select $1';"
        " create statistics s on (f(id)), id from parent",
        "table parent",
    ),
    "an operator class": (
        "create function f(json, json) returns int immutable language sql as 'select 0';"
        " create operator class json_ops default for type json using btree as function 1 f(json, json)",
        "select 1",
    ),
    "an operator in a family": (
        "create function f(int, int) returns bool immutable language sql as 'select true';"
        " create operator === (leftarg = int, rightarg = int, function = f);"
        " create operator class more_ops for type int using hash as operator 1 ===",
        "select 1",
    ),
    "pg_trgm, for an operator it shares": (
        "create extension pg_trgm", "select id % 2 from plain",
    ),
    "citext, for an operator it shares": (
        "create extension citext", "select name ~ 'x' from plain",
    ),
    "hstore, for an operator it shares": (
        "create extension hstore", "select doc -> 'x' from plain",
    ),
    "citext, for a guess": ("create extension citext", "select max('x')"),
    "hstore, for a guess": ("create extension hstore", "select 'a=>1' = 'a=>1'"),
}

# Extensions' own types do not stand in the way of others.
STILL = {
    "citext": ("create extension citext", "select max(name), replace(name, 'a', 'b') from plain"
               " where name = 'x' and id < 5 and mail = $1 group by name"),
    "hstore": ("create extension hstore",
               "select name || 'x' from plain where name = 'x' and id <> 5"),
    "ltree": ("create extension ltree", "select name from plain where name <= $1 and id = 1"),
    "pg_trgm": ("create extension pg_trgm", "select name from plain where name like $1"),
    "btree_gist": ("create extension btree_gist; create index on plain using gist (id)",
                   "select name from plain where id = 1"),
    "a function of another name": (
        "create function f(plain) returns int language sql as 'select 1'", PROVABLE[3],
    ),
    "a function of two arguments called like a column": (
        "create function name(plain, int) returns int language sql as 'select 1'",
        "select p.name from plain p",
    ),
    "an operator of another name": (
        "create operator === (leftarg = text, rightarg = int, function = repeat)", PROVABLE[3],
    ),
    "somebody's types": ("create domain d as int; create type r as range (subtype = int4)",
                         PROVABLE[3]),
    "row security elsewhere": ("alter table other enable row level security", "table plain"),
    "a foreign table elsewhere": (FOREIGN + "create foreign table t (id int) server elsewhere",
                                  "table plain"),
}


def question(*words: str) -> str:
    program = os.path.join(os.environ.get("PGBALLAST_BUILD", "build"), "bin", "print_proof")
    return subprocess.run([program, *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def database(shared_postgres):
    server = shared_postgres.connect(dbname="postgres")
    run(server, "create database proof owner app")
    server.close()
    yield shared_postgres
    server = shared_postgres.connect(dbname="postgres")
    run(server, "drop database proof with (force)")
    server.close()


@pytest.fixture
def server(database):
    """In a transaction that ends with the test."""
    connection = database.connect(dbname="proof")
    connection.autocommit = False
    run(connection, SETUP)
    yield connection
    connection.close()


def reads_only(server: Any, select: str) -> bool:
    asked = question(select)
    assert asked.strip(), "refused by its text"
    return value(server, asked)


def rolls_back(server: Any) -> bool:
    return value(server, question())


def test_selects_are_proved(server):
    for select in PROVABLE:
        assert reads_only(server, select), select


def test_selects_of_anything_else_are_not(server):
    for select in UNPROVABLE:
        assert not reads_only(server, select), select


@pytest.mark.parametrize("what", NO_LONGER)
def test_what_brings_in_code_disproves(server, what):
    setup, select = NO_LONGER[what]
    assert reads_only(server, select)
    run(server, setup)
    assert not reads_only(server, select)


@pytest.mark.parametrize("what", STILL)
def test_what_cannot_be_meant_disproves_nothing(server, what):
    setup, select = STILL[what]
    run(server, setup)
    assert reads_only(server, select)


def test_parameters_are_of_built_in_types(server):
    assert value(server, question("select $1", "0", "25", "16383"))
    assert not question("select $1", "16384").strip()
    assert not question("select $1", "25", "4294967295").strip()


def test_names_with_a_backslash_are_not_asked_about():
    assert not question('select from U&"!005c" uescape \'!\'').strip()
    assert question('select from U&"!005d" uescape \'!\'').strip()


# The question's own words must not be somebody's.
HOSTILE = """
    create schema trap;
    create function trap.yes(anyelement, anyelement) returns bool language sql as 'select true';
    create function trap.to_regclass(text) returns regclass language sql as 'select 1::oid::regclass';
    create function trap.unnest(text[]) returns setof text language sql as 'select 1::text';
    create function trap.sprung() returns bool language plpgsql as
        $$ begin raise exception 'sprung'; end $$;
    create function trap.sprung(oid, oid) returns bool language sql as 'select trap.sprung()';
    create function trap.sprung("char", "char") returns bool language sql as 'select trap.sprung()';
    create function trap.sprung(name, name) returns bool language sql as 'select trap.sprung()';
    create operator trap.= (leftarg = oid, rightarg = oid, function = trap.sprung);
    create operator trap.>= (leftarg = oid, rightarg = oid, function = trap.sprung);
    create operator trap.< (leftarg = oid, rightarg = oid, function = trap.sprung);
    create operator trap.<> (leftarg = oid, rightarg = oid, function = trap.sprung);
    create operator trap.= (leftarg = "char", rightarg = "char", function = trap.sprung);
    create operator trap.<> (leftarg = "char", rightarg = "char", function = trap.sprung);
    create operator trap.= (leftarg = name, rightarg = name, function = trap.sprung);
    create table trap.pg_class (oid oid);
    create table trap.pg_proc (oid oid);
    create table trap.pg_type (oid oid);
    create table trap.pg_foreign_server (oid oid);
    create table trap.named (oid oid);
    create table trap.relations (oid oid);
    create table trap.strange (oid oid);
    create type trap.oid as enum ('x');
    create type trap.name as enum ('x');
    set search_path to trap, proof, pg_catalog;
"""
SETTINGS = {
    "strings": "set standard_conforming_strings to off; set backslash_quote to off",
    "quotes": "set quote_all_identifiers to on; set transform_null_equals to on",
    "arrays": "set array_nulls to off; set bytea_output to escape",
    "role": "set default_transaction_isolation to serializable; set role app",
    "search_path": HOSTILE,
}


@pytest.mark.parametrize("settings", SETTINGS)
def test_no_setting_changes_the_meaning(server, settings):
    run(server, "grant usage on schema proof to app; " + SETTINGS[settings])
    for select in ("table plain", "select p.name from plain p", 'select "it\'s" from plain'):
        assert reads_only(server, select), select
    assert rolls_back(server)
    for select in UNPROVABLE[:6]:
        assert not reads_only(server, select), select


@pytest.mark.parametrize(
    "extension",
    ["citext", "hstore", "ltree", "pg_trgm", "pgcrypto", "uuid-ossp", "btree_gin", "intarray",
     "postgres_fdw", "pg_stat_statements", "plpgsql", "tablefunc", "unaccent"],
)
def test_well_known_extensions_keep_to_the_transaction(server, extension):
    assert rolls_back(server)
    run(server, f'create extension if not exists "{extension}"')
    assert rolls_back(server) == (extension != "postgres_fdw")


LASTING = {
    "dblink": "create extension dblink",
    "file_fdw": "create extension file_fdw",
    "lo": "create extension lo",
    "adminpack": "create extension adminpack",
    "a foreign server": FOREIGN,
    "an untrusted language": "create language untrusted handler plpgsql_call_handler",
    "a function in C": "create function f() returns int language c as '$libdir/plpgsql',"
    " 'plpgsql_call_handler'",
    "a function of the server's": "create function f(int, bigint) returns bool language internal"
    " as 'pg_terminate_backend'",
    "a trigger that calls one that lasts": "create function f() returns trigger language plpgsql"
    " as $$ begin perform pg_logical_emit_message(false, 'a', new.name); return new; end $$;"
    " create trigger t before insert on plain for each row execute function f()",
    "a function that copies": "create function f() returns void language plpgsql as"
    " $$ begin execute 'COPY plain to program ''mail'''; end $$",
    "a function that resets": "create function f() returns void language sql as"
    " 'select pg_stat_reset_shared(''wal'')'",
}
ROLLED_BACK = """
    create function f() returns trigger language plpgsql as
        $$ begin insert into other values (new.id, nextval('counter')); notify x; return new; end $$;
    create trigger t before insert on plain for each row execute function f();
    create rule r as on delete to plain do also delete from other;
    create function copying(copies int) returns int language sql as 'select copies';
"""


@pytest.mark.parametrize("what", LASTING)
def test_what_lasts_is_no_proof(server, what):
    assert rolls_back(server)
    run(server, LASTING[what])
    assert not rolls_back(server)


def test_triggers_and_rules_are_rolled_back(server):
    run(server, ROLLED_BACK)
    assert rolls_back(server)
