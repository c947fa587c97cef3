"""Prepared statements of the protocol, in the modes whose clients share backends: a client's
names are its own, wherever it runs."""

import asyncio

import asyncpg
import psycopg
import pytest
from backends import end_backends, wait_until_looked
from plainclient import (
    FLUSH, SYNC, bind, close_statement, describe_portal, describe_statement, error_of, execute,
    extended, first_column, parse, query, types,
)  # fmt: skip
from queries import run
from twins import SOIL, SOIL_SETUP, Twins, mirrored, take_turns

SETUP = """
    drop schema if exists one cascade;
    drop schema if exists two cascade;
    create schema one;
    create schema two;
    create table one.t as select 'one' as x, 1 as n;
    create table two.t as select 'two' as x, 2 as n;
    create function one.f(int) returns text language sql as $$ select 'one ' || $1 $$;
    create function two.f(int) returns text language sql as $$ select 'two ' || $1 $$;
    grant usage on schema one, two to app, soil;
    grant all on one.t, two.t to app;
    grant select on one.t to soil;
"""

TEXT, INT4, INT8 = 25, 23, 20


@pytest.fixture(scope="module")
def prepared_postgres(shared_postgres):
    return mirrored(shared_postgres, SOIL_SETUP, SETUP)


@pytest.fixture(params=["auto", "transaction"])
def mode(request) -> str:
    return request.param


@pytest.fixture
def proxy(prepared_postgres, start_shared, mode):
    """With one backend for all."""
    return start_shared(mode=mode)


def run_of(name: str, *values: str) -> bytes:
    return bind(*values, statement=name) + describe_portal() + execute() + SYNC


