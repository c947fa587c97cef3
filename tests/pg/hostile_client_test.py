"""Clients that mean harm, or are broken, once they have logged in: what they do stays theirs.

A client that does not read a large result and one that vanishes from it are in
protocol_test.py, cancel requests that miss in cancel_test.py; logins in hostile_login_test.py.
"""

import contextlib
import os
import pathlib
import socket
import struct

import pytest
from hostile import BAD_LENGTHS, unharmed
from neonsim import wait_until
from plainclient import (
    SYNC,
    TERMINATE,
    PlainClient,
    copy_data,
    error_of,
    extended,
    first_column,
    query,
)
from queries import rows, run, value
from rawclient import message


@pytest.fixture
def proxy(postgres, start_pgballast, io):
    """No more backends than two for an attacker and the bystander."""
    return start_pgballast(postgres.dsn, io=io, pool={"max": 3})


@pytest.mark.parametrize("length", BAD_LENGTHS[1::2])
@pytest.mark.parametrize("when", ["idle", "in a transaction", "in a query", "in a COPY"])
def test_a_length_that_is_none_ends_the_connection_and_nothing_else(proxy, postgres, length, when):
    with unharmed(proxy):
        client = proxy.raw(application_name="hostile")
        begin_to(client, when)
        client.send(b"Q" + struct.pack("!I", length))
        messages, end = client.read_to_end()
        assert error_of(messages)["C"] == "08P01"
        assert end == "fin"
        proxy.wait_for_line(
            'client closed database=app address=127.0.0.1:[0-9]+ sqlstate=08P01 '
            'cause="invalid message length"'
        )
        wait_until(lambda: leaves_nothing_behind(postgres))


def begin_to(client: PlainClient, when: str) -> None:
    if when == "in a transaction":
        client.query("begin; create temp table t (x int)")
    elif when == "in a query":
        client.send_query("select pg_sleep(1)")
    elif when == "in a COPY":
        client.query("begin; create temp table t (x int)")
        client.send_query("copy t from stdin")
        assert client.read().type == "G"


def leaves_nothing_behind(postgres) -> bool:
    busy = "application_name = 'hostile' and state <> 'idle'"
    return rows(postgres.connect(), f"select from pg_stat_activity where {busy}") == []


@pytest.mark.parametrize("kind", [b"\0", b"p", b"\xff"], ids=repr)
def test_an_unknown_type_of_message_is_named(proxy, kind):
    with unharmed(proxy):
        client = proxy.raw()
        client.send(query("select 'answered'") + kind + struct.pack("!i", 4))
        messages, end = client.read_to_end()
        assert error_of(messages)["M"] == f"invalid frontend message type {kind[0]}"
        proxy.wait_for_line(f'client closed .*cause="invalid frontend message type {kind[0]}"')


def test_copy_data_without_a_copy_is_passed_over_as_postgres_does(proxy):
    with unharmed(proxy):
        client = proxy.raw()
        for _ in range(200):
            client.send(copy_data(bytes(60_000)) + message("c", b"") + message("f", b"why\0"))
        assert first_column(client.query("select 'on'")) == ["on"]
        client.query("begin")  # now there is a backend that could be sent it
        for _ in range(200):
            client.send(copy_data(bytes(60_000)) + message("c", b"") + message("f", b"why\0"))
        assert first_column(client.query("select 'on'")) == ["on"]
        client.close()


def test_zero_octets_within_a_text_are_the_servers_to_refuse(proxy):
    client = proxy.raw()
    for octets in [
        message("Q", b"select 1\0; select 2\0"),
        message("P", b"\0select 1\0\0\0\0\0") + SYNC,
        message("Q", b""),
        message("Q", b"select 1"),
    ]:
        client.send(octets)
        assert error_of(client.read_until_ready())["C"] == "08P01"
    assert first_column(client.query("select 'on'")) == ["on"]


GOODBYES = {
    "idle": b"",
    "cut short": TERMINATE[:3],
    "behind a query": query("select 1 from generate_series(1, 100000)"),
    "within a segment": extended("select 1"),
    "within a message": query("select 1")[:-2],
    "within a transaction": query("begin; lock table wanted"),
    "within a failed transaction": query("begin; lock table wanted; select 1/0"),
    "within a COPY": query("begin; lock table wanted; copy wanted from stdin") + copy_data(b"1"),
}


@pytest.mark.parametrize("end", ["Terminate", "FIN", "RST"])
@pytest.mark.parametrize("sent", GOODBYES.values(), ids=GOODBYES)
def test_whoever_leaves_in_an_odd_moment_leaves_nothing_locked(proxy, postgres, sent, end):
    run(postgres.connect(), "create table if not exists wanted (x int); grant all on wanted to app")
    with unharmed(proxy):
        client = proxy.raw(application_name="hostile")
        client.send(sent + (TERMINATE if end == "Terminate" else b""))
        if end == "RST":
            client.reset()
        else:
            client.close()
        wait_until(lambda: leaves_nothing_behind(postgres))
        # All that the pool has can be lent again.
        others = [proxy.connect() for _ in range(2)]
        for each in others:
            run(each, "begin; lock table wanted; commit")
            each.close()


