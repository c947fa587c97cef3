"""Clients that mean harm, or are broken: what they do stays theirs.

Decoders meet every octet and every length in tests/unit/wire, tests/unit/auth and
tests/unit/proxy/client_login_test.cpp, and in tests/fuzz; a client that does not read a large
result and one that vanishes from it are in protocol_test.py, the limits of users and databases
and what is injected behind an SSLRequest in client_tls_test.py, cancel requests that miss in
cancel_test.py. Here the program as a whole is attacked: memory stays bounded, the log says what
happened, and others are served meanwhile.
"""

import contextlib
import os
import pathlib
import random
import socket
import struct
import threading
from typing import Iterator

import pytest
from hostile import unharmed
from neonsim import wait_until
from plainclient import (
    CANCEL_REQUEST_CODE,
    SYNC,
    TERMINATE,
    PlainClient,
    Refused,
    copy_data,
    error_of,
    extended,
    first_column,
    query,
    types,
)
from pgballast import Pgballast
from queries import rows, run, stays, value
from rawclient import (
    SSL_REQUEST_CODE,
    message,
    request_packet,
    startup_packet,
)

USER = {"user": "app", "database": "app"}
STARTUP = startup_packet(3 << 16, **USER)
BAD_LENGTHS = [0, 3, 2**31 - 1, 2**32 - 1]


@pytest.fixture
def proxy(postgres, start_pgballast, io):
    """No more backends than two for an attacker and the bystander."""
    return start_pgballast(postgres.dsn, io=io, pool={"max": 3})


def connect(proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), 60)


def ending(proxy, *octets: bytes) -> tuple:
    """The error that a client is told when it sends these, and how its connection ends."""
    client = PlainClient(proxy.port)
    with contextlib.suppress(ConnectionError):  # it has seen enough already
        for each in octets:
            client.send(each)
    messages, end = client.read_to_end()
    return [each for each in messages if each.type == "E"], end


# Before the login.

TOO_LONG = 'login rejected .*cause="it took longer than limits.login_timeout"'


def slow_loris(proxy, count: int) -> None:
    """So many clients that send one octet at a time, until each has been cut off."""
    pending = [connect(proxy) for _ in range(count)]
    sent = 0
    while pending:
        for each in list(pending):
            try:
                each.sendall(STARTUP[sent : sent + 1])
                each.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    if not each.recv(1):
                        raise ConnectionError
                each.setblocking(True)
            except ConnectionError:
                each.close()
                pending.remove(each)
        sent = (sent + 1) % (len(STARTUP) - 1)
        assert stays(lambda: True, 0.05)


@pytest.mark.parametrize(
    "begin", [b"", STARTUP, request_packet(SSL_REQUEST_CODE), b"\x16\x03\x01"], ids=repr
)
def test_a_login_that_does_not_get_on_is_cut_off(postgres, start_pgballast, authority, begin):
    proxy = start_pgballast(
        postgres.dsn,
        limits={"login_timeout": "500ms"},
        client_tls={"cert": str(authority.directory / "server.pem")},
    )
    with unharmed(proxy):
        idlers = [connect(proxy) for _ in range(50)]
        for each in idlers:
            each.sendall(begin)
        for each in idlers:
            while each.recv(1000):
                pass
        wait_until(lambda: proxy.count(TOO_LONG) == 50)


def test_a_login_octet_by_octet_is_cut_off(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn, limits={"login_timeout": "500ms"})
    with unharmed(proxy):
        slow_loris(proxy, 50)
        wait_until(lambda: proxy.count(TOO_LONG) == 50)


def test_logins_that_do_not_get_on_make_room_for_others(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn, limits={"clients": 20})
    with unharmed(proxy):
        idlers = [connect(proxy) for _ in range(20)]

        def let_in() -> bool:
            try:
                return types(proxy.raw().query("select 1")) == "TDCZ"
            except Refused as refused:
                assert refused.fields["C"] == "53300"
                return False

        wait_until(let_in, 10)
        proxy.wait_for_line('login rejected .*cause="it took long, and others want to log in')
        proxy.wait_for_line('login rejected .*sqlstate=53300 cause="sorry, too many clients')
        for each in idlers:
            each.close()


CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)

