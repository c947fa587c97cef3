"""Mode auto: what cannot be carried to another backend keeps its client's own, until it is
gone or its client is."""

import subprocess
import sys

import http_port
import pytest
from neonsim import wait_until
from plainclient import SYNC, error_of, extended, first_column, types
from queries import Stopwatch, rows, run, value

SETUP = """
    drop schema if exists pins cascade;
    create schema pins;
    grant all on schema pins to app;
    create function pins.set_it(name text, setting text) returns void language plpgsql as
        $$ begin perform set_config(name, setting, false); end $$;
    create function pins.lock_it() returns void language plpgsql as
        $$ begin perform pg_advisory_lock(42); end $$;
    create function pins.make_table() returns void language plpgsql as
        $$ begin execute 'create ' || 'temp table mine as select 1 as x'; end $$;
    create table pins.plain (x int);
    grant all on pins.plain to app;
"""

# What pins, how it is seen to be there, and what ends it.
PINS = {
    "advisory lock": ("select pg_advisory_lock(42)", "select pg_advisory_unlock(42)", "t"),
    "shared advisory lock": (
        "select pg_try_advisory_lock_shared(4, 2)", "select pg_advisory_unlock_shared(4, 2)", "t",
    ),
    "advisory lock in a function": (
        "select pins.lock_it()", "select count(*) from (select pg_advisory_unlock_all()) u", "1",
    ),
    "temporary table": (
        "create temp table mine as select 1 as x", "select x from mine; drop table mine", "1",
    ),
    "temporary table, discarded": (
        "select 1 as x into temp mine", "select x from mine; discard temp", "1",
    ),
    "temporary table by a function": (
        "select pins.make_table()", "select x from mine; drop table mine", "1",
    ),
    "temporary view": (
        "create temp view mine as select 1 as x", "select x from mine; drop view mine", "1",
    ),
    "temporary sequence": (
        "create temp sequence mine", "select nextval('mine'); drop sequence mine", "1",
    ),
    "cursor with hold": (
        "declare held cursor with hold for select 1", "fetch held; close held", "1",
    ),
    "cursor with hold from a block": (
        "begin; declare held cursor with hold for select 1; commit", "fetch held; close all", "1",
    ),
    "listen": ("listen pinned", "select pg_listening_channels(); unlisten *", "pinned"),
    "everything, discarded": (
        "create temp table mine as select 1 as x; listen pinned; select pg_advisory_lock(42)",
        "select x from mine", "1",
    ),
    "a name that is not constant": (
        "select set_config('app.' || 'odd', 'mine', false)", "show app.odd", "mine",
    ),
    "a name that is a function's parameter": (
        "select pins.set_it('app.odd', 'mine')", "show app.odd", "mine",
    ),
}  # fmt: skip

# Only DISCARD ALL tells that nothing of it is left.
DISCARDED = [
    "everything, discarded", "a name that is not constant",
    "a name that is a function's parameter",
]  # fmt: skip


@pytest.fixture(scope="module")
def postgres_with_code(shared_postgres):
    owner = shared_postgres.connect()
    run(owner, SETUP)
    owner.close()
    return shared_postgres


@pytest.fixture
def proxy(postgres_with_code, start_shared, io):
    """With one backend for all."""
    return start_shared(io=io)


def wait_until_waiting(proxy) -> None:
    """What was sent before has been read by then."""
    proxy.raw().close()


@pytest.mark.usefixtures("needs_sharing")
@pytest.mark.parametrize("what", PINS)
def test_pins_hold_a_backend_until_they_end(proxy, what):
    pin, end, seen = PINS[what]
    client, other = proxy.raw(), proxy.raw()
    client.query(pin)
    other.send_query("select 'mine at last'")
    wait_until_waiting(proxy)
    for _ in range(3):
        client.query("select 1")
    assert other.is_silent(0.2)
    assert first_column(client.query(end)) == [seen]
    if what in DISCARDED:
        client.query("discard all")
    assert first_column(other.read_until_ready()) == ["mine at last"]


