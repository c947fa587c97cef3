"""Logins that mean harm, or are broken: what they do stays theirs.

Decoders meet every octet and every length in tests/unit/wire, tests/unit/auth and
tests/unit/proxy/client_login_test.cpp, and in tests/fuzz; the limits of users and databases
and what is injected behind an SSLRequest are in client_tls_test.py. Here the program as a
whole is attacked: memory stays bounded, the log says what happened, and others are served
meanwhile. Those who have logged in are in hostile_client_test.py.
"""

import contextlib
import random
import socket
import struct
import threading
from typing import Iterator

import pytest
from hostile import BAD_LENGTHS, unharmed
from neonsim import wait_until
from plainclient import CANCEL_REQUEST_CODE, TERMINATE, PlainClient, Refused, error_of, query, types
from pgballast import Pgballast
from queries import stays, value
from rawclient import SSL_REQUEST_CODE, message, request_packet, startup_packet

USER = {"user": "app", "database": "app"}
STARTUP = startup_packet(3 << 16, **USER)


@pytest.fixture(scope="module")
def calm_pgballast(shared_postgres) -> Iterator[Pgballast]:
    with Pgballast(shared_postgres.dsn, pool={"max": 3}) as proxy:
        yield proxy


@pytest.fixture
def calm_proxy(postgres, calm_pgballast):
    """One for all attacks that come no further than the control plane."""
    return calm_pgballast


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
