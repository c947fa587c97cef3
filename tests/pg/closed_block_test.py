"""Losses that close a client's connection: of what cannot be carried over, whatever stands
around it, and of an open block where the option asks for that.
"""

import pytest
from blocks import ROWS, SETUP, UPDATE, WRITE, count, in_block
from losing import (
    Lock, begin_anew, done, interrupted, lose_idle, terminate, victim_of,
    wait_until_blocked, wait_until_quiet,
)  # fmt: skip
from losses import wait_for_losses
from plainclient import error_of, first_column, query, types
from postgres import Postgres

# The key of `retry` that says what becomes of the client of a lost block: abort or close.
LOST_TRANSACTION = "lost_transaction"


@pytest.fixture(scope="module")
def shared_postgres():
    """One of our own: a lost block may have called what functions there are."""
    with Postgres() as postgres:
        done(postgres, SETUP)
        yield postgres


@pytest.fixture
def postgres(shared_postgres):
    begin_anew(shared_postgres, "truncate blocks.written")
    return shared_postgres


PINS = {
    "advisory lock": "select pg_advisory_lock(42)",
    "temporary table": "create temp table mine as select 1 as x",
    "cursor": "declare held cursor with hold for select 1",
}


def farewell(client, *texts: str) -> dict:
    """What it is told before its connection ends: at once, or in answer to one of these."""
    told = []
    try:
        for text in texts:
            client.send_query(text)
            told.append(client.read())
            while told[-1].type != "Z":
                told.append(client.read())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        told += client.read_to_end()[0]
    assert client.end in ("fin", "rst")
    assert "D" not in types(told)
    return [each.fields() for each in told if each.type == "E"][-1]


@pytest.mark.parametrize("what", PINS)
@pytest.mark.parametrize("mode", ["auto", "session"])
def test_what_a_session_had_pinned_before_its_block_is_named(postgres, start_pgballast, mode, what):
    """The block may be told of first."""
    proxy = start_pgballast(postgres.dsn, mode=mode, pool={"max": 2}, admin=True)
    client = victim_of(proxy)
    client.query(PINS[what])
    wait_until_quiet(postgres)
    client.query("begin")
    lose_idle(postgres, proxy)
    told = farewell(client, "select 1", "rollback", "select 1")
    assert (told["S"], told["C"]) == ("FATAL", "57P01")
    assert what in told["D"]
    check_others_go_on(proxy)


def check_others_go_on(proxy) -> None:
    assert first_column(proxy.raw().query("select 'goes on'")) == ["goes on"]


def closing(postgres, start_pgballast, mode):
    return start_pgballast(
        postgres.dsn, mode=mode, pool={"max": 2}, retry={LOST_TRANSACTION: "close"}, admin=True
    )


@pytest.mark.parametrize("text", ["select 1", "commit", "rollback", "savepoint a"])
def test_the_option_closes_instead(postgres, start_pgballast, mode, text):
    proxy = closing(postgres, start_pgballast, mode)
    client = in_block(proxy)
    lose_idle(postgres, proxy)
    told = farewell(client, text)
    assert (told["S"], told["C"]) == ("FATAL", "57P01")
    assert count(postgres) == 0
    check_others_go_on(proxy)
    wait_for_losses(proxy, closed_57P01=1)


def test_the_option_closes_in_the_middle_of_a_statement_too(postgres, start_pgballast, mode):
    proxy = closing(postgres, start_pgballast, mode)
    client = in_block(proxy)
    lock = Lock(postgres, ROWS)
    client.send(query(UPDATE))
    terminate(postgres, wait_until_blocked(postgres))
    lock.release()
    messages, end = client.read_to_end()
    told = error_of(messages)
    assert (told["S"], told["C"], end) == ("FATAL", "57P01", "fin")
    assert count(postgres) == 0


def test_the_option_changes_nothing_outside_of_blocks(postgres, start_pgballast, mode):
    proxy = closing(postgres, start_pgballast, mode)
    client = victim_of(proxy)
    client.query("select 1")
    wait_until_quiet(postgres)
    lose_idle(postgres, proxy)
    assert types(client.query(WRITE)) == "CZ"
    assert types(interrupted(postgres, client, query(UPDATE), ROWS)) == "CZ"
    done(postgres, "update blocks.rows set n = 0")
