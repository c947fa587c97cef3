"""What passes through as it is: both protocols, COPY, errors and notices, large values. In
both modes, by both engines."""

import io as streams

import psycopg2
import pytest
from neonsim import wait_until
from plainclient import (
    COPY_DONE,
    FLUSH,
    SYNC,
    TERMINATE,
    bind,
    copy_data,
    copy_fail,
    describe_portal,
    error_of,
    execute,
    extended,
    first_column,
    parse,
    query,
    types,
)
from queries import rows, run, value

LARGE = 50_000_000

# What all of a pgballast's memory may come to, whatever passes through it, in bytes: the
# sanitizers' builds take more.
MEMORY_MAX = 64 << 20


@pytest.fixture(params=["transaction", "session"])
def proxy(request, postgres, start_pgballast, io):
    return start_pgballast(postgres.dsn, io=io, mode=request.param, pool={"max": 3})


@pytest.fixture
def table(request, postgres) -> str:
    """The name of an empty table (id int, word text)."""
    name = "t_" + "".join(c if c.isalnum() else "_" for c in request.node.name)[-50:]
    owner = postgres.connect()
    run(owner, f"drop table if exists {name}")
    run(owner, f"create table {name} (id int, word text)")
    run(owner, f"grant all on {name} to app")
    owner.close()
    return name


# Requests and replies.


def test_simple_queries_are_answered_one_by_one_and_pipelined(proxy):
    client = proxy.raw()
    assert types(client.query("select 1; select 2")) == "TDCTDCZ"
    client.send(query("select 3") + query("") + query("select 4"))
    assert [types(client.read_until_ready()) for _ in range(3)] == ["TDCZ", "IZ", "TDCZ"]


def test_extended_queries_are_answered_one_by_one_and_pipelined(proxy):
    client = proxy.raw()
    client.send(extended("select $1::text", "one") + SYNC)
    answer = client.read_until_ready()
    assert types(answer) == "12DCZ"
    assert first_column(answer) == ["one"]

    client.send(b"".join(extended("select $1::text", word) + SYNC for word in ["a", "b", "c"]))
    answers = [client.read_until_ready() for _ in range(3)]
    assert [first_column(each) for each in answers] == [["a"], ["b"], ["c"]]

    client.send(extended("select 1") + extended("select 2") + SYNC)
    assert types(client.read_until_ready()) == "12DC12DCZ"


def test_an_error_skips_the_rest_of_a_pipeline_up_to_its_sync(proxy):
    client = proxy.raw()
    dividing = "select 1 / (x - $1::int) from generate_series(1, 1) x"
    client.send(extended(dividing, "1") + extended("select 2") + SYNC)
    client.send(extended("select 3") + SYNC)
    first = client.read_until_ready()
    assert types(first) == "12EZ"
    assert error_of(first)["C"] == "22012"
    assert types(client.read_until_ready()) == "12DCZ"


def test_a_pipeline_without_sync_is_answered_at_its_flush(proxy):
    client = proxy.raw()
    client.send(parse("select generate_series(1, 3)") + bind() + describe_portal() + FLUSH)
    assert [client.read().type for _ in range(3)] == ["1", "2", "T"]
    client.send(execute(max_rows=2) + FLUSH)
    assert [client.read().type for _ in range(3)] == ["D", "D", "s"]
    client.send(execute() + SYNC)
    assert types(client.read_until_ready()) == "DCZ"


def test_a_message_may_come_octet_by_octet(proxy):
    client = proxy.raw()
    for octet in query("select 'slow'") + extended("select 'slower'") + SYNC:
        client.send(bytes([octet]))
    assert first_column(client.read_until_ready()) == ["slow"]
    assert first_column(client.read_until_ready()) == ["slower"]


def test_an_error_leaves_the_connection_as_postgres_does(proxy):
    client = proxy.raw()
    assert error_of(client.query("select nosuch"))["C"] == "42703"
    client.query("begin")
    assert client.query("select nosuch")[-1].body == b"E"
    assert error_of(client.query("select 1"))["C"] == "25P02"
    assert client.query("rollback")[-1].body == b"I"
    assert first_column(client.query("select 1")) == ["1"]


