"""What keeps a compute awake, and what does not."""

import time

import psycopg2
import pytest

AUTOSUSPEND_S = 2


@pytest.fixture
def neonsim(neonsim):
    neonsim.set(wake=0, autosuspend=AUTOSUSPEND_S)
    return neonsim


def asleep(stats: dict) -> bool:
    return stats["state"] == "suspended"


def stays_awake(neonsim, busy=lambda: None) -> bool:
    """Whether it is awake after more than twice the time, calling `busy` meanwhile; an
    attempt in which this machine gave us no time to is repeated."""
    while True:
        longest_pause, last = 0.0, time.monotonic()
        until = last + 2.5 * AUTOSUSPEND_S
        while last < until:
            busy()
            time.sleep(0.05)  # polls: keeps busy as an application does
            longest_pause, last = max(longest_pause, time.monotonic() - last), time.monotonic()
        if neonsim.stats()["state"] == "running":
            return True
        if longest_pause < AUTOSUSPEND_S / 2:
            return False
        neonsim.wake()


def execute(connection, text):
    with connection.cursor() as cursor:
        cursor.execute(text)


def test_idle_connections_do_not_hold_it_awake(neonsim):
    connections = [neonsim.connect() for _ in range(3)]
    execute(connections[0], "listen something")
    assert neonsim.wait_for(asleep)["suspends"] == 1
    with pytest.raises(psycopg2.OperationalError):
        execute(connections[1], "select 1")


def test_no_connection_at_all_does_not_hold_it_awake(neonsim):
    neonsim.wake()
    neonsim.wait_for(asleep)


def test_nor_does_somebody_who_looks_in_as_the_superuser(neonsim):
    neonsim.wake()
    observer = neonsim.connect_to_postgres(dbname="postgres")
    for _ in range(2):
        execute(observer, "select 1")
    neonsim.wait_for(asleep)


@pytest.mark.parametrize("text", ["select 1", "-- an empty query", "discard all"])
def test_any_statement_now_and_then_keeps_it_awake(neonsim, text):
    connection = neonsim.connect()

    def ping():
        try:
            execute(connection, text)
        except psycopg2.ProgrammingError as error:
            assert "empty query" in str(error)  # said behind the server's answer

    assert stays_awake(neonsim, ping)
    neonsim.wait_for(asleep)


def test_a_long_query_keeps_it_awake(neonsim):
    connection = neonsim.connect()
    execute(connection, f"select pg_sleep({2.5 * AUTOSUSPEND_S})")
    assert neonsim.stats()["suspends"] == 0
    neonsim.wait_for(asleep)


def test_an_idle_transaction_keeps_it_awake(neonsim):
    connection = neonsim.connect()
    execute(connection, "begin")
    assert stays_awake(neonsim)
    execute(connection, "rollback")
    neonsim.wait_for(asleep)


def test_autosuspend_may_be_changed_and_turned_off(neonsim):
    neonsim.set(autosuspend="off")
    neonsim.wake()
    assert stays_awake(neonsim)
    neonsim.set(autosuspend=0.5)
    neonsim.wait_for(asleep)