@pytest.mark.parametrize("what", PINS)
def test_pins_are_a_clients_own(postgres_with_code, start_shared, what):
    """Beside others that come and go on the backends that are left."""
    proxy = start_shared(2)
    pin, end, seen = PINS[what]
    client = proxy.raw()
    client.query(pin)
    for number in range(4):
        other = proxy.raw()
        other.query(f"set work_mem to '{number + 5}MB'")
        assert first_column(other.query("show work_mem")) == [f"{number + 5}MB"]
        other.query("select 1")
        if number % 2:
            other.close()
    assert first_column(client.query(end)) == [seen]


@pytest.mark.usefixtures("needs_sharing")
@pytest.mark.parametrize("what", PINS)
def test_pins_end_with_their_client(proxy, what):
    client, other = proxy.raw(), proxy.raw()
    client.query(PINS[what][0])
    client.reset()
    with Stopwatch() as watch:
        look = """select count(*) from pg_class where relnamespace = pg_my_temp_schema()
            union all select count(*) from pg_locks where locktype = 'advisory'
            union all select count(*) from pg_cursors where is_holdable
            union all select count(*) from pg_listening_channels()
            union all select length(coalesce(current_setting('app.odd', true), ''))"""
        left = first_column(other.query(look))
    assert left == ["0"] * 5
    assert watch.seconds < 2


UNPINNED = {
    "lock of a transaction": "begin; select pg_advisory_xact_lock(42); commit",
    "lock that was released": "select pg_advisory_lock(42); select pg_advisory_unlock(42)",
    "lock that was not had": "select pg_advisory_unlock(42)",
    "table dropped on commit": "begin; create temp table mine (x int) on commit drop; commit",
    "table rolled back": "begin; create temp table mine (x int); rollback",
    "table dropped at once": "create temp table mine (x int); drop table mine",
    "cursor without hold": "begin; declare c cursor for select 1; fetch c; commit",
    "cursor rolled back": "begin; declare c cursor with hold for select 1; rollback",
    "local setting": "begin; set local work_mem to '5MB'; commit",
    "snapshot": "begin isolation level repeatable read; select pg_export_snapshot(); commit",
    "large object": "begin; select lo_open(lo_create(0), 131072); commit",
    "serial": "create sequence if not exists pins.numbers; select nextval('pins.numbers')",
    "unparsable": "select from nonsense nonsense nonsense",
    "listen rolled back": "begin; listen pinned; rollback",
    "listen and unlisten": "listen pinned; unlisten pinned",
    "words in a string": "select 'create temp table x; select pg_advisory_lock(1); listen y'",
    "words in a comment": "select 1 /* declare c cursor with hold for */ -- set_config(x, y)",
}


@pytest.mark.usefixtures("needs_sharing")
@pytest.mark.parametrize("what", UNPINNED)
def test_pins_are_not_made_by_what_ends_with_its_transaction(postgres_with_code, start_shared, what):
    proxy = start_shared(retry={"wait_timeout": "2s"})
    client, other = proxy.raw(), proxy.raw()
    client.query(UNPINNED[what])
    assert first_column(other.query("select 'at once'")) == ["at once"]
    assert types(client.query("select 1")) == "TDCZ"


def test_pins_of_an_advisory_lock_exclude_others(postgres_with_code, start_shared):
    proxy = start_shared(2)
    holder, waiter = proxy.raw(), proxy.raw()
    holder.query("select pg_advisory_lock(42)")
    waiter.send_query("select 'mine at last' from pg_advisory_lock(42)")
    wait_until_waiting(proxy)
    assert waiter.is_silent(0.2)
    holder.query("select pg_advisory_unlock(42)")
    assert first_column(waiter.read_until_ready()) == ["mine at last"]
    assert first_column(holder.query("select pg_try_advisory_lock(42)")) == ["f"]


