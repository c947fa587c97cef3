"""Rows that a client has had before its backend was lost: what only reads goes on behind them, and
what it has told once it does not tell again; what writes is told of.
"""

from typing import List

import pytest
from losing import (
    KEPT, WAYS, asked, backend_of, begin_anew, check_unknown, done, prepare, terminate,
    victim_of, wait_until_blocked,
)  # fmt: skip
from losses import READ_ONLY, wait_for_losses
from plainclient import SYNC, error_of, extended, first_column, query, types
from postgres import Postgres
from psycopg2.extensions import make_dsn
from rawclient import Message

SETUP = """
    create schema delivered authorization app;
    set role app;
    create table delivered.words (word text);
    create table delivered.written (x int);
    create table delivered.quick (x int);
"""
CODED = "coded"
CODE = """
    create function delivered.note(x int) returns int language sql volatile as
        'insert into delivered.written values (x) returning x';
"""
FRESH = """
    truncate delivered.written, delivered.quick, delivered.words;
    insert into delivered.words values ('one');
"""

# Whose backend has sent the first 500 rows, and computes the next one for hours; after
# `quick` has got a row, all come at once.
SLOW = """select i, case when i <= 500 or exists (select from delivered.quick)
    then repeat('x', 200)
    else (select count(*)::text from (select generate_series(1, 1000000000000)) all_of_them)
    end from generate_series(1, 1000) i"""
COUNTED = [str(n) for n in range(1, 1001)]


@pytest.fixture(scope="module")
def shared_postgres():
    """One of our own: whether there are functions is the matter of some."""
    with Postgres() as postgres:
        done(postgres, SETUP)
        done(postgres, f"create database {CODED} owner app")
        done(postgres, SETUP + CODE, CODED)
        yield postgres


@pytest.fixture
def postgres(shared_postgres):
    begin_anew(shared_postgres, FRESH)
    done(shared_postgres, FRESH, CODED)
    return shared_postgres


def rows_until(client, count: int) -> List[Message]:
    """What comes up to that many rows."""
    heard: List[Message] = []
    while sum(each.type == "D" for each in heard) < count:
        heard.append(client.read())
    return heard


def lost_after_rows(postgres, client, octets: bytes, lose, change: str = "") -> List[Message]:
    """All it hears, when it is lost behind 300 rows or more, and `change` has been done."""
    client.send(octets)
    heard = rows_until(client, 300)
    for dbname in ["app", CODED]:
        done(postgres, f"insert into delivered.quick values (1); {change}", dbname)
    lose()
    return [*heard, *client.read_until_ready()]


@pytest.mark.parametrize("way", WAYS)
def test_rows_go_on_where_they_were_lost(postgres, proxy, way):
    client = victim_of(proxy)
    if KEPT.encode() in WAYS[way](SLOW):
        prepare(client, SLOW)
    heard = lost_after_rows(
        postgres, client, WAYS[way](SLOW), lambda: terminate(postgres, backend_of(postgres))
    )
    assert first_column(heard) == COUNTED
    assert types(heard).replace("D", "") in ("TCZ", "12CZ", "1tT2TCZ", "1tT2CZ", "2CZ", "tT2TCZ")
    assert heard[-2].body == b"SELECT 1000\0"
    assert first_column(client.query("select 'goes on'")) == ["goes on"]


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("octets", [query(SLOW), extended(SLOW) + SYNC], ids=["simple", "extended"])
def test_rows_go_on_after_a_cut(postgres, relay, cuttable, how, octets):
    client = victim_of(cuttable)
    heard = lost_after_rows(postgres, client, octets, lambda: relay.cut(how))
    assert first_column(heard) == COUNTED
    terminate(postgres, orphan(postgres))
    wait_for_losses(cuttable, **{READ_ONLY: 1})


def orphan(postgres) -> int:
    """The backend that still computes, though nobody listens."""
    ((pid,),) = asked(
        postgres,
        "select pid from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()"
        " and query like '%1000000000000%'",
    )
    return pid


def test_rows_go_on_behind_those_that_a_client_did_not_read(postgres, proxy):
    """Its backend waits for it, and so ends in the middle of a row, without a word."""
    text = "select i, repeat('x', 1000) from generate_series(1, 30000) i"
    client = victim_of(proxy)
    for octets in [query(text), extended(text) + SYNC]:
        client.send(octets)
        heard = rows_until(client, 100)
        terminate(postgres, wait_until_blocked(postgres, "wait_event = 'ClientWrite'"))
        heard += client.read_until_ready()
        assert first_column(heard) == [str(n) for n in range(1, 30001)]
        assert {len(each.body) for each in heard if each.type == "D"} <= set(range(1009, 1020))
    wait_for_losses(proxy, **{READ_ONLY: 2})


def test_rows_that_are_others_the_second_time_are_told(postgres, proxy):
    """Its client would have had half of each."""
    client = victim_of(proxy)
    text = SLOW.replace("i, case", "(select word from delivered.words), case")
    heard = lost_after_rows(
        postgres, client, query(text), lambda: terminate(postgres, backend_of(postgres)),
        "update delivered.words set word = 'another'",
    )  # fmt: skip
    assert error_of(heard)["C"] == "40001"
    assert heard[-1].body == b"I"
    assert set(first_column(heard)) == {"one"}
    assert first_column(client.query("select 'goes on'")) == ["goes on"]


# What writes.


@pytest.mark.parametrize("way", ["simple", "extended"])
def test_rows_of_what_writes_are_told_only_once(postgres, start_pgballast, mode, way):
    """It was rolled back, which its client is told, and may do it again itself."""
    dsn = make_dsn(postgres.dsn, dbname=CODED)
    proxy = start_pgballast(dsn, mode=mode, pool={"max": 2}, admin=True)
    client = victim_of(proxy)
    text = SLOW.replace("select i, ", "select delivered.note(i), ")
    heard = lost_after_rows(
        postgres, client, WAYS[way](text), lambda: terminate(postgres, backend_of(postgres))
    )
    assert error_of(heard)["C"] == "40001"
    assert heard[-1].body == b"I"
    assert asked(postgres, "select count(*) from delivered.written", CODED) == [(0,)]
    assert first_column(client.query("select 'goes on'")) == ["goes on"]
    wait_for_losses(proxy, told_40001=1)


def test_what_has_written_and_waits_for_its_client_is_unknown(postgres, proxy):
    """All is written before the first row is sent; its backend ends in the middle of a row."""
    client = victim_of(proxy)
    client.send(query(
        "insert into delivered.written select generate_series(1, 30000)"
        " returning x, repeat('x', 1000)"
    ))  # fmt: skip
    heard = rows_until(client, 100)
    terminate(postgres, wait_until_blocked(postgres, "wait_event = 'ClientWrite'"))
    heard += client.read_until_ready()
    found = first_column(heard)
    assert found == [str(n) for n in range(1, len(found) + 1)] and len(found) < 30000
    check_unknown(client, [each for each in heard if each.type in "EZ"])
    assert asked(postgres, "select count(*) from delivered.written") == [(0,)]
