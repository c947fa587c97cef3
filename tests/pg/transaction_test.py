"""Transaction mode: few backends, many clients, and each with its own settings."""

import threading

import psycopg2
import pytest
from neonsim import wait_until
from plainclient import SYNC, error_of, extended, first_column, query, types
from queries import Stopwatch, rows, run, value


@pytest.fixture
def proxy(postgres, start_pgballast, io):
    """With one backend for all."""
    return start_pgballast(postgres.dsn, io=io, pool={"max": 1})


def backend_of(client) -> int:
    return value(client, "select pg_backend_pid()")


def test_clients_share_a_backend_between_their_transactions(proxy):
    one, other = proxy.connect(), proxy.connect()
    assert backend_of(one) == backend_of(other)


def test_a_backend_is_its_clients_own_within_a_transaction(proxy):
    one, other = proxy.raw(), proxy.raw()
    one.query("begin")
    other.send_query("select 'other'")
    assert first_column(one.query("select 'one'")) == ["one"]
    assert other.is_silent()
    one.query("commit")
    assert first_column(other.read_until_ready()) == ["other"]


def test_a_pipeline_holds_its_backend_to_its_end(proxy):
    one, other = proxy.raw(), proxy.raw()
    one.send(extended("select pg_sleep(0.2)") + SYNC + extended("select 'one'") + SYNC)
    other.send_query("select 'other'")
    assert types(one.read_until_ready()) == "12DCZ"
    assert first_column(one.read_until_ready()) == ["one"]
    assert first_column(other.read_until_ready()) == ["other"]


def test_who_waits_longest_is_served_first(proxy, postgres):
    first = proxy.raw()
    first.query("begin")
    owner = postgres.connect()
    run(owner, "drop table if exists served; create table served (nr serial, who int)")
    run(owner, "grant all on served, served_nr_seq to app")
    others = [proxy.raw() for _ in range(5)]
    for number, other in enumerate(others):
        other.send_query(f"insert into served (who) values ({number})")
        # Its worker has read that when it welcomes a later client.
        proxy.raw().close()
    first.query("commit")
    for other in others:
        assert types(other.read_until_ready()) == "CZ"
    assert rows(owner, "select who from served order by nr") == [(n,) for n in range(5)]


# Settings.


def test_every_client_keeps_its_time_zone(proxy):
    zones = ["UTC", "Asia/Tokyo", "Europe/Berlin", "America/New_York"]
    clients = [proxy.connect() for _ in zones]
    for client, zone in zip(clients, zones):
        run(client, f"set timezone to '{zone}'")
    for _ in range(3):
        assert [value(client, "show timezone") for client in clients] == zones


def test_every_client_keeps_its_name_and_startup_parameters(proxy):
    plain = proxy.connect()
    asked = {
        "application_name": "shop",
        "search_path": "app, public",
        "statement_timeout": "1min",
        "IntervalStyle": "iso_8601",
    }
    options = r"-c search_path=app,\ public -c statement_timeout=60s -c intervalstyle=iso_8601"
    particular = proxy.connect(application_name="shop", options=options)
    ordinary = {name: value(plain, f"show {name}") for name in asked}
    for _ in range(3):
        assert {name: value(particular, f"show {name}") for name in asked} == asked
        assert {name: value(plain, f"show {name}") for name in asked} == ordinary


def test_a_startup_parameter_works(proxy):
    hasty = proxy.connect(options="-c statement_timeout=50ms")
    with pytest.raises(psycopg2.errors.QueryCanceled, match="statement timeout"):
        value(hasty, "select pg_sleep(60)")
    assert value(proxy.connect(), "select 'not me' from pg_sleep(0.1)") == "not me"


def test_a_startup_parameter_that_is_none_is_refused_and_nothing_runs(proxy):
    client = proxy.raw(options="-c nosuch_parameter=1")
    client.send_query("select 1")
    messages, end = client.read_to_end()
    assert (error_of(messages)["C"], end) == ("42704", "fin")
    assert value(proxy.connect(), "select 1") == 1


def test_parameters_are_reported_to_whom_they_concern(proxy):
    one, other = proxy.raw(), proxy.raw()
    one.query("set timezone to 'Asia/Tokyo'")
    assert not [each for each in other.query("show timezone") if each.type == "S"]
    assert not [each for each in one.query("show timezone") if each.type == "S"]


# Clients that end.


def test_a_transaction_ends_with_its_client(proxy, postgres):
    owner = postgres.connect()
    run(owner, "create table if not exists locked (x int)")
    run(owner, "grant all on locked to app")
    client = proxy.raw()
    client.send(query("begin") + query("lock table locked"))
    client.read_until_ready(), client.read_until_ready()
    client.reset()
    with Stopwatch() as watch:
        run(owner, "set lock_timeout to '10s'")
        run(owner, "begin; lock table locked; commit")
    assert watch.seconds < 1
    assert value(proxy.connect(), "select 1") == 1


def test_a_statement_runs_to_its_end_though_its_client_has_vanished(proxy, postgres):
    owner = postgres.connect()
    run(owner, "drop table if exists orphaned; create table orphaned (x int)")
    run(owner, "grant all on orphaned to app")
    client = proxy.raw(application_name="vanishing")
    client.send_query("insert into orphaned select 1 from pg_sleep(0.5)")
    active = "select from pg_stat_activity where application_name = 'vanishing' and state = 'active'"
    wait_until(lambda: rows(owner, active))
    client.reset()
    assert value(proxy.connect(), "select count(*) from orphaned") == 1


def test_a_request_that_was_not_whole_is_not_run(proxy, postgres):
    owner = postgres.connect()
    run(owner, "drop table if exists halved; create table halved (x int)")
    run(owner, "grant all on halved to app")
    client = proxy.raw()
    client.send(query("insert into halved values (1)")[:-3])
    client.close()
    client = proxy.raw()
    client.send(extended("insert into halved values (2)"))  # no Sync
    client.close()
    assert value(proxy.connect(), "select count(*) from halved") == 0


# Several workers.


def test_backends_go_where_clients_wait(postgres, start_pgballast, io):
    proxy = start_pgballast(postgres.dsn, io=io, threads=2, pool={"max": 2})
    clients = [proxy.connect() for _ in range(8)]
    wrong = []

    def ask(number: int) -> None:
        for turn in range(100):
            if value(clients[number], f"select {number * 1000 + turn}") != number * 1000 + turn:
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=[number]) for number in range(len(clients))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong
    pids = {backend_of(client) for client in clients}
    assert len(pids) <= 2
