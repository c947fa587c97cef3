"""An open block whose backend is lost between two requests: what its client is told, when, and
how it goes on, on the same connection. aborted_block_walk_test.py compares what comes later with
PostgreSQL; lost in the middle of a request: aborted_block_in_use_test.py.
"""

import pytest
from blocks import SETUP, WRITE, check_goes_on, in_block, status
from losing import answers, asked, begin_anew, done, lose_idle, noticed, victim_of
from losses import wait_for_losses
from plainclient import (
    FLUSH, SYNC, TERMINATE, bind, describe_statement, error_of, execute, extended, first_column,
    parse, query, types,
)  # fmt: skip
from postgres import Postgres


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


# Lost between two requests. What the next one is told: types, SQLSTATE, and whether the client
# is still in the block.

FAILS, COMMITS = ("EZ", "40001", b"E"), ("EZ", "40001", b"I")
NEXT = {
    **{text: (query(text), FAILS) for text in [
        "select 1", WRITE, "savepoint a", "rollback to a", "rollback to savepoint a", "release a",
        "prepare transaction 'x'", "begin", "selec", "select 1; rollback", "copy blocks.written"
        " from stdin", "savepoint a; commit", "rollback prepared 'x'", "rollback to a; commit",
    ]},
    **{text: (query(text), COMMITS) for text in [
        "commit", "END", "commit work;", "/* ; */ Commit -- rollback", "commit; select 1",
        "commit and chain", "end transaction and no chain",
    ]},
    **{text: (query(text), ("CZ", None, b"I")) for text in [
        "rollback", "ABORT", "rollback work ;", "-- commit\nrollback and no chain",
    ]},
    "rollback and chain": (query("rollback and chain"), ("CZ", None, b"T")),
    "rollback; select 7": (query("rollback; select 7"), ("CTDCZ", None, b"I")),
    "rollback; begin": (query("rollback; begin"), ("CCZ", None, b"T")),
    "extended select": (extended("select 1") + SYNC, FAILS),
    "extended rollback to": (extended("rollback to a") + SYNC, FAILS),
    "extended savepoint": (extended("savepoint a") + SYNC, FAILS),
    "extended rollback": (extended("rollback") + SYNC, ("12CZ", None, b"I")),
    "named insert": (bind(statement="w") + execute() + SYNC, FAILS),
    "named rollback": (bind(statement="r") + execute() + SYNC, ("2CZ", None, b"I")),
    "select and rollback before one Sync": (
        extended("select 1") + extended("rollback") + SYNC, FAILS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("octets, expected", NEXT.values(), ids=NEXT)
def test_the_next_request_after_the_loss_is_told(
    postgres, start_pgballast, mode, octets, expected
):
    proxy = start_pgballast(postgres.dsn, mode=mode, pool={"max": 2}, admin=True)
    client = in_block(proxy)
    lose_idle(postgres, proxy)
    assert client.is_silent()
    client.send(octets)
    told = client.read_until_ready()
    sqlstate = error_of(told)["C"] if "E" in types(told) else None
    assert (types(told), sqlstate, status(told)) == expected
    if status(told) != b"I":
        assert status(client.query("select 1")) == status(told)
        told = client.query("rollback")
    assert client.is_silent()
    if "E" not in types(told) and "C" in types(told):
        assert b"ROLLBACK\0" in [each.body for each in told if each.type == "C"]
    check_goes_on(postgres, client)


@pytest.mark.parametrize("by_name", [False, True])
def test_a_commit_in_the_extended_protocol_is_told(postgres, proxy, by_name):
    """At which of its messages is not said."""
    client = in_block(proxy)
    lose_idle(postgres, proxy)
    client.send((bind(statement="c") + execute() if by_name else extended("commit")) + SYNC)
    told = client.read_until_ready()
    assert types(told) in ("EZ", "1EZ", "12EZ", "2EZ")
    assert (error_of(told)["C"], error_of(told)["S"], status(told)) == ("40001", "ERROR", b"I")
    check_goes_on(postgres, client)
    wait_for_losses(proxy, told_40001=1)


# Drivers that describe a statement before they bind it (asyncpg) do so with ROLLBACK, too.


def describe(client, text: str) -> str:
    client.send(parse(text) + describe_statement() + FLUSH)
    return "".join(client.read().type for _ in "1tn")


@pytest.mark.parametrize("when", ["before Parse", "before Bind"])
@pytest.mark.parametrize("failed", [False, True])
def test_a_rollback_that_is_described_first_is_one(postgres, proxy, when, failed):
    client = in_block(proxy)
    if failed:
        assert error_of(client.query("selec"))["C"] == "42601"
    if when == "before Parse":
        lose_idle(postgres, proxy)
    assert describe(client, "rollback") == "1tn"
    if when == "before Bind":
        lose_idle(postgres, proxy)
        assert client.is_silent(0.1)
    client.send(bind() + execute() + SYNC)
    told = client.read_until_ready()
    assert (types(told), told[1].body, status(told)) == ("2CZ", b"ROLLBACK\0", b"I")
    check_goes_on(postgres, client)


def test_nothing_is_said_of_the_loss_before_the_next_request(postgres, proxy):
    client = in_block(proxy)
    lose_idle(postgres, proxy)
    assert client.is_silent(0.3)
    assert error_of(client.query("select 1"))["C"] == "40001"
    assert client.is_silent()
    assert error_of(client.query("select 1"))["C"] == "25P02"
    assert status(client.query("commit")) == b"I"
    check_goes_on(postgres, client)


def test_a_block_that_has_failed_before_is_lost_without_a_word(postgres, proxy):
    """Its client knows already that it has to be rolled back."""
    client = in_block(proxy)
    assert error_of(client.query("select 1/0"))["C"] == "22012"
    lose_idle(postgres, proxy)
    assert error_of(client.query("select 1"))["C"] in ("25P02", "40001")
    told = client.query("commit")
    assert (types(told), told[0].body, status(told)) == ("CZ", b"ROLLBACK\0", b"I")
    check_goes_on(postgres, client)


def test_a_block_that_the_server_ends_for_being_idle_is_as_lost_as_any(postgres, proxy):
    """FATAL 25P03."""
    client = in_block(proxy)
    with noticed(proxy):
        client.query("set local idle_in_transaction_session_timeout to '50ms'")
    told = client.query("select 1")
    assert (error_of(told)["C"], status(told)) == ("40001", b"E")
    assert status(client.query("rollback")) == b"I"
    check_goes_on(postgres, client)


# What is written in the block that is lost is not there, whatever stands around it.

INTO_THE_VOID = [
    WRITE, "rollback to a", f"rollback to savepoint a; {WRITE}", "savepoint b", WRITE, "release b",
    f"release a; {WRITE}; commit", f"{WRITE}; commit", "rollback to b", WRITE,
    f"begin; {WRITE}; commit", "prepare transaction 'void'", f"select 1; {WRITE}", "rollbac", WRITE,
]  # fmt: skip


def test_what_is_written_after_the_loss_is_not_there(postgres, proxy):
    client = in_block(proxy)
    client.query("savepoint a")
    lose_idle(postgres, proxy)
    told = [client.query(text) for text in INTO_THE_VOID]
    client.send(b"".join(extended(text) + SYNC for text in INTO_THE_VOID if ";" not in text))
    told += [client.read_until_ready() for text in INTO_THE_VOID if ";" not in text]
    assert [error_of(each)["C"] for each in told] == ["40001"] + ["25P02"] * (len(told) - 1)
    assert {status(each) for each in told} == {b"E"}
    told = client.query("commit")
    assert (types(told), told[0].body) == ("CZ", b"ROLLBACK\0")
    check_goes_on(postgres, client)


def test_a_message_may_be_large_or_come_octet_by_octet(postgres, proxy):
    client = in_block(proxy)
    lose_idle(postgres, proxy)
    large = f"select '{'x' * 3_000_000}'"
    for octets in [query(large), extended(large), extended("select $1", "y" * 3_000_000)]:
        client.send(octets if octets[:1] == b"Q" else octets + SYNC)
        assert error_of(client.read_until_ready())["C"] in ("40001", "25P02")
    for octet in extended(WRITE) + SYNC + query("select 'slow'") + query("rollback"):
        client.send(bytes([octet]))
    assert types(answers(client, 3)) == "EZEZCZ"
    check_goes_on(postgres, client)


def test_the_client_may_leave(postgres, proxy):
    client = in_block(proxy)
    lose_idle(postgres, proxy)
    client.query("select 1")
    client.send(TERMINATE)
    assert client.read_to_end() == ([], "fin")