NO_STARTUPS = {
    "http": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "invalid length"),
    "smtp": (b"EHLO localhost\r\n", "invalid length"),
    "tls without SSLRequest": (CLIENT_HELLO, "invalid length"),
    "zeros": (bytes(20000), "invalid length"),
    "ones": (b"\xff" * 20000, "invalid length"),
    "a query": (query("select 1"), "invalid length"),
    **{
        f"length {length}": (struct.pack("!Ii", length, 3 << 16), "invalid length")
        for length in [0, 3, 7, 10001, 2**31 - 1, 2**31, 2**32 - 1]
    },
    "a length and no protocol": (struct.pack("!II", 8, 0), "unsupported frontend protocol 0.0"),
    "protocol 2": (startup_packet(2 << 16, **USER), "unsupported frontend protocol 2.0"),
    "protocol 65535": (startup_packet(-1, **USER), "unsupported frontend protocol 65535.65535"),
    "SSLRequest with a body": (request_packet(SSL_REQUEST_CODE, b"x"), "invalid length"),
    "a cancel without a key": (request_packet(CANCEL_REQUEST_CODE, b"\0\0\0\1"), "invalid length"),
    "a cancel with a long key": (request_packet(CANCEL_REQUEST_CODE, bytes(261)), "invalid length"),
    "no terminator": (struct.pack("!ii", 17, 3 << 16) + b"user\0app\0", "layout"),
    "a name without a value": (struct.pack("!ii", 13, 3 << 16) + b"user\0", "layout"),
    "a zero octet inside": (startup_packet(3 << 16, user="a\0\0pp"), "layout"),
    "a parameter twice": (
        struct.pack("!ii", 27, 3 << 16) + b"user\0app\0user\0app\0\0",
        "layout",
    ),
    "no user": (startup_packet(3 << 16, database="app"), "no PostgreSQL user name"),
    "replication": (startup_packet(3 << 16, replication="true", **USER), "replication"),
}


@pytest.mark.parametrize("octets, cause", NO_STARTUPS.values(), ids=NO_STARTUPS)
def test_what_is_no_startup_packet_is_refused_and_named(calm_proxy, octets, cause):
    with unharmed(calm_proxy):
        errors, end = ending(calm_proxy, octets)
        assert cause in error_of(errors)["M"]
        assert error_of(errors)["S"] == "FATAL"
        calm_proxy.wait_for_line(f'login rejected .*cause=".*{cause}')


def test_random_octets_do_no_harm(calm_proxy):
    draw = random.Random(20261124)
    with unharmed(calm_proxy):
        for _ in range(300):
            with connect(calm_proxy) as client:
                client.sendall(draw.randbytes(draw.randrange(1, 200)))


def test_a_startup_packet_cut_short_anywhere_does_no_harm(calm_proxy):
    with unharmed(calm_proxy):
        for size in range(len(STARTUP)):
            with connect(calm_proxy) as client:
                client.sendall(STARTUP[:size])
                client.shutdown(socket.SHUT_WR)
                assert client.recv(1) == b""


def sasl_initial(mechanism: bytes, response: bytes, size: int = None) -> bytes:
    size = len(response) if size is None else size
    return message("p", mechanism + b"\0" + struct.pack("!i", size) + response)


FIRST = sasl_initial(b"SCRAM-SHA-256", b"n,,n=,r=nonce")

NO_PASSWORDS = {
    **{
        f"length {length}": ([b"p" + struct.pack("!I", length)], "invalid message length")
        for length in BAD_LENGTHS
    },
    "overlong": ([message("p", bytes(1025))], "invalid message length"),
    "a query": ([query("select 1")], "expected password response, got message type 81"),
    "a terminate": ([TERMINATE], "expected password response, got message type 88"),
    "an empty answer": ([message("p", b"")], "malformed SASL response"),
    "a password": ([message("p", b"app-password\0")], "malformed SASL response"),
    "a size above what follows": (
        [sasl_initial(b"SCRAM-SHA-256", b"n,,n=,r=nonce", 2**31 - 1)],
        "malformed SASL response",
    ),
    "a negative size": ([sasl_initial(b"SCRAM-SHA-256", b"", -2)], "malformed SASL response"),
    "another mechanism": ([sasl_initial(b"PLAIN", b"\0app\0app-password")], "SCRAM failed"),
    "a mechanism not offered": (
        [sasl_initial(b"SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,,n=,r=nonce")],
        "SCRAM failed",
    ),
    "an overlong nonce": (
        [sasl_initial(b"SCRAM-SHA-256", b"n,,n=,r=" + b"n" * 1000)],
        "invalid message length",
    ),
    "a zero octet": ([sasl_initial(b"SCRAM-SHA-256", b"n,,n=,r=no\0nce")], "SCRAM failed"),
    "somebody else": ([sasl_initial(b"SCRAM-SHA-256", b"n,a=root,n=,r=nonce")], "SCRAM failed"),
    "a final message of its own": ([FIRST, message("p", b"c=biws,r=nonce,p=eA==")], "SCRAM failed"),
    "an empty final message": ([FIRST, message("p", b"")], "SCRAM failed"),
    "a final message that is overlong": ([FIRST, message("p", b"c" * 1025)], "invalid message"),
    "a first message twice": ([FIRST, FIRST], "SCRAM failed"),
}


