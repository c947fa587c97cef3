"""Statements of SQL's PREPARE, of clients that share one backend: each is its client's own."""

import pytest
from backends import end_backends, wait_until_looked
from plainclient import SYNC, bind, execute, extended, first_column, query
from queries import run, value
from twins import SOIL, SOIL_SETUP, Twins, mirrored, take_turns

SETUP = """
    drop schema if exists sql_one cascade;
    drop schema if exists sql_two cascade;
    create schema sql_one;
    create schema sql_two;
    create table sql_one.t as select 'one' as x;
    create table sql_two.t as select 'two' as x;
    create table if not exists public.kept (x int);
    grant usage on schema sql_one, sql_two to app, soil;
    grant select on sql_one.t, sql_two.t to app, soil;
    grant all on public.kept to app;
"""


@pytest.fixture(scope="module")
def sql_postgres(shared_postgres):
    return mirrored(shared_postgres, SOIL_SETUP, SETUP)


@pytest.fixture
def proxy(sql_postgres, start_shared):
    return start_shared()


# What each of two clients does, in turns, on one backend.
SCRIPTS = {
    "same name, other text": (
        ["prepare s as select 'a'", "execute s", "execute s"],
        ["prepare s (int) as select $1 + 1", "execute s(1)", "execute s", "execute s(3)"],
    ),
    "same name, and no text": (
        ["prepare s as select 'a'", "execute s", "select 1"],
        ["execute s", "select 1", "deallocate s", "select 2"],
    ),
    "deallocated and prepared anew": (
        ["prepare s as select 'a'", "execute s", "deallocate s", "execute s",
         "prepare s as select 'c'", "execute s", "deallocate all", "execute s"],
        ["prepare s as select 'b'", "prepare s as select 'again'", "execute s",
         "prepare t as select 't'", "execute t", "deallocate s", "execute t", "execute s"],
    ),
    "of a table by another path": (
        ["set search_path to sql_one", "prepare s as select x from t", "execute s", "execute s"],
        ["set search_path to sql_two", "prepare s as select x from t", "execute s", "execute s"],
    ),
    "by the protocol": (
        [extended("prepare s as select 'a'") + SYNC, extended("execute s") + SYNC,
         bind(statement="s") + execute() + SYNC, extended("deallocate s") + SYNC,
         extended("execute s") + SYNC],
        ["prepare s as select 'b'", bind(statement="s") + execute() + SYNC, "discard all",
         bind(statement="s") + execute() + SYNC],
    ),
    "which writes": (
        ["prepare s (int) as insert into public.kept values ($1) returning x", "execute s(1)",
         "execute s(2)", "delete from public.kept"],
        ["prepare s as select count(*) from public.kept where x > 9", "execute s", "execute s"],
    ),
    "names in quotes, letters of all kinds": (
        ["prepare \"My Statement\" as select 'grüße'", "execute \"My Statement\"", "select 1",
         "execute \"My Statement\""],
        ["prepare \"my statement\" as select 'ñ'", "execute \"my statement\"",
         "execute \"My Statement\"", "select 2"],
    ),
    "and a discard": (
        ["prepare s as select 'a'", "discard plans", "execute s", "discard all", "execute s",
         "select 1"],
        ["prepare s as select 'b'", "execute s", "reset all", "execute s"],
    ),
}  # fmt: skip

# What cannot be prepared again as it was keeps its client's backend; two others share one.
PINNED = {
    "in a pipeline": (
        [query("begin") + query("prepare s as select 'a'") + query("rollback"), "execute s",
         "execute s"],
        ["prepare s as select 'b'", query("begin") + query("deallocate s") + query("rollback"),
         "execute s"],
    ),
    "same text under other settings": (
        ["prepare s as select '01.02.2024'::date", "set datestyle to 'SQL, DMY'",
         "prepare s as select '01.02.2024'::date", "execute s"],
        ["execute s", "select 1"],
    ),
    "and the path changes then": (
        ["set search_path to sql_one", "prepare s as select x from t", "execute s",
         "set search_path to sql_two", "execute s", "set search_path to sql_one", "execute s"],
        ["select 1", "execute s", "select 2"],
    ),
    "dates of other styles": (
        ["set datestyle to 'German, DMY'", "prepare s as select '01.02.2024'::date", "execute s",
         "set datestyle to 'ISO'", "execute s"],
        ["prepare s as select '01.02.2024'::date", "execute s", "set datestyle to 'SQL, DMY'",
         "execute s"],
    ),
    "beside others in one text": (
        ["prepare s as select 'a'; prepare t as select 't'", "execute s", "execute t"],
        ["begin; prepare s as select 'b'; rollback", "execute s", "select 1"],
    ),
    "with what it means now": (
        ["prepare s as select extract(year from 'now'::timestamptz) > 2000", "execute s"],
        ["prepare s as select 'b'", "execute s", "execute s"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("scripts", SCRIPTS.values(), ids=SCRIPTS)
def test_each_clients_statements_are_its_own(sql_postgres, proxy, scripts):
    take_turns(*[(Twins(proxy, sql_postgres), steps) for steps in scripts])


@pytest.mark.parametrize("scripts", SCRIPTS.values(), ids=SCRIPTS)
def test_whatever_others_have_set(sql_postgres, proxy, scripts):
    take_turns(
        *[(Twins(proxy, sql_postgres), steps) for steps in scripts],
        (Twins(proxy, sql_postgres), SOIL),
    )


@pytest.mark.parametrize("scripts", PINNED.values(), ids=PINNED)
def test_what_was_frozen_stays_so(sql_postgres, start_shared, scripts):
    proxy = start_shared(3)
    take_turns(
        *[(Twins(proxy, sql_postgres), steps) for steps in scripts],
        *[(Twins(proxy, sql_postgres), SOIL) for _ in range(2)],
    )


@pytest.mark.usefixtures("needs_sharing")
def test_statements_do_not_pin(sql_postgres, start_shared):
    proxy = start_shared()
    holder, other = proxy.raw(), proxy.raw()
    for number in range(20):
        holder.query(f"prepare s{number} (int) as select $1 + {number}")
    wait_until_looked(sql_postgres.connect())
    assert first_column(other.query("select 'on'")) == ["on"]
    assert first_column(other.query("select count(*) from pg_prepared_statements")) == ["0"]
    for number in range(20):
        assert first_column(holder.query(f"execute s{number}(1)")) == [str(1 + number)]


@pytest.mark.parametrize("mode", ["auto", "session"])
def test_they_outlive_their_backend(sql_postgres, start_pgballast, io, mode):
    client = start_pgballast(sql_postgres.dsn, io=io, mode=mode).connect()
    observer = sql_postgres.connect()
    run(client, "set search_path to sql_one")
    run(client, "prepare s (int) as select x || $1 from t")
    for number in range(3):
        assert value(client, f"execute s({number})") == f"one{number}"
        wait_until_looked(observer)
        end_backends(observer)
    assert value(client, "execute s(3)") == "one3"
