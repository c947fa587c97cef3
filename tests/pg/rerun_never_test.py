"""What is never run again though its backend said FATAL 57P01: what commits within itself, what
cannot be judged, what has completed, and what may have committed. Its client is told 08007 and
goes on. What reaches out of its database: rerun_reach_test.py.

The server's log tells how often each was run, and a direct connection what has come of it.
"""

import pytest
from losing import (
    asked, backend_of, begin_anew, check_unknown, done, interrupted, stalled_commits,
    stop_at_once, terminate, times_run, victim_of, wait_until_blocked, wait_until_quiet,
)  # fmt: skip
from losses import wait_for_losses
from plainclient import COPY_DONE, SYNC, copy_data, extended, query, types
from postgres import DATABASE, Postgres
from psycopg2.extensions import make_dsn

SETUP = """
    create schema never authorization app;
    set role app;
    create table never.rows (id int, n int);
    create table never.held (x int);
    create table never.written (x int);
    insert into never.rows values (1, 0);
"""
CODE = """
    create procedure never.work() language plpgsql as $$ begin
        insert into never.written values (1);
        commit;
        update never.rows set n = n + 1;
    end $$;
    create table never.checked (x int);
    create function never.wait() returns trigger language plpgsql as $$ begin
        perform from never.rows for update;
        return null;
    end $$;
    create constraint trigger wait after insert on never.checked
        deferrable initially deferred for each row execute function never.wait();
"""
CODED = "coded"
FRESH = """
    truncate never.written, never.held;
    update never.rows set n = 0;
    drop index if exists never.made_index;
    drop table if exists never.made;
"""
ROWS, HELD = "select from never.rows for update", "lock table never.held"
OPEN = "insert into never.held values (1)"  # which CREATE INDEX CONCURRENTLY waits for

UPDATE = "update never.rows set n = n + 1"
WRITE = "insert into never.written values (1)"

# By name: the text, what it waits for, and how many rows it has written by then for good.
COMMANDS = {
    "do": (f"do $$ begin {WRITE}; commit; {UPDATE}; end $$", ROWS, 1),
    "several": (f"{WRITE}; {UPDATE}", ROWS, 0),
    "several with a block": (f"begin; {WRITE}; commit; {UPDATE}", ROWS, 1),
    "vacuum": ("vacuum never.held", HELD, 0),
    "an index made concurrently": (
        "create index concurrently made_index on never.held (x)", OPEN, 0,
    ),
    "truncate": ("truncate never.held", HELD, 0),
    "a table made of a query": ("create table never.made as table never.held", HELD, 0),
    "explain analyze": (f"explain (analyze, costs off, timing off) {UPDATE}", ROWS, 0),
    "copy to": ("copy never.held to stdout", HELD, 0),
    "copy from": ("copy never.held from stdin", HELD, 0),
    "alter table": ("alter table never.held add column y int", HELD, 0),
    "lock": ("begin; lock table never.held; commit", HELD, 0),
}  # fmt: skip
WAITS = "insert into never.written select 1 from never.rows for update"
ONLY_SIMPLE = ["several", "several with a block", "lock"]


@pytest.fixture(scope="module")
def shared_postgres():
    """One of our own, which tells of each statement that it runs."""
    with Postgres(log_statement="all") as postgres:
        done(postgres, SETUP)
        done(postgres, f"create database {CODED} owner app")
        done(postgres, SETUP + CODE, CODED)
        yield postgres


@pytest.fixture
def postgres(shared_postgres):
    begin_anew(shared_postgres, FRESH)
    done(shared_postgres, FRESH + "truncate never.checked", CODED)
    return shared_postgres


@pytest.fixture
def proxy(postgres, start_pgballast, mode):
    return start_pgballast(postgres.dsn, mode=mode, pool={"max": 2}, admin=True)


@pytest.fixture
def coded(postgres, start_pgballast, mode):
    dsn = make_dsn(postgres.dsn, dbname=CODED)
    return start_pgballast(dsn, mode=mode, pool={"max": 2}, admin=True)


def count(postgres, table: str = "never.written", dbname: str = DATABASE) -> int:
    return asked(postgres, f"select count(*) from {table}", dbname)[0][0]


@pytest.mark.parametrize("what", COMMANDS)
def test_a_command_that_may_commit_or_cannot_be_judged_is_not_run_again(postgres, proxy, what):
    text, waits_for, written = COMMANDS[what]
    client = victim_of(proxy)
    ways = [query(text)] if what in ONLY_SIMPLE else [query(text), extended(text) + SYNC]
    for octets in ways:
        done(postgres, FRESH)
        known = times_run(postgres, text)
        check_unknown(client, interrupted(postgres, client, octets, waits_for))
        # A text in the extended protocol is logged when it is executed; some wait before.
        assert times_run(postgres, text) - known in (0, 1)
        assert count(postgres) == written
        assert asked(postgres, "select n from never.rows") == [(0,)]
    wait_for_losses(proxy, told_08007=len(ways))


