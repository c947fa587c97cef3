"""What pgballast counts of losses, and the stories that it tells of them."""

import re

import http_port
import pytest
from backends import THEIRS
from losing import (
    MODES, begin_anew, done, interrupted, lose_idle, noticed, stop_at_once, victim_of,
    wait_until_quiet,
)  # fmt: skip
from losses import OUTCOMES, losses, stories, wait_for_losses
from neonsim import wait_until
from plainclient import error_of, query, types
from postgres import DATABASE, Postgres

SETUP = """
    set role app;
    create table rows (id int, n int);
    insert into rows values (1, 0);
"""
ROWS, UPDATE = "select from rows for update", "update rows set n = n + 1"


@pytest.fixture(scope="module")
def shared_postgres():
    """One of our own: without functions, so that all sessions are known."""
    with Postgres() as postgres:
        done(postgres, SETUP)
        yield postgres


@pytest.fixture
def postgres(shared_postgres):
    begin_anew(shared_postgres, "update rows set n = 0")
    yield shared_postgres
    if shared_postgres.process is None:
        shared_postgres.start()


@pytest.fixture(params=MODES)
def proxy(request, postgres, start_pgballast):
    return start_pgballast(postgres.dsn, mode=request.param, pool={"max": 2}, admin=True)


# Each way to lose a backend, and what it is counted as.


def run_again_rolled_back(postgres, proxy) -> None:
    assert types(interrupted(postgres, victim_of(proxy), query(UPDATE), ROWS)) == "CZ"


def run_again_read_only(postgres, proxy) -> None:
    text = "select * from rows"
    told = interrupted(postgres, victim_of(proxy), query(text), "lock rows", stop_at_once)
    assert types(told) == "TDCZ"


def told_08007(postgres, proxy) -> None:
    told = interrupted(postgres, victim_of(proxy), query("vacuum rows"), "lock rows")
    assert error_of(told)["C"] == "08007"


def told_40001(postgres, proxy) -> None:
    client = victim_of(proxy)
    client.query("begin")
    lose_idle(postgres, proxy)
    assert error_of(client.query("select 1"))["C"] == "40001"


def told_40001_by_commit(postgres, proxy) -> None:
    client = victim_of(proxy)
    client.query("begin")
    lose_idle(postgres, proxy)
    assert error_of(client.query("commit"))["C"] == "40001"


def told_57P03(postgres, proxy) -> None:
    client = victim_of(proxy)
    client.query("begin")
    client.query("rollback")
    postgres.stop()
    assert error_of(client.query("select 1"))["C"] == "57P03"


CASES = [run_again_rolled_back, run_again_read_only, told_08007, told_40001, told_40001_by_commit]


@pytest.mark.parametrize("case", CASES, ids=[each.__name__ for each in CASES])
def test_a_loss_is_counted_by_its_outcome(postgres, proxy, case):
    for turn in [1, 2]:
        case(postgres, proxy)
        wait_for_losses(proxy, **{case.__name__.removesuffix("_by_commit"): turn})


@pytest.mark.parametrize("mode", ["auto", "session"])
def test_a_loss_while_a_client_thinks_is_counted_once_it_goes_on(postgres, start_pgballast, mode):
    proxy = start_pgballast(postgres.dsn, mode=mode, pool={"max": 2}, admin=True)
    client = victim_of(proxy)
    for turn in [1, 2]:
        client.query("select 1")
        wait_until_quiet(postgres)
        lose_idle(postgres, proxy)
        client.query("select 1")
        wait_for_losses(proxy, restored=turn)


@pytest.mark.parametrize("mode", ["auto", "session"])
def test_a_loss_of_pinned_state_is_counted(postgres, start_pgballast, mode):
    proxy = start_pgballast(postgres.dsn, mode=mode, pool={"max": 2}, admin=True)
    client = victim_of(proxy)
    client.query("create temp table mine (x int)")
    wait_until_quiet(postgres)
    lose_idle(postgres, proxy)
    try:
        client.send_query("select 1")
    except (BrokenPipeError, ConnectionResetError):
        pass  # it was told already
    assert error_of(client.read_to_end()[0])["C"] == "57P01"
    wait_for_losses(proxy, closed_57P01=1)


@pytest.mark.parametrize("mode", ["auto", "session"])
def test_a_loss_without_a_new_backend_in_time_is_counted(postgres, start_pgballast, mode):
    proxy = start_pgballast(
        postgres.dsn, mode=mode, pool={"max": 2}, retry={"wait_timeout": "300ms"}, admin=True
    )
    told_57P03(postgres, proxy)
    wait_for_losses(proxy, told_57P03=1)


def test_every_outcome_has_its_series_from_the_start(postgres, start_pgballast):
    """Prometheus sees an increase only of what was there before."""
    proxy = start_pgballast(postgres.dsn, admin=True)
    text = http_port.ask(proxy.admin_port, "/metrics").body
    found = re.findall(rf'losses_total\{{database="{DATABASE}",outcome="(\w+)"\}} 0', text)
    assert set(found) >= set(OUTCOMES)
    assert losses(proxy.admin_port) == {}


# Stories.

FIELDS = {"at", "database", "lost", "done", "sqlstate", "took_ms"}


def told_stories(proxy, count: int) -> list:
    wait_until(lambda: len(stories(proxy.admin_port)) >= count, 5)
    return stories(proxy.admin_port)


def test_stories_are_told_newest_first(postgres, proxy):
    assert stories(proxy.admin_port) == []
    for case in [run_again_rolled_back, told_40001, told_08007]:
        case(postgres, proxy)
    told = told_stories(proxy, 3)
    assert [FIELDS - each.keys() for each in told] == [set()] * len(told)
    assert {each["database"] for each in told} == {DATABASE}
    assert [len(each["sqlstate"]) for each in told] == [5] * len(told)
    times = [each["at"] for each in told]
    assert times == sorted(times, reverse=True)
    assert all(each["took_ms"] >= 0 and each["done"] and each["lost"] for each in told)


def test_stories_are_bounded(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn, pool={"max": 40}, log_level="info", admin=True)
    clients = [victim_of(proxy) for _ in range(40)]
    lengths = []
    for _ in range(5):
        for client in clients:
            client.query("begin")
        with noticed(proxy, len(clients)):
            done(postgres, f"select pg_terminate_backend(pid) {THEIRS}")
        for client in clients:
            assert types(client.query("rollback")) == "CZ"
        lengths.append(len(stories(proxy.admin_port)))
    assert lengths == sorted(lengths)  # none is full and cleared
    assert lengths[-1] == lengths[-2] < 200


def test_stories_tell_nothing_of_what_clients_have_asked(postgres, start_pgballast):
    """Texts of queries hold what is not for whoever looks at a dashboard."""
    proxy = start_pgballast(postgres.dsn, pool={"max": 2}, admin=True)
    text = "update rows set n = n + 1 where 'secret' <> 'word'"
    assert types(interrupted(postgres, victim_of(proxy), query(text), ROWS)) == "CZ"
    assert "secret" not in str(told_stories(proxy, 1))