# What each of two clients does, in turns, on one backend.
SCRIPTS = {
    "same name, other text": (
        [parse("select 'a ' || $1", "s") + SYNC, run_of("s", "1"), run_of("s", "2")],
        [parse("select 'b ' || $1::int * 2", "s") + SYNC, run_of("s", "1"), run_of("s", "2")],
    ),
    "same text, other name": (
        [parse("select $1::int + 1", "s") + SYNC, run_of("s", "1"), run_of("t", "2")],
        [parse("select $1::int + 1", "t") + SYNC, run_of("t", "1"), run_of("s", "2")],
    ),
    "same text, same name": (
        [parse("select $1::int + 1", "s") + SYNC, run_of("s", "1"), close_statement("s") + SYNC,
         run_of("s", "3"), parse("select 'a'", "s") + SYNC, run_of("s")],
        [parse("select $1::int + 1", "s") + SYNC, *[run_of("s", "2")] * 5],
    ),
    "same text, other types": (
        [parse("select $1, $2", "s", [INT4, TEXT]) + describe_statement("s") + SYNC,
         run_of("s", "1", "x"), run_of("s", "x", "x"), run_of("s", "2", "x")],
        [parse("select $1, $2", "s", [TEXT, INT8]) + describe_statement("s") + SYNC,
         run_of("s", "x", "1"), run_of("s", "x", "y"), run_of("s", "y", "2")],
    ),
    "names of every kind": (
        [parse("select 'quoted'", 'a "b" ''\'c\' \\ $1') + SYNC, run_of('a "b" ''\'c\' \\ $1'),
         parse("select 'long'", "n" * 300) + SYNC, run_of("n" * 300), run_of("n" * 63),
         parse("select 'é'", "é") + SYNC, run_of("é"), parse("select 'E'", "É") + SYNC,
         run_of("é")],
        [parse("select 'b'", "S") + parse("select 'c'", "s") + SYNC, run_of("S"), run_of("s")],
    ),
    "described": (
        [parse("select x, n as m from one.t where n = $1", "s") + SYNC,
         describe_statement("s") + SYNC, describe_statement("t") + SYNC,
         describe_statement("s") + bind("1", statement="s") + describe_portal() + execute() + SYNC],
        [parse("update two.t set n = n where n = $1", "s") + describe_statement("s") + SYNC,
         describe_statement("s") + SYNC, run_of("s", "0")],
    ),
    "described, with a Flush between": (
        [parse("select n from one.t", "s") + describe_statement("s") + FLUSH
         + bind(statement="s") + execute() + FLUSH + SYNC, run_of("s")],
        [parse("select n from two.t", "s") + FLUSH + SYNC, run_of("s")],
    ),
    "closed": (
        [parse("select 1", "s") + SYNC, close_statement("s") + SYNC, run_of("s"),
         close_statement("s") + SYNC, close_statement("never") + SYNC,
         parse("select 2", "s") + SYNC, close_statement("s") + run_of("s"),
         parse("select 3", "s") + close_statement("s") + parse("select 4", "s") + run_of("s")],
        [parse("select 1", "s") + SYNC, *[run_of("s")] * 6],
    ),
    "refused at Parse": (
        [parse("selec 1", "s") + SYNC, run_of("s"), parse("select nosuch from one.t", "s") + SYNC,
         parse("select 1; select 2", "s") + SYNC, parse("select $2::int", "s") + SYNC,
         parse("select * from nosuch", "s") + bind(statement="s") + execute() + SYNC,
         parse("select 1", "s") + SYNC, run_of("s")],
        [parse("selec 1", "t") + SYNC, parse("select 'b'", "s") + SYNC, run_of("s")],
    ),
    "the name is taken": (
        [parse("select 1", "s") + SYNC, parse("select 1", "s") + SYNC, run_of("s"),
         parse("select 2", "s") + SYNC, run_of("s"), parse("selec", "s") + SYNC, run_of("s"),
         parse("select 3", "t") + parse("select 4", "t") + SYNC, run_of("t")],
        [parse("select 5", "s") + SYNC, run_of("s")],
    ),
    "skipped behind an error": (
        [parse("select 1", "s") + parse("selec", "t") + parse("select 2", "u") + SYNC,
         run_of("s"), run_of("t"), run_of("u"),
         bind(statement="s") + execute() + bind(statement="no") + close_statement("s") + SYNC,
         run_of("s"), parse("select 1/0", "v") + bind(statement="v") + execute()
         + parse("select 5", "w") + SYNC, run_of("w"), run_of("v")],
        [parse("select 'b'", "u") + SYNC, run_of("u"), run_of("s")],
    ),
    "deallocated": (
        [parse("select 1", "s") + parse("select 2", "t") + SYNC, query("deallocate s"),
         run_of("s"), run_of("t"), query("deallocate all"), run_of("t"),
         parse("select 3", "s") + SYNC, run_of("s"), extended("deallocate all") + SYNC,
         run_of("s"), query('deallocate "s"'), parse("select 4", "S") + SYNC,
         query("deallocate s"), query('deallocate "S"'), run_of("S")],
        [parse("select 'b'", "s") + SYNC, *[run_of("s")] * 12],
    ),
    "discarded": (
        [parse("select 1", "s") + SYNC, query("discard all"), run_of("s"),
         parse("select 2", "s") + SYNC, query("discard plans"), run_of("s"),
         extended("discard all") + SYNC, run_of("s"), parse("select 3", "s") + run_of("s")],
        [parse("select 'b'", "s") + SYNC, *[run_of("s")] * 8],
    ),
    "not deallocated, in truth": (
        [parse("select 1", "s") + SYNC, query("deallocate all; select 1/0"), run_of("s"),
         query("deallocate nosuch"), query("select 'deallocate all'"), run_of("s"),
         query("discard all; select 1"), run_of("s")],
        [parse("select 'b'", "s") + SYNC, run_of("s")],
    ),
    "the unnamed one": (
        [parse("select 'a ' || $1") + SYNC, run_of("", "1"), run_of("", "2"),
         parse("selec") + SYNC, run_of("", "3"), parse("select 'c'") + SYNC, query("select 1"),
         run_of(""), parse("select 'd'") + describe_statement() + SYNC, run_of(""),
         close_statement() + SYNC, run_of("")],
        [parse("select 'b'") + SYNC, run_of(""), run_of("")],
    ),
    "nothing in it": (
        [parse("", "s") + describe_statement("s") + SYNC, run_of("s"), parse(" -- x", "t") + SYNC,
         run_of("t"), parse(";", "u") + SYNC, run_of("u")],
        [parse("select 'b'", "s") + SYNC, run_of("s")],
    ),
    "commands": (
        [parse("begin", "b") + parse("commit", "c") + parse("select n from one.t", "s") + SYNC,
         bind(statement="b") + execute() + bind(statement="s") + execute() + bind(statement="c")
         + execute() + SYNC, run_of("s"),
         parse("set local work_mem to '5MB'", "l") + run_of("l"),
         parse("insert into one.t select x, n from one.t where false", "i") + run_of("i")],
        [parse("rollback", "b") + parse("explain (costs off) select 1", "s") + SYNC, run_of("s")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS)
def test_prepared_statements_are_a_clients_own(prepared_postgres, proxy, script):
    one, other = [Twins(proxy, prepared_postgres) for _ in range(2)]
    for turn in range(max(map(len, SCRIPTS[script]))):
        for twins, steps in zip([one, other], SCRIPTS[script]):
            twins.do(steps[turn] if turn < len(steps) else steps[-1])


@pytest.mark.parametrize("script", SCRIPTS)
def test_prepared_statements_are_their_own_where_the_backend_is_soiled(
    prepared_postgres, start_shared, io, script
):
    proxy = start_shared(io=io)
    one, other, soiler = [Twins(proxy, prepared_postgres) for _ in range(3)]
    # Its deallocations are of its own names only, but for the backend it is the same.
    soil = [*SOIL, parse("select 'soil'", "s") + SYNC, "deallocate all", "select 1"]
    take_turns((one, SCRIPTS[script][0]), (soiler, soil))
    take_turns((other, SCRIPTS[script][1][:1]), (soiler, soil[-3:]))


# What Parse depends on beside the text.


def test_prepared_names_are_found_where_their_own_client_looks(prepared_postgres, proxy):
    paths = ["one", "two"]
    clients = [Twins(proxy, prepared_postgres, options=f"-c search_path={each}") for each in paths]
    for twins in clients:
        twins.ask(parse("select x, f($1) from t where n > 0", "s") + describe_statement("s") + SYNC)
    for number in range(3):
        for twins, path in zip(clients, paths):
            assert first_column(twins.ask(run_of("s", str(number)))) == [path]


def test_prepared_statements_follow_a_search_path_that_changes(prepared_postgres, start_shared):
    twins, other = [Twins(start_shared(), prepared_postgres) for _ in range(2)]
    steps = [
        "set search_path to one", parse("select x from t", "s") + SYNC, run_of("s"),
        "set search_path to two", run_of("s"), run_of("s"), "reset search_path", run_of("s"),
    ]  # fmt: skip
    take_turns((twins, steps), (other, ["set search_path to two", *steps[1:3]]))


@pytest.mark.parametrize(
    "setting, values, text",
    [
        ("datestyle", ["ISO, DMY", "ISO, MDY"], "select ('01/02/2024'::date)::text"),
        ("timezone", ["UTC", "Asia/Tokyo"], "select ('2024-01-01'::timestamptz at time zone 'CET')::text"),
        ("intervalstyle", ["postgres", "iso_8601"], "select ('1 day'::interval)::text || $1::text"),
        ("standard_conforming_strings", ["on", "off"], r"select 'a\\b'"),
    ],
)  # fmt: skip
def test_prepared_constants_are_read_with_their_own_clients_settings(
    prepared_postgres, proxy, setting, values, text
):
    clients = [Twins(proxy, prepared_postgres) for _ in values]
    parameters = ["x"] if "$1" in text else []
    for twins, each in zip(clients, values):
        twins.query(f"set {setting} to {each}")
        twins.ask(parse(text, "s") + SYNC)
    for _ in range(3):
        for twins in clients:
            twins.ask(run_of("s", *parameters))


def test_prepared_statements_that_mean_now_are_never_shared(prepared_postgres, proxy):
    """The time of the Parse is a constant of it."""
    text = "select 'now'::timestamptz::text"
    one, other = proxy.raw(), proxy.raw()

    def ask(client, octets: bytes) -> list:
        client.send(octets)
        return first_column(client.read_until_ready())

    first = ask(one, parse(text, "s") + run_of("s"))
    second = ask(other, parse(text, "s") + run_of("s"))
    assert first < second
    assert ask(other, parse(text, "t") + run_of("t")) > second
    assert ask(one, run_of("s")) == first


def test_prepared_statements_run_with_their_own_clients_role(prepared_postgres, start_shared):
    proxy = start_shared()
    soil, app = [Twins(proxy, prepared_postgres) for _ in range(2)]
    texts = parse("select x from two.t", "two") + parse("select x from one.t", "one")
    steps = [texts + SYNC, run_of("two"), run_of("one"), "set role none", run_of("two")]
    take_turns((soil, ["set role soil", *steps]), (app, ["select 1", *steps]))


# Beside what SQL prepares.


# Transactions.


def test_prepared_statements_outlive_a_rollback(prepared_postgres, proxy):
    one, other = [Twins(proxy, prepared_postgres) for _ in range(2)]
    for octets in [
        query("begin"), parse("select 'kept'", "s") + SYNC, query("rollback"), run_of("s"),
        query("begin"), parse("selec", "t") + SYNC, run_of("s"),
        parse("select 'not in a block that failed'", "u") + SYNC, query("rollback"), run_of("u"),
        query("begin"), close_statement("s") + SYNC, query("rollback"), run_of("s"),
    ]:  # fmt: skip
        twins_are_idle = one.ask(octets)[-1].body == b"I"
        if twins_are_idle:
            other.ask(parse("select 'other'", "s") + SYNC)
            other.ask(run_of("s"))


def test_prepared_portals_are_fetched_from_in_parts(prepared_postgres, proxy):
    one, other = [Twins(proxy, prepared_postgres) for _ in range(2)]
    one.ask(parse("select * from generate_series(1, 10)", "s") + SYNC)
    other.ask(parse("select 'other' from generate_series(1, 3)", "s") + SYNC)
    one.query("begin")
    one.ask(bind(statement="s") + execute(4) + SYNC)
    one.ask(execute(4) + SYNC)
    one.ask(execute(4) + SYNC)
    one.query("commit")
    other.ask(bind(statement="s") + execute(2) + SYNC)
    other.ask(execute(2) + SYNC)  # with its transaction the portal has gone
    one.ask(bind(statement="s") + execute(4) + SYNC)


# Definitions that change.


def test_prepared_statements_survive_a_migration(prepared_postgres, proxy, needs_sharing):
    """Who has no other description is told the error once, as on a direct connection; then the
    statement is a fresh one. Who asks for the description with the rows gets both, the new ones."""
    owner = prepared_postgres.connect()
    run(owner, "drop table if exists migrated; create table migrated (a int)")
    run(owner, "insert into migrated values (1); grant all on migrated to app")
    one, other = proxy.raw(), proxy.raw()
    for client in (one, other):
        client.send(parse("select * from migrated", "s") + run_of("s"))
        assert types(client.read_until_ready()) == "12TDCZ"
    run(owner, "alter table migrated add a_2 int")
    for client in (one, other):
        client.send(run_of("s"))
        assert types(client.read_until_ready()) == "2TDCZ"
    run(owner, "alter table migrated add b int")
    one.send(bind(statement="s") + execute() + SYNC)
    assert error_of(one.read_until_ready())["C"] == "0A000"
    for client in (one, other):
        client.send(run_of("s"))
        assert types(client.read_until_ready()) == "2TDCZ"


def test_prepared_statements_need_what_they_name(prepared_postgres, proxy):
    """What they read was dropped, and is made again."""
    one, other = [Twins(proxy, prepared_postgres) for _ in range(2)]
    one.query("create table dropped as select 1 as x")
    for twins in [one, other]:
        twins.ask(parse("select x from dropped", "s") + SYNC)
    one.query("drop table dropped")
    one.ask(run_of("s"))
    other.ask(run_of("s"))
    other.query("create table dropped as select 2 as x")
    one.ask(run_of("s"))
    other.ask(run_of("s"))
    other.query("drop table dropped")


# Many of them.


def test_prepared_statements_by_the_thousand(prepared_postgres, proxy):
    one, other = [Twins(proxy, prepared_postgres) for _ in range(2)]
    count = 1200
    for first in range(0, count, 100):
        numbers = range(first, first + 100)
        one.ask(b"".join(parse(f"select {n} + $1::int", f"s{n}") for n in numbers) + SYNC)
        other.ask(b"".join(parse(f"select {n} - $1::int", f"s{n}") for n in numbers) + SYNC)
    for number in [*range(0, count, 7), *range(count - 1, 0, -7)]:
        one.ask(run_of(f"s{number}", "1"))
        other.ask(run_of(f"s{number}", "1"))


def test_prepared_statements_of_clients_that_left_do_not_pile_up(
    prepared_postgres, proxy, needs_sharing
):
    for turn in range(15):
        client = proxy.raw()
        client.send(
            b"".join(parse(f"select {turn * 100 + n}", f"s{n}") for n in range(100)) + SYNC
        )
        assert types(client.read_until_ready()) == "1" * 100 + "Z"
        client.close()
    client = proxy.raw()
    (count,) = first_column(client.query("select count(*) from pg_prepared_statements"))
    assert int(count) <= 1000


# A backend that is lost.


@pytest.mark.usefixtures("needs_sharing")
def test_prepared_statements_are_there_on_a_new_backend(prepared_postgres, proxy, mode):
    observer = prepared_postgres.connect()
    one, other = [Twins(proxy, prepared_postgres) for _ in range(2)]
    for twins, text in [(one, "select 'one ' || $1"), (other, "select 'other ' || $1")]:
        twins.ask(parse(text, "s") + parse("select 1/0", "closed") + SYNC)
        twins.ask(close_statement("closed") + SYNC)
    for _ in range(2):
        if mode == "auto":
            wait_until_looked(observer)
        end_backends(observer)
        for twins in [one, other]:
            twins.ask(run_of("s", "x"))
            twins.ask(describe_statement("s") + SYNC)
            twins.ask(parse("select 3", "s") + SYNC)
            twins.ask(run_of("closed"))


# Drivers.


def test_prepared_by_psycopg(prepared_postgres, start_shared, mode):
    proxy = start_shared(mode=mode)
    clients = [psycopg.connect(proxy.dsn(), autocommit=True, prepare_threshold=0) for _ in range(3)]
    for client in clients:
        client.prepared_max = 3  # so that it deallocates, too
    for turn in range(8):
        for number, client in enumerate(clients):
            for text in ["select %s + 1", f"select %s + {turn}", f"select {number} + %s"]:
                expected = eval(text[7:] % turn)
                assert client.execute(text, [turn]).fetchone()[0] == expected
    for client in clients:
        client.close()


def test_prepared_by_asyncpg(prepared_postgres, start_shared, mode, io):
    """Twelve at once on two backends; more statements than their caches hold."""
    proxy = start_shared(2, mode=mode, io=io, log_level="info")

    async def work(number: int) -> None:
        client = await asyncpg.connect(proxy.url(), ssl=False, statement_cache_size=5)
        for turn in range(60):
            assert await client.fetchval("select $1::int + 1", turn) == turn + 1
            kind = turn % 9
            assert await client.fetchval(f"select $1::text || '{kind}'", f"{number} ") == f"{number} {kind}"
            if turn % 10 == 5:
                async with client.transaction():
                    statement = await client.prepare(f"select $1::int * {number}")
                    assert await statement.fetchval(turn) == turn * number
                    assert [row[0] async for row in statement.cursor(2)] == [2 * number]
            if turn % 20 == 10:
                with pytest.raises(asyncpg.DivisionByZeroError):
                    await client.fetchval("select $1::int / 0", turn)
        await client.close()

    async def all_of_them() -> None:
        await asyncio.gather(*map(work, range(12)))

    asyncio.run(all_of_them())


def test_prepared_by_asyncpg_without_its_cache(prepared_postgres, start_shared, mode):
    """It parses the unnamed statement, waits, and only then binds it."""
    proxy = start_shared(mode=mode)

    async def work(number: int) -> None:
        client = await asyncpg.connect(proxy.url(), ssl=False, statement_cache_size=0)
        for turn in range(30):
            said = await client.fetchrow(f"select $1::int + {number} as of_{number}", turn)
            assert dict(said) == {f"of_{number}": turn + number}
        await client.close()

    async def all_of_them() -> None:
        await asyncio.gather(*map(work, range(6)))

    asyncio.run(all_of_them())