def test_a_procedure_that_commits_is_not_called_again(postgres, coded):
    client = victim_of(coded)
    text = "call never.work()"
    for turn, octets in enumerate([query(text), extended(text) + SYNC]):
        check_unknown(client, interrupted(postgres, client, octets, ROWS, dbname=CODED))
        assert count(postgres, dbname=CODED) == turn + 1
        assert asked(postgres, "select n from never.rows", CODED) == [(0,)]


def test_several_statements_before_one_Sync_are_not_run_again(postgres, proxy):
    """They are one transaction, and only the last one waits."""
    client = victim_of(proxy)
    told = interrupted(postgres, client, extended(WRITE) + extended(UPDATE) + SYNC, ROWS)
    check_unknown(client, [each for each in told if each.type in "EZ"])
    assert count(postgres) == 0


def test_a_copy_whose_data_is_under_way_is_not_run_again(postgres, proxy):
    """The client, which has more of it, is understood afterwards, too."""
    client = victim_of(proxy)
    client.send(query("copy never.written from stdin"))
    assert client.read().type == "G"
    client.send(copy_data(b"1\n2\n"))
    terminate(postgres, backend_of(postgres))
    told = client.read_until_ready()
    client.send(copy_data(b"3\n") + COPY_DONE)
    check_unknown(client, told)
    assert count(postgres) == 0


def wait_until_stalled(postgres, client) -> int:
    """Inserts until that waits for the standby; the number of rows. The server stalls commits
    only a moment after it was told to."""
    tries = 0
    while True:
        tries += 1
        client.send(query(WRITE))
        while not client.buffer and client.is_silent(0.05):
            stalled = "select from pg_stat_activity where wait_event = 'SyncRep'"
            if asked(postgres, stalled):
                return tries
        assert types(client.read_until_ready()) == "CZ"


def test_a_prepared_transaction_is_not_committed_again(postgres, proxy):
    client, other = victim_of(proxy), proxy.raw()
    text = "commit prepared 'never'"
    client.query(f"begin; {WRITE}; prepare transaction 'never'")
    wait_until_quiet(postgres)
    known = times_run(postgres, text)
    with stalled_commits(postgres):
        tries = wait_until_stalled(postgres, other)
        client.send(query(text))
        terminate(postgres, wait_until_blocked(postgres, "wait_event = 'SyncRep'"))
        check_unknown(client, client.read_until_ready())
    assert types(other.read_until_ready()) == "CZ"
    assert count(postgres) == tries + 1
    assert times_run(postgres, text) == known + 1


# What says C, or that it has committed, is no rollback.


def test_what_has_completed_but_not_committed_is_not_run_again(postgres, coded):
    """In the extended protocol C comes before the commit, which waits here."""
    client = victim_of(coded)
    octets = extended("insert into never.checked values (1)") + SYNC
    check_unknown(client, interrupted(postgres, client, octets, ROWS, dbname=CODED))
    assert count(postgres, "never.checked", CODED) == 0
    wait_for_losses(coded, told_08007=1)


def test_what_has_not_completed_is_run_again_though_it_was_about_to_commit(postgres, coded):
    """In the simple protocol C comes behind the commit."""
    client = victim_of(coded)
    octets = query("insert into never.checked values (1)")
    told = interrupted(postgres, client, octets, ROWS, dbname=CODED)
    assert types(told) == "CZ"
    assert count(postgres, "never.checked", CODED) == 1
    wait_for_losses(coded, run_again_rolled_back=1)


@pytest.mark.parametrize("way", ["simple", "extended"])
def test_what_has_committed_and_waits_for_a_standby_is_not_run_again(postgres, proxy, way):
    """WARNING 57P01 says so, and the end."""
    client, other = victim_of(proxy), proxy.raw()
    with stalled_commits(postgres):
        tries = wait_until_stalled(postgres, other)
        client.send(query(WRITE) if way == "simple" else extended(WRITE) + SYNC)
        terminate(postgres, wait_until_blocked(postgres, "wait_event = 'SyncRep'"))
        told = client.read_until_ready()
    check_unknown(client, told)
    assert types(other.read_until_ready()) == "CZ"
    assert count(postgres) == tries + 1


@pytest.mark.parametrize("way", ["simple", "extended"])
def test_a_write_that_an_immediate_stop_ends_is_unknown(postgres, proxy, way):
    client = victim_of(proxy)
    octets = query(WAITS) if way == "simple" else extended(WAITS) + SYNC
    check_unknown(client, interrupted(postgres, client, octets, ROWS, stop_at_once))
    assert count(postgres) == 0
