"""Mode auto: requests that do not wait for one another, and such as are large, on backends
that change hands between them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from plainclient import (
    COPY_DONE, FLUSH, SYNC, bind, copy_data, copy_fail, error_of, execute, extended,
    first_column, parse, query, types,
)  # fmt: skip
from queries import run
from twins import SOIL, SOIL_SETUP, Twins, mirrored

SETUP = """
    drop schema if exists piped cascade;
    create schema piped;
    create table piped.t (x int, who text);
    grant all on schema piped to app;
    grant all on piped.t to app;
"""

INSERT = "insert into piped.t values (1, 'x')"
COUNT = "select count(*) from piped.t"
BAD = "select 1/0"

# What is sent in one write.
PIPELINES = {
    "several Syncs": b"".join(extended(f"select {n}") + SYNC for n in range(6)),
    "an error in the middle": extended(INSERT) + SYNC + extended(BAD) + SYNC + extended(COUNT) + SYNC,
    "an error before more of its segment": extended(INSERT) + extended(BAD) + extended(INSERT)
    + SYNC + extended(COUNT) + SYNC,
    "an error at Parse": parse("selec") + bind() + execute() + SYNC + extended(COUNT) + SYNC,
    "an error at Bind": parse("select $1::int") + bind("x") + execute() + SYNC + query("select 1"),
    "nothing but Syncs": SYNC * 5 + extended("select 1") + SYNC * 2,
    "simple queries": query("select 1") + query(BAD) + query("select 2; select 3") + query(""),
    "both protocols": extended("select 1") + SYNC + query("select 2") + extended("select 3") + SYNC
    + query(BAD) + extended("select 4") + SYNC,
    "a Flush here and there": extended("select 1") + FLUSH + extended("select 2") + FLUSH + SYNC,
    "a block": extended("begin") + SYNC + extended(INSERT) + SYNC + extended(BAD) + SYNC
    + extended(INSERT) + SYNC + extended("rollback") + SYNC + extended(COUNT) + SYNC,
    "a block in one segment": extended("begin") + extended(INSERT) + extended("commit") + SYNC
    + query(COUNT),
    "a block that is undone": extended("begin") + extended(INSERT) + extended(BAD)
    + extended("commit") + SYNC + query("rollback") + query(COUNT),
    "blocks and others": query("begin") + query(INSERT) + query("commit") + query(COUNT)
    + query("begin; select 1; commit; select 2") + query("begin") + query("abort"),
    "settings between": query("set app.tenant to 'a'") + query("show app.tenant")
    + extended("select set_config('app.tenant', $1, false)", "b") + SYNC
    + extended("show app.tenant") + SYNC + query("reset all") + query("show work_mem"),
    "settings within": extended("set work_mem to '7MB'") + extended("show work_mem") + SYNC
    + extended("set work_mem to '8MB'") + extended(BAD) + SYNC + extended("show work_mem") + SYNC,
    "roles between": query("set role soil") + query("select current_user") + query("reset role")
    + query("select current_user"),
    "prepared between": parse("select 1", "s") + SYNC + bind(statement="s") + execute() + SYNC
    + parse("select 2", "s") + SYNC + query("deallocate all") + bind(statement="s") + SYNC,
    "several statements": query("select 1; select 2 where false; select 'three'; select 1/0; select 5"),
    "several statements and a block": query(f"{INSERT}; begin; {INSERT}; rollback; {COUNT}"),
    "an empty one among others": query("; ;") + query("-- no\n;select 1;;") + query(" "),
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared_postgres(shared_postgres):
    return mirrored(shared_postgres, SOIL_SETUP, SETUP)


@pytest.fixture
def proxy(prepared_postgres, start_shared, io):
    """With one backend for all."""
    return start_shared(io=io)


def test_pipeline_answers_come_as_on_a_direct_connection(prepared_postgres, proxy):
    twins, soiler = [Twins(proxy, prepared_postgres) for _ in range(2)]
    twins.query("truncate piped.t")
    for number, (name, octets) in enumerate(PIPELINES.items()):
        print(name)  # shown when it fails
        soiler.do(SOIL[number % len(SOIL)])
        twins.ask(octets)
        twins.check()
        soiler.check()


def test_pipeline_goes_on_while_others_wait(prepared_postgres, start_shared, io):
    """Eight on two backends, each with all of it at once."""
    proxy = start_shared(2, io=io, log_level="info")
    wrong = []

    def work(number: int) -> None:
        client = proxy.raw()
        client.query(f"set app.tenant to '{number}'")
        for turn in range(40):
            texts = [f"select {turn}", BAD, "show app.tenant", "select pg_sleep(0.001)"]
            client.send(b"".join(extended(text) + SYNC for text in texts * 3))
            answers = [client.read_until_ready() for _ in texts * 3]
            seen = [types(each) for each in answers]
            told = [first_column(each) for each in answers]
            if seen != ["12DCZ", "1EZ", "12DCZ", "12DCZ"] * 3:
                wrong.append(seen)
            if told != [[str(turn)], [], [str(number)], [""]] * 3:
                wrong.append(told)

    in_threads(work, 8, wrong)
    assert wrong == []


def in_threads(work, count: int, wrong: list) -> None:
    def guarded(number: int) -> None:
        try:
            work(number)
        except Exception as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=guarded, args=[number]) for number in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def test_pipeline_by_psycopg(prepared_postgres, start_shared):
    proxy = start_shared()
    clients = [psycopg.connect(proxy.dsn(), autocommit=True) for _ in range(3)]
    for number, client in enumerate(clients):
        client.execute(f"set app.tenant to 'tenant {number}'")
    for turn in range(10):
        for number, client in enumerate(clients):
            with client.pipeline():
                asked = [client.execute("select %s::int", [n]) for n in range(20)]
                tenant = client.execute("show app.tenant")
                assert [each.fetchone()[0] for each in asked] == list(range(20))
                assert tenant.fetchone()[0] == f"tenant {number}"
            with pytest.raises(psycopg.errors.DivisionByZero):
                with client.pipeline():
                    for text in ["select 1", BAD, "select 2"]:
                        client.execute(text)
    for client in clients:
        client.close()


# What is large.


@pytest.mark.parametrize("bytes_each, count", [(10, 200_000), (1_000_000, 12), (16_384, 300)])
def test_pipeline_of_large_results(prepared_postgres, proxy, bytes_each, count):
    large = f"select repeat(chr(96 + n % 26), {bytes_each}) from generate_series(1, {count}) n"

    def ask(number: int) -> None:
        client = proxy.raw()
        client.send(query(large) + query(f"select {number}"))
        found = first_column(client.read_until_ready())
        assert len(found) == count
        assert {len(each) for each in found} == {bytes_each}
        assert found[-1][0] == chr(96 + count % 26)
        assert first_column(client.read_until_ready()) == [str(number)]

    with ThreadPoolExecutor() as crowd:  # who gets the backend has to read what it asked for
        list(crowd.map(ask, range(3)))


def test_pipeline_of_large_requests(prepared_postgres, proxy):
    one, other = proxy.raw(), proxy.raw()
    for size in [8_191, 65_536, 3_000_000]:
        for client in [one, other]:
            client.send(extended("select length($1), md5($1)", "x" * size) + SYNC)
        for client in [one, other]:
            assert first_column(client.read_until_ready()) == [str(size)]
        assert first_column(one.query(f"select length('{'y' * size}')")) == [str(size)]


def test_pipeline_of_copies(prepared_postgres, proxy):
    owner = prepared_postgres.connect()
    run(owner, "truncate piped.t")
    one, other = proxy.raw(), proxy.raw()
    other.query("set app.tenant to 'other'")
    one.send(query("copy piped.t from stdin"))
    assert one.read().type == "G"
    other.send_query("show app.tenant")
    for number in range(100):
        one.send(copy_data(b"".join(b"%d\tone\n" % (number * 100 + n) for n in range(100))))
    one.send(COPY_DONE)
    assert types(one.read_until_ready()) == "CZ"
    assert first_column(other.read_until_ready()) == ["other"]
    one.send(query("copy (select x from piped.t order by x) to stdout") + query("select 'next'"))
    said = one.read_until_ready()
    assert types(said) == "H" + "d" * 10_000 + "cCZ"
    assert b"".join(each.body for each in said if each.type == "d").split() == [
        b"%d" % n for n in range(10_000)
    ]
    assert first_column(one.read_until_ready()) == ["next"]


def test_pipeline_of_copies_that_fail(prepared_postgres, proxy):
    one, other = proxy.raw(), proxy.raw()
    for how, code in [(copy_fail("no"), "57014"), (copy_data(b"x\tx\n") + COPY_DONE, "22P02")]:
        other.query("set app.tenant to 'other'")
        one.send(query("set app.tenant to 'one'; copy piped.t from stdin") + how)
        assert error_of(one.read_until_ready())["C"] == code
        assert first_column(other.query("show app.tenant")) == ["other"]
        tenant = "select coalesce(current_setting('app.tenant', true), '')"
        assert first_column(one.query(tenant)) == [""]
        one.send(query("copy (select 1/0) to stdout") + query("copy nosuch from stdin"))
        assert error_of(one.read_until_ready())["C"] == "22012"
        assert error_of(one.read_until_ready())["C"] == "42P01"


def test_pipeline_of_copies_in_the_extended_protocol(prepared_postgres, proxy):
    owner = prepared_postgres.connect()
    run(owner, "truncate piped.t")
    one, other = proxy.raw(), proxy.raw()
    for turn in range(3):
        other.query(f"set app.tenant to '{turn}'")
        one.send(extended("copy piped.t from stdin") + FLUSH)
        assert [one.read().type for _ in range(3)] == ["1", "2", "G"]
        one.send(copy_data(b"1\ta\n2\tb\n") + COPY_DONE + SYNC)
        assert types(one.read_until_ready()) == "CZ"
        one.send(extended("copy piped.t to stdout") + SYNC)
        rows_there = (turn + 1) * 2
        assert types(one.read_until_ready()) == "12H" + "d" * rows_there + "cCZ"
        assert first_column(other.query("show app.tenant")) == [str(turn)]