FLOODS = {
    "queries": query("select 'longer than what asks for it' from generate_series(1, 9)"),
    "small queries": query(""),
    "syncs": SYNC,
    "a pipeline": extended("select $1::text", "x" * 100) + SYNC,
    "a segment without end": extended("select $1::text", "x" * 100),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_who_asks_without_end_and_reads_nothing_is_stopped(proxy, postgres, flood):
    with unharmed(proxy):
        client = proxy.raw(application_name="hostile")
        send_until_stopped(client, flood)
        client.reset()
        wait_until(lambda: leaves_nothing_behind(postgres))


def send_until_stopped(client: PlainClient, octets: bytes) -> None:
    """Until nobody has taken anything for a while, or the connection is ended."""
    client.socket.settimeout(0.5)
    batch = octets * (1 + 65536 // len(octets))
    sent = 0
    with contextlib.suppress(TimeoutError, ConnectionError):
        while True:
            sent += client.socket.send(batch)
            assert sent < 200 << 20


def test_who_is_turned_out_and_does_not_read_is_forgotten(proxy, postgres):
    """Its last words are kept for it for a few seconds, and then its socket is closed."""
    with unharmed(proxy):
        clients = [proxy.raw() for _ in range(2)]
        for each in clients:
            each.send_query("select repeat('y', 50000000)")
            each.send(b"?" + struct.pack("!i", 4))
        wait_until(lambda: proxy.count('client closed .*cause=') >= 2)
    for each in clients:
        each.close()


def test_a_client_that_vanishes_will_be_found_out(proxy):
    """By keepalive, within a minute: too long to wait for here."""
    client = proxy.raw()
    assert keepalive_left(client.socket.getsockname()[1], proxy.port) <= 30


def keepalive_left(client_port: int, server_port: int) -> float:
    """Seconds until a server's socket probes its client: proc_net_tcp(5) of the kernel."""
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, _, _, timer, *_ = line.split()
        ports = [int(each.split(":")[1], 16) for each in (here, there)]
        if ports == [server_port, client_port]:
            kind, ticks = timer.split(":")
            assert kind == "02", f"no keepalive: {line}"
            return int(ticks, 16) / os.sysconf("SC_CLK_TCK")
    raise AssertionError("no such connection")


# The client's settings and pgballast's own queries.


def test_a_search_path_leads_no_query_of_our_own_astray(neonsim, start_pgballast):
    """CVE-2025-12819 of another pooler: the client's search_path names a schema in which
    everything that such queries use is somebody's own."""
    owner = neonsim.connect()
    run(owner, "drop schema if exists evil cascade; create schema evil; create sequence evil.hits")
    proxy = start_pgballast(neonsim.dsn, mode="session")
    bait = """
        create function evil.{name}({arguments}) returns {result} language sql volatile as
            $$ select pg_catalog.nextval('evil.hits'); select null::{result} $$"""
    for name, arguments, result in [
        ("set_config", "text, text, boolean", "text"),
        ("decode", "text, text", "bytea"),
        ("convert_from", "bytea, name", "text"),
        ("getdatabaseencoding", "", "name"),
        ("pg_get_expr", "pg_catalog.pg_node_tree, oid", "text"),
        ("pg_get_constraintdef", "oid", "text"),
        ("regexp_matches", "text, text, text", "text[]"),
        ("strpos", "text, text", "integer"),
        ("to_jsonb", "anyelement", "jsonb"),
        ("jsonb_object_field_text", "jsonb, text", "text"),
        ("sha256", "bytea", "bytea"),
        ("string_agg", "text, text", "text"),
        ("concat", "text, text, text", "text"),
        ("at_least", "oid, integer", "boolean"),
        ("equal", "\"char\", \"char\"", "boolean"),
    ]:
        run(owner, bait.format(name=name, arguments=arguments, result=result))
    run(
        owner,
        "create operator evil.>= (leftarg = oid, rightarg = int, function = evil.at_least);"
        'create operator evil.= (leftarg = "char", rightarg = "char", function = evil.equal)',
    )
    for table in ["pg_proc", "pg_rewrite", "pg_cast", "pg_type", "pg_constraint", "pg_attrdef"]:
        run(
            owner,
            f"create view evil.{table} as"
            f" select nextval('evil.hits') as n, oid from pg_catalog.{table}",
        )
    try:
        client = proxy.raw(search_path="evil, pg_catalog", geqo_seed="0.5", DateStyle="German")
        client.query("select 1")
        client.query("set application_name to 'm\u00fcller'")
        neonsim.suspend()
        proxy.wait_for_line("pool stale")
        assert first_column(client.query("select 1")) == ["1"]
        assert value(neonsim.connect(), "select is_called from evil.hits") is False
    finally:
        run(neonsim.connect(), "drop schema evil cascade")
