"""Pings and resets of drivers' pools: answered as PostgreSQL does, and no compute wakes."""

import struct

import pytest
from neonsim import wait_until
from plainclient import (
    FLUSH,
    SYNC,
    bind,
    describe_portal,
    describe_statement,
    execute,
    first_column,
    parse,
    query,
)
from queries import run
from rawclient import RawClient, message

ASYNCPG_RESET = "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;"
NPGSQL_RESET = (
    "CLOSE ALL;RESET SESSION AUTHORIZATION;RESET ALL;UNLISTEN *;SELECT pg_advisory_unlock_all();"
    "DISCARD SEQUENCES;DISCARD TEMP"
)
PINGS = ["", ";", "-- ping", "SELECT 1", "select 1;"]
RESETS = [
    "DISCARD ALL", "DISCARD PLANS", "ROLLBACK", "abort", "UNLISTEN *", "CLOSE ALL", "DEALLOCATE ALL",
    "SET SESSION AUTHORIZATION DEFAULT", "RESET ALL", ASYNCPG_RESET, NPGSQL_RESET,
]  # fmt: skip
IN_BINARY = message("B", b"\0\0" + struct.pack("!hhhh", 0, 0, 1, 1))


def segments(text: str) -> list:
    """The ways in which drivers ask that in the extended protocol."""
    return [
        parse(text) + bind() + describe_portal() + execute() + SYNC,
        parse(text) + describe_statement() + FLUSH + bind() + execute() + SYNC,
        parse(text) + IN_BINARY + describe_portal() + execute() + SYNC,
        parse(text) + describe_statement() + SYNC,
    ]


REQUESTS = [query(text) for text in PINGS + RESETS]
REQUESTS += [each for text in PINGS + RESETS if ";\n" not in text and "L;" not in text
             for each in segments(text)]  # fmt: skip


def heard(client: RawClient, request: bytes) -> list:
    """All of it; of a warning what a client may rely on."""
    client.send(request)
    told = client.read_until_ready()
    return [
        (each.type, [each.fields()[key] for key in "SVCM"] if each.type == "N" else each.body)
        for each in told
    ]


@pytest.fixture
def start(neonsim, start_pgballast, io):
    """With one backend: no second one is on its way when the compute goes."""
    return lambda **options: start_pgballast(neonsim.dsn, io=io, pool={"max": 1}, **options)


def suspend(neonsim, proxy) -> int:
    """Returns how often the compute has been woken, once pgballast knows that it sleeps."""
    neonsim.suspend()
    proxy.wait_for_line("pool stale")
    return neonsim.stats()["wakes"]


@pytest.mark.parametrize("mode", ["auto", "session", "transaction"])
def test_pings_and_resets_are_answered_as_postgres_does_and_wake_nobody(neonsim, start, mode):
    awake = start(mode=mode).raw()
    expected = [heard(awake, request) for request in REQUESTS]
    proxy = start(mode=mode, answer_pings="select1", admin=True)
    client = proxy.raw()
    heard(client, query("select 2"))
    wakes = suspend(neonsim, proxy)
    for request, should in zip(REQUESTS, expected):
        assert heard(client, request) == should, request
    assert neonsim.stats()["wakes"] == wakes
    client.send(query("select 'on'"))
    assert first_column(client.read_until_ready()) == ["on"]
    assert neonsim.stats()["wakes"] == wakes + 1


def test_select_1_is_the_databases_to_answer_unless_told_otherwise(neonsim, start):
    proxy = start()
    client = proxy.connect()
    run(client, "select 2")
    wakes = suspend(neonsim, proxy)
    run(client, "discard all")
    assert neonsim.stats()["wakes"] == wakes
    run(client, "select 1")
    assert neonsim.stats()["wakes"] == wakes + 1


def test_nothing_is_answered_where_that_is_switched_off(neonsim, start):
    proxy = start(answer_pings="off")
    client = proxy.connect()
    run(client, "select 2")
    wakes = suspend(neonsim, proxy)
    run(client, "discard all")
    assert neonsim.stats()["wakes"] == wakes + 1


def test_what_a_session_has_set_is_reset_by_its_own_backend(neonsim, start):
    proxy = start(mode="auto")
    client = proxy.raw(application_name="at login")
    client.query("set application_name to 'changed'")
    client.query("select 2")
    neonsim.suspend()
    proxy.wait_for_line("pool stale")
    assert first_column(client.query("show application_name")) == ["changed"]
    neonsim.suspend()
    wait_until(lambda: proxy.count("pool stale") >= 2)
    client.query("reset all")
    assert first_column(client.query("show application_name")) == ["at login"]
