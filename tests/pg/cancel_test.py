"""Cancel requests: they hit what they are meant for, and nothing else."""

import threading

import psycopg2
import pytest
from neonsim import wait_until
from plainclient import error_of, first_column, types
from queries import Stopwatch, rows, value

SLEEP = "select pg_sleep(60)"


def wait_until_asleep(observer) -> None:
    active = f"select from pg_stat_activity where state = 'active' and query = '{SLEEP}'"
    wait_until(lambda: rows(observer, active))


def test_a_running_query_is_cancelled(postgres, start_pgballast, io):
    client = start_pgballast(postgres.dsn, io=io).connect()
    observer = postgres.connect()
    errors = []

    def query() -> None:
        try:
            value(client, SLEEP)
        except psycopg2.Error as error:
            errors.append(error.pgcode)

    running = threading.Thread(target=query)
    running.start()
    wait_until_asleep(observer)
    client.cancel()
    with Stopwatch() as watch:
        running.join()
    assert errors == ["57014"]
    assert watch.seconds < 5
    assert value(client, "select 1") == 1


def test_a_cancel_with_a_wrong_key_does_nothing(postgres, start_pgballast):
    client = start_pgballast(postgres.dsn).raw()
    client.send_query(SLEEP)
    wait_until_asleep(postgres.connect())
    right, client.key = client.key, bytes(len(client.key))
    client.send_cancel()
    assert client.is_silent(0.3)
    client.key = right
    client.send_cancel()
    assert error_of(client.read_until_ready())["C"] == "57014"


def test_a_client_that_waits_for_a_backend_is_cancelled_by_pgballast(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn, pool={"max": 1})
    one, other = proxy.raw(), proxy.raw()
    one.query("begin")
    other.send_query("select 1")
    proxy.raw().close()  # the other's query has been read
    other.send_cancel()
    assert error_of(other.read_until_ready())["C"] == "57014"
    one.query("commit")
    assert types(other.query("select 1")) == "TDCZ"


def test_a_cancel_with_nothing_to_cancel_does_nothing(postgres, start_pgballast):
    client = start_pgballast(postgres.dsn).raw()
    client.send_cancel()
    assert types(client.query("select 1")) == "TDCZ"
    client.query("begin")
    client.send_cancel()
    assert types(client.query("select pg_sleep(0.1)")) == "TDCZ"


@pytest.mark.parametrize("delay_ms", [0, 300, 2000])
def test_a_cancel_never_hits_the_next_clients_query(neonsim, start_pgballast, io, delay_ms):
    """Neon closes the cancel connection at once and delivers the request later."""
    neonsim.set(cancel_delay=delay_ms)
    proxy = start_pgballast(neonsim.dsn, io=io, pool={"max": 1})
    victim, bystander = proxy.raw(), proxy.raw()
    for _ in range(2):
        victim.send_query("select pg_sleep(0.1)")
        proxy.raw().close()  # that has been read
        victim.send_cancel()
        bystander.send_query("select 'done' from pg_sleep(0.5)")
        assert types(victim.read_until_ready()) in ("TDCZ", "TEZ", "EZ")
        assert first_column(bystander.read_until_ready()) == ["done"]


def test_a_cancelled_client_may_go_on_at_once(neonsim, start_pgballast):
    proxy = start_pgballast(neonsim.dsn, pool={"max": 1})
    client = proxy.raw()
    observer = neonsim.connect_to_postgres()
    client.send_query(SLEEP)
    wait_until_asleep(observer)
    client.send_cancel()
    assert error_of(client.read_until_ready())["C"] == "57014"
    with Stopwatch() as watch:
        assert first_column(client.query("select 'on'")) == ["on"]
    assert watch.seconds < 2  # the grace period that its backend is held back for