def test_notices_and_parameters_are_passed_on(proxy):
    client = proxy.raw()
    noticed = client.query("do $$begin raise notice 'look'; end$$")
    assert [each.fields()["M"] for each in noticed if each.type == "N"] == ["look"]
    told = client.query("set timezone to 'Asia/Tokyo'")
    assert b"TimeZone\0Asia/Tokyo\0" in [each.body for each in told if each.type == "S"]


def test_a_terminate_behind_a_query_waits_for_its_turn(proxy, table):
    client = proxy.raw()
    client.send(query(f"insert into {table} select 1 from pg_sleep(0.2)") + TERMINATE)
    messages, end = client.read_to_end()
    assert (types(messages), end) == ("CZ", "fin")
    assert value(proxy.connect(), f"select count(*) from {table}") == 1


# COPY.


def test_copy_goes_both_ways(proxy, table):
    client = proxy.connect()
    lines = "".join(f"{number}\tword {number}\n" for number in range(100_000))
    with client.cursor() as cursor:
        cursor.copy_expert(f"copy {table} from stdin", streams.StringIO(lines))
        out = streams.StringIO()
        cursor.copy_expert(f"copy (select * from {table} order by id) to stdout", out)
    assert out.getvalue() == lines
    assert value(client, f"select count(*) from {table}") == 100_000


def test_a_copy_may_fail_on_either_side(proxy, table):
    client = proxy.raw()
    client.send_query(f"copy {table} from stdin")
    assert client.read().type == "G"
    client.send(copy_data(b"1\tone\n") + copy_fail("changed my mind"))
    assert "changed my mind" in error_of(client.read_until_ready())["M"]

    client.send_query(f"copy {table} from stdin")
    assert client.read().type == "G"
    client.send(copy_data(b"no number\tone\n") * 1000 + COPY_DONE)
    assert error_of(client.read_until_ready())["C"] == "22P02"
    assert first_column(client.query(f"select count(*) from {table}")) == ["0"]


# Large values.


def test_large_values_pass_without_being_held(postgres, start_pgballast, io):
    proxy = start_pgballast(postgres.dsn, io=io)
    client = proxy.connect()
    word = "x" * LARGE
    assert value(client, f"select length('{word}')") == LARGE
    assert len(value(client, f"select repeat('y', {LARGE})")) == LARGE
    assert proxy.peak_memory() < MEMORY_MAX


def test_a_client_that_does_not_read_stops_its_backend(postgres, start_pgballast, io):
    proxy = start_pgballast(postgres.dsn, io=io)
    client = proxy.raw(application_name="deaf")
    client.send_query(f"select repeat('y', {LARGE})")
    observer = postgres.connect()
    waits = "select wait_event from pg_stat_activity where application_name = 'deaf'"
    wait_until(lambda: rows(observer, waits) == [("ClientWrite",)])
    assert value(proxy.connect(), "select 1") == 1  # others go on
    assert proxy.peak_memory() < MEMORY_MAX
    assert len(client.read_until_ready()[1].body) > LARGE
    assert proxy.peak_memory() < MEMORY_MAX


def test_a_server_that_does_not_read_stops_its_client(postgres, start_pgballast, io):
    proxy = start_pgballast(postgres.dsn, io=io)
    # It reads nothing while it waits for the table.
    owner = postgres.connect()
    owner.autocommit = False
    run(owner, "create table if not exists held (word text)")
    run(owner, "grant all on held to app")
    owner.commit()
    run(owner, "lock table held")
    client = proxy.raw()
    client.send(query("insert into held values ('y')"))
    client.socket.settimeout(0.5)
    sent = 0
    with pytest.raises(TimeoutError):
        while True:
            sent += client.socket.send(query("select 'n' --" + "n" * 60_000))
    owner.commit()
    assert sent < LARGE
    assert proxy.peak_memory() < MEMORY_MAX
    client.reset()


def test_a_client_that_vanishes_leaves_others_alone(proxy):
    for _ in range(3):
        client = proxy.raw()
        client.send_query(f"select repeat('y', {LARGE})")
        client.reset()
    with pytest.raises(psycopg2.errors.DivisionByZero):
        value(proxy.connect(), "select 1/0")
    assert value(proxy.connect(), "select 1") == 1