HOLDER = """
import psycopg2, sys
connection = psycopg2.connect(sys.argv[1])
connection.autocommit = True
connection.cursor().execute("select pg_advisory_lock(42)")
print("held", flush=True)
sys.stdin.read()
"""


def test_pins_of_a_killed_client_are_gone_within_a_second(proxy):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, proxy.dsn()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout.readline() == "held\n"
    finally:
        holder.kill()
    client = proxy.connect()
    with Stopwatch() as watch:
        wait_until(lambda: value(client, "select pg_try_advisory_lock(42)"), timeout_s=5)
    holder.communicate()
    assert watch.seconds < 1


def pinned_metrics(proxy) -> dict:
    text = http_port.ask(proxy.admin_port, "/metrics").body
    samples = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(number) for name, number in samples if "pinned" in name}


@pytest.mark.usefixtures("needs_sharing")
def test_pins_of_all_backends_are_told_to_who_waits(postgres_with_code, start_shared, io):
    proxy = start_shared(2, io=io, admin=True, retry={"wait_timeout": "1500ms"})
    holders = [proxy.raw() for _ in range(2)]
    for number, holder in enumerate(holders):
        holder.query(f"select pg_advisory_lock({number})")
    wait_until(lambda: 2 in pinned_metrics(proxy).values(), 5, lambda: str(pinned_metrics(proxy)))
    client = proxy.raw()
    for request in [extended("select 1") + SYNC, None]:
        with Stopwatch() as watch:
            client.send_query("select 1") if request is None else client.send(request)
            said = error_of(client.read_until_ready())
        assert said["C"] == "57P03"
        assert "pinned" in said["H"]
        assert 1 < watch.seconds < 4
    for holder in holders:
        assert types(holder.query("select 1")) == "TDCZ"
    holders[0].query("select pg_advisory_unlock_all()")
    assert first_column(client.query("select 'on'")) == ["on"]
    wait_until(lambda: 1 in pinned_metrics(proxy).values(), 5, lambda: str(pinned_metrics(proxy)))


@pytest.mark.usefixtures("needs_sharing")
def test_pins_of_one_client_leave_the_other_backends_shared(postgres_with_code, start_shared, io):
    proxy = start_shared(3, io=io)
    holders = [proxy.connect() for _ in range(2)]
    for number, holder in enumerate(holders):
        run(holder, f"create temp table mine as select {number} as x")
    others = [proxy.connect() for _ in range(5)]
    for turn in range(5):
        pids = {value(each, "select pg_backend_pid()") for each in others}
        assert len(pids) == 1
        assert [value(each, "select x from mine") for each in holders] == [0, 1]


def test_pins_by_listen_let_notifications_arrive(postgres_with_code, start_shared, io):
    proxy = start_shared(2, io=io)
    listener, speakers = proxy.connect(), [proxy.connect() for _ in range(3)]
    run(listener, "listen news")
    for number, speaker in enumerate(speakers):
        run(speaker, f"notify news, '{number}'")

    def heard() -> bool:
        listener.poll()
        return len(listener.notifies) == 3

    wait_until(heard)
    assert [each.payload for each in listener.notifies] == ["0", "1", "2"]
    assert rows(speakers[0], "select pg_listening_channels()") == []


def test_pins_by_a_loaded_library_keep_its_settings(postgres_with_code, start_shared):
    """A superuser loads it for its own session."""
    owner = postgres_with_code.connect()
    if not rows(owner, "select from pg_roles where rolname = 'boss'"):
        run(owner, "create role boss superuser login password 'boss-password'")
    upstream = postgres_with_code.dsn.replace("app:app-password", "boss:boss-password")
    proxy = start_shared(2, upstream=upstream)
    client, others = proxy.connect(), [proxy.connect() for _ in range(3)]
    run(client, "load 'auto_explain'")
    run(client, "set auto_explain.log_min_duration to 123")
    for _ in range(2):
        for other in others:
            assert value(other, "select current_setting('auto_explain.log_timing', true)") is None
        assert value(client, "show auto_explain.log_min_duration") == "123ms"
