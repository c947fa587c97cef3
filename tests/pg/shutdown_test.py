"""SIGTERM: who is idle goes at once, who is busy when done, who is too slow is cut off."""

import signal

import pytest
from plainclient import error_of, first_column, types


@pytest.fixture(params=["transaction", "session"])
def proxy(request, postgres, start_pgballast, io):
    return start_pgballast(postgres.dsn, io=io, mode=request.param)


def begin_shutdown(proxy) -> None:
    proxy.terminate()
    proxy.wait_for_line("shutting down")


def farewell(client) -> tuple:
    messages, end = client.read_to_end()
    told = error_of(messages)
    return told["S"], told["C"], end


def test_an_idle_client_is_told_and_closed(proxy):
    new, used = proxy.raw(), proxy.raw()
    used.query("select 1")
    begin_shutdown(proxy)
    assert farewell(new) == ("FATAL", "57P01", "fin")
    assert farewell(used) == ("FATAL", "57P01", "fin")
    assert proxy.process.wait(10) == 0


def test_a_transaction_may_finish(proxy):
    client = proxy.raw()
    client.query("begin")
    begin_shutdown(proxy)
    assert first_column(client.query("select 'still'")) == ["still"]
    assert types(client.query("commit")) == "CZ"
    assert farewell(client) == ("FATAL", "57P01", "fin")
    assert proxy.process.wait(10) == 0


def test_a_query_may_finish(proxy):
    client = proxy.raw()
    client.send_query("select 'done' from pg_sleep(0.5)")
    proxy.raw().close()  # that has been read
    begin_shutdown(proxy)
    assert first_column(client.read_until_ready()) == ["done"]
    assert farewell(client) == ("FATAL", "57P01", "fin")


def test_nobody_is_let_in_any_more(proxy):
    client = proxy.raw()
    client.query("begin")
    begin_shutdown(proxy)
    with pytest.raises((ConnectionError, EOFError)):  # refused, or cut off before the password
        proxy.raw()
    client.query("commit")


def test_patience_ends(postgres, start_pgballast, io):
    proxy = start_pgballast(postgres.dsn, io=io, limits={"drain_timeout": "300ms"})
    client = proxy.raw()
    client.query("begin")
    begin_shutdown(proxy)
    assert farewell(client) == ("FATAL", "57P01", "fin")
    assert proxy.process.wait(10) == 0


def test_a_second_signal_ends_it_at_once(proxy):
    client = proxy.raw()
    client.query("begin")
    begin_shutdown(proxy)
    proxy.process.send_signal(signal.SIGTERM)
    client.read_to_end()
    assert proxy.process.wait(3) == 0