@pytest.mark.parametrize("answers, cause", NO_PASSWORDS.values(), ids=NO_PASSWORDS)
def test_what_is_no_password_is_refused_and_named(calm_proxy, answers, cause):
    with unharmed(calm_proxy):
        errors, end = ending(calm_proxy, STARTUP, *answers)
        assert error_of(errors)["C"] == "08P01"
        assert cause in error_of(errors)["M"]
        calm_proxy.wait_for_line(f'login rejected user=app .*cause="{cause}')


@pytest.mark.parametrize("what", ["user", "database"])
def test_an_overlong_name_is_refused_as_any_that_is_not_known(calm_proxy, what):
    name = "n" * 9000
    with unharmed(calm_proxy):
        with pytest.raises(Refused) as refused:
            calm_proxy.raw(**{what: name})
        assert refused.value.fields["C"] == ("28P01" if what == "user" else "3D000")
        calm_proxy.wait_for_line(f"login rejected .*{what}={name}")


def test_a_name_cannot_forge_a_line_of_the_log(calm_proxy):
    with pytest.raises(Refused):
        calm_proxy.raw(user="nobody\nlogin user=admin \x1b[2J")
    calm_proxy.wait_for_line(r'login rejected user="nobody\\nlogin user=admin \\u001b\[2J"')
    assert calm_proxy.count("^login user=admin") == 0


def test_thousands_of_requests_for_tls_and_cancels_at_random_hit_nobody(postgres, calm_proxy):
    draw = random.Random(20261124)
    victim = calm_proxy.connect()
    answers = []

    def ask() -> None:
        answers.append(value(victim, "select 1 from pg_sleep(0.5)"))

    with unharmed(calm_proxy):
        asking = threading.Thread(target=ask)
        asking.start()
        for _ in range(1500):
            with connect(calm_proxy) as client:
                client.sendall(request_packet(CANCEL_REQUEST_CODE, draw.randbytes(8)))
                assert client.recv(1) == b""
            with connect(calm_proxy) as client:
                client.sendall(request_packet(SSL_REQUEST_CODE))
                assert client.recv(1) == b"N"
        asking.join()
    assert answers == [1]


def test_more_clients_than_the_limit_disturb_none_that_are_in(postgres, start_pgballast, io):
    proxy = start_pgballast(postgres.dsn, io=io, limits={"clients": 10}, pool={"max": 5})
    with unharmed(proxy):
        inside = [proxy.raw() for _ in range(9)]  # and the bystander
        for _ in range(100):
            with pytest.raises(Refused) as refused:
                proxy.raw()
            assert refused.value.fields["C"] == "53300"
        refusals = 'login rejected user=app .*sqlstate=53300 cause="sorry, too many'
        wait_until(lambda: proxy.count(refusals) == 100)
        for each in inside:
            assert types(each.query("select 1")) == "TDCZ"
            each.close()


def test_a_storm_of_logins_is_let_in_as_far_as_there_is_room(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn, limits={"clients": 50})
    with unharmed(proxy):
        storm = [PlainClient(proxy.port) for _ in range(300)]
        for each in storm:
            with contextlib.suppress(ConnectionError):
                each.send(STARTUP)
        first = [each.read() for each in storm]
        assert sum(1 for each in first if each.type == "R") >= 50
        assert {each.fields()["C"] for each in first if each.type == "E"} <= {"53300"}
        for each in storm:
            each.close()


def test_startup_parameters_without_end_are_the_clients_own_loss(calm_proxy):
    """As many as fit: the server knows none of them."""
    many = {f"x{number:04}": "1" for number in range(1000)}
    with unharmed(calm_proxy):
        client = calm_proxy.raw(**many)
        client.send_query("select 1")
        messages, end = client.read_to_end()
        assert error_of(messages)["C"] == "42704"
        calm_proxy.wait_for_line('client closed .*sqlstate=42704 cause="unrecognized configuration')


# After the login.


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
        ("regexp_replace", "text, text, text, text", "text"),
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
        client.send_query("select 1")
        client.read_to_end()  # it may have run code, for all that anybody knows
        assert value(neonsim.connect(), "select is_called from evil.hits") is False
    finally:
        run(neonsim.connect(), "drop schema evil cascade")


@pytest.fixture(scope="module")
def calm_pgballast(shared_postgres) -> Iterator[Pgballast]:
    with Pgballast(shared_postgres.dsn, pool={"max": 3}) as proxy:
        yield proxy


@pytest.fixture
def calm_proxy(postgres, calm_pgballast):
    """One for all attacks that come no further than the control plane."""
    return calm_pgballast
