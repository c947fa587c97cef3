"""Servers that lie: what they say harms neither pgballast nor the clients of other servers.

tests/unit/proxy/backend_login_test.cpp, connect_backend_test.cpp, tests/unit/auth and
tests/unit/session cut and change every message, tests/fuzz all of them; injected plaintext and
relays between TLS endpoints are there, too. Here whole connections are served by a liar: the
log names what it did, its clients are told within their time, others are served meanwhile.
"""

import base64
import contextlib
import struct
import threading
from typing import Iterator

import pytest
from hostile import unharmed
from lying_server import (
    KEY,
    WELCOME,
    LyingServer,
    answer,
    authentication,
    honest,
    notice,
    parameter,
    ready,
)
from neonsim import wait_until
from pgballast import Pgballast
from plainclient import (
    AUTH_OK,
    AUTH_SASL,
    AUTH_SASL_CONTINUE,
    AUTH_SASL_FINAL,
    Refused,
    error_of,
    first_column,
    query,
    types,
)
from queries import run, stays
from rawclient import message

AUTH_CLEARTEXT, AUTH_MD5, AUTH_GSS = 3, 5, 7
LET_IN = authentication(AUTH_OK)


def says(*octets: bytes):
    """A lie that needs no knowledge of what the other side says."""

    def lie(peer) -> None:
        for each in octets:
            peer.send(each)
        peer.wait_for_end()

    return lie


def scram(first: str, final: str = ""):
    """`first` with {nonce} in it; then, if there is one, a final message."""

    def lie(peer) -> None:
        nonce = peer.ask_for_scram()
        peer.send(authentication(AUTH_SASL_CONTINUE, first.format(nonce=nonce).encode()))
        if final:
            peer.read()
            peer.send(authentication(AUTH_SASL_FINAL, final.encode()) + LET_IN + WELCOME)
        peer.wait_for_end()

    return lie


def without_final(peer) -> None:
    nonce = peer.ask_for_scram()
    first = f"r={nonce}x,s=c2FsdA==,i=4096"
    peer.send(authentication(AUTH_SASL_CONTINUE, first.encode()))
    peer.read()
    peer.send(LET_IN + WELCOME)
    peer.wait_for_end()


def endlessly(octets: bytes, before: bytes = b""):
    def lie(peer) -> None:
        peer.send(before)
        peer.send_until_gone(octets)

    return lie


WRONG_SIGNATURE = base64.b64encode(bytes(32)).decode()
BROKEN = "the server does not keep to the protocol: "
SCRAM = "SCRAM with the server failed: "

LOGINS = {
    "closes at once": (lambda peer: None, "the server did not complete the login: "),
    "is silent": (says(), "the server did not complete the login: "),
    "closes when let in": (lambda peer: peer.send(LET_IN), "the server did not complete"),
    "closes before ready": (lambda peer: peer.send(LET_IN + KEY), "the server did not complete"),
    "http": (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), BROKEN),
    "zeros": (says(bytes(100)), BROKEN),
    **{
        f"length {length}": (says(b"R" + struct.pack("!I", length)), BROKEN + "invalid message")
        for length in [0, 3, 2**31 - 1, 2**31, 2**32 - 1]
    },
    "an error without SQLSTATE": (says(message("E", b"SFATAL\0Mno entry\0\0")), "no entry"),
    "an error without a field": (says(message("E", b"\0")), "the server refuses the login and"),
    "an error without an end": (says(message("E", b"Mcut")), "the server refuses the login and"),
    "an error that is overlong": (says(message("E", b"M" + b"x" * 40000)), BROKEN),
    "ready before it asks who": (says(ready()), BROKEN + "unexpected message type 0x5a"),
    "a row before it asks who": (says(message("D", b"\0\0")), BROKEN + "unexpected message"),
    "a row before ready": (says(LET_IN + message("D", b"\0\0")), BROKEN + "unexpected message"),
    "let in twice": (says(LET_IN + LET_IN), BROKEN + "unexpected message type 0x52"),
    "an overlong key": (says(LET_IN + message("K", bytes(1000))), BROKEN + "malformed Back"),
    "a reply behind its welcome": (says(LET_IN + WELCOME + message("C", b"\0")), BROKEN),
    "another welcome behind it": (says(LET_IN + WELCOME + WELCOME), BROKEN),
    "notices without end": (endlessly(notice("x" * 500) * 100), BROKEN + "more bytes than"),
    "parameters without end": (
        endlessly(b"".join(parameter(f"p{n}", "x") for n in range(100)), LET_IN),
        BROKEN + "too many parameters",
    ),
    "one parameter without end": (
        endlessly(parameter("p", "x" * 500) * 100, LET_IN),
        BROKEN + "more bytes than a login has",
    ),
    "GSSAPI": (says(authentication(AUTH_GSS)), "the server asks for an authentication method"),
    "an unknown method": (says(authentication(99)), "the server asks for an authentication"),
    "md5 without salt": (says(authentication(AUTH_MD5)), BROKEN + "malformed authentication"),
    "a mechanism it has not": (
        says(authentication(AUTH_SASL, b"PLAIN\0\0")),
        "the server offers no SASL mechanism",
    ),
    "mechanisms without end": (says(authentication(AUTH_SASL, b"x")), BROKEN + "malformed list"),
    "a nonce of its own": (scram("r=other,s=c2FsdA==,i=4096"), SCRAM),
    "only our nonce": (scram("r={nonce},s=c2FsdA==,i=4096"), SCRAM),
    "an overlong nonce": (scram("r={nonce}" + "x" * 1500 + ",s=c2FsdA==,i=4096"), SCRAM),
    "an overlong salt": (scram("r={nonce}x,s=" + "AAAA" * 400 + ",i=4096"), SCRAM),
    "no iteration": (scram("r={nonce}x,s=c2FsdA==,i=0"), SCRAM),
    "iterations without end": (scram("r={nonce}x,s=c2FsdA==,i=2147483648"), SCRAM),
    "a wrong signature": (scram("r={nonce}x,s=c2FsdA==,i=1", "v=" + WRONG_SIGNATURE), SCRAM),
    "an error for a signature": (scram("r={nonce}x,s=c2FsdA==,i=1", "e=other-error"), SCRAM),
    "no signature": (without_final, "the server did not prove that it knows the password"),
}

RETRY = {"wait_timeout": "300ms", "delay": "100ms", "connect_timeout": "200ms"}


def in_front_of(postgres, liar, io: str = "auto") -> dict:
    """The arguments of a pgballast that serves "app" honestly and all others by the liar."""
    others = {"upstream": liar.dsn("postgres"), "retry": RETRY, "breaker": {"failures": 0}}
    others["pool"] = {"mode": "transaction", "max": 2}
    honest = {"upstream": postgres.dsn, "pool": {"mode": "transaction"}}
    return {"io": io, "databases": {"app": honest, "*": others}}


@pytest.fixture(scope="module")
def proxy_of_liars(shared_postgres) -> Iterator[Pgballast]:
    lies = {name: lie for name, (lie, _) in LOGINS.items()}
    with LyingServer(lies) as liar:
        with Pgballast(shared_postgres.dsn, **in_front_of(shared_postgres, liar)) as proxy:
            proxy.liar = liar
            yield proxy


@pytest.mark.parametrize("lie", LOGINS)
def test_a_lie_at_login_is_named_and_told_in_time(postgres, proxy_of_liars, lie):
    proxy, cause = proxy_of_liars, LOGINS[lie][1]
    before = proxy.liar.accepted
    with unharmed(proxy):
        with pytest.raises(Refused) as refused:
            proxy.raw(database=lie)
        told = refused.value.fields
        assert cause in told["M"] + told.get("D", "")
        proxy.wait_for_line(f'connect failed database="?{lie}"? .*cause="{cause}')
        proxy.wait_for_line(f'login rejected user=app database="?{lie}"? ')
    assert proxy.liar.accepted - before <= 5


def test_a_cleartext_password_is_given_as_libpq_gives_it(postgres, start_pgballast):
    """In the clear, too, unless channel_binding=require is set: sslmode says whom to trust."""
    asked = []

    def lie(peer) -> None:
        peer.send(authentication(AUTH_CLEARTEXT))
        asked.append(peer.read().body)
        peer.send(LET_IN + WELCOME)
        peer.wait_for_end()

    with LyingServer({"app": lie}) as liar:
        start_pgballast(liar.dsn()).raw()
        assert asked == [b"app-password\0"]
        careful = start_pgballast(liar.dsn() + "&channel_binding=require")
        with pytest.raises(Refused, match="channel_binding=require, but the server asks"):
            careful.raw()
        assert len(asked) == 1


TLS_ANSWERS = {
    "plaintext behind S": (b"S" + WELCOME, "unencrypted data behind the server's answer"),
    "plaintext behind N": (b"N" + LET_IN, "unencrypted data behind the server's answer"),
    "an error": (message("E", b"SFATAL\0Mpay me\0\0"), "did not understand an SSLRequest"),
    "garbage": (b"\0\1\2\3", "did not understand an SSLRequest"),
    "no TLS behind S": (b"S", "TLS with the server failed: "),
    "N": (b"N", "the server does not support TLS, but sslmode requires it"),
}


@pytest.mark.parametrize("octets, cause", TLS_ANSWERS.values(), ids=TLS_ANSWERS)
def test_an_answer_to_SSLRequest_is_one_octet(start_pgballast, octets, cause):
    def lie(peer) -> None:
        peer.read_octets(8)
        peer.send(octets)
        if octets == b"S":
            peer.read_octets(5)
            peer.send(WELCOME)
        peer.wait_for_end()

    with LyingServer({}, at_once=lie) as liar:
        dsn = liar.dsn().replace("sslmode=disable", "sslmode=require")
        proxy = start_pgballast(dsn, retry=RETRY)
        with pytest.raises(Refused) as refused:
            proxy.raw()
        told = refused.value.fields
        assert cause in told["M"] + told.get("D", "")
        assert "pay me" not in str(told)  # nobody has vouched for that: CVE-2024-10977
        proxy.wait_for_line(f'connect failed .*cause=".*{cause}')


# After the login.

REPLIES = {
    **{
        f"length {length}": (b"D" + struct.pack("!I", length), "a message of invalid length")
        for length in [0, 3, 2**31 - 1, 2**31, 2**32 - 1]
    },
    "a reply to another request": (message("1", b""), "a reply that nobody asked for"),
    "let in again": (LET_IN, "a reply that nobody asked for"),
    "another key": (KEY, "a reply that nobody asked for"),
    "an unknown type": (message("~", b""), "a reply that nobody asked for"),
    "ready for nothing": (ready(b"?"), "a malformed ReadyForQuery"),
    "ready without a state": (ready(b""), "a malformed ReadyForQuery"),
    "half a parameter": (message("S", b"x\0"), "a malformed ParameterStatus"),
    "an oversized parameter": (parameter("x", "y" * 70_000), "an oversized ParameterStatus"),
    "an end without a word": (message("E", b"SFATAL\0\0"), "an error without a text"),
}


@pytest.mark.parametrize("octets, cause", REPLIES.values(), ids=REPLIES)
def test_a_reply_that_is_none_costs_its_request_and_no_more(
    postgres, start_pgballast, io, octets, cause
):
    def lie(peer) -> None:
        peer.welcome()
        while peer.text_of_query() != "provoke":
            peer.send(answer("fine"))
        peer.send(octets)
        peer.wait_for_end()

    with LyingServer({"liar": lie}) as liar:
        proxy = start_pgballast(postgres.dsn, **in_front_of(postgres, liar, io))
        with unharmed(proxy):
            client = proxy.raw(database="liar")
            told = error_of(client.query("provoke"))
            assert (told["S"], told["C"]) == ("ERROR", "08007")
            assert cause in told["D"]
            proxy.wait_for_line(f'backend lost database=liar .*cause="the server sent {cause}"')
            assert first_column(client.query("go on")) == ["fine"]


def test_an_error_without_fields_is_passed_on(postgres, start_pgballast, io):
    def lie(peer) -> None:
        peer.welcome()
        for body in [b"\0", b"", b"Mcut", b"SERROR\0\0"]:
            peer.read()
            peer.send(message("E", body) + ready())
        honest(peer)

    with LyingServer({"liar": lie}) as liar:
        proxy = start_pgballast(postgres.dsn, **in_front_of(postgres, liar, io))
        with unharmed(proxy):
            client = proxy.raw(database="liar")
            for _ in range(4):
                assert types(client.query("select 1")) == "EZ"


UNASKED = [message("C", b"SELECT 1\0"), answer("another's"), ready(), message("E", b"\0"), KEY]


@pytest.mark.parametrize("octets", UNASKED, ids=repr)
def test_a_reply_nobody_asked_for_reaches_no_other_client(postgres, start_pgballast, io, octets):
    def lie(peer) -> None:
        peer.welcome()
        while True:
            text = peer.text_of_query()
            peer.send(answer(text) + (octets if text == "provoke" else b""))

    with LyingServer({"liar": lie}) as liar:
        proxy = start_pgballast(postgres.dsn, **in_front_of(postgres, liar, io))
        with unharmed(proxy):
            clients = [proxy.raw(database="liar") for _ in range(3)]
            assert first_column(clients[0].query("provoke")) == ["provoke"]
            proxy.wait_for_line("backend lost database=liar .*cause=.the server sent a")
            for number, each in enumerate(clients):
                assert first_column(each.query(str(number))) == [str(number)]
                each.close()


FLOODS = {
    "notices": notice("x" * 500) * 100,
    "one parameter": parameter("p", "x" * 500) * 100,
    "notifications": message("A", struct.pack("!i", 1) + b"x\0" + b"y" * 500 + b"\0") * 100,
    "rows": message("D", struct.pack("!hi", 1, 500) + b"x" * 500) * 100,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_meets_a_client_that_does_not_read(postgres, start_pgballast, io, flood):
    stopped, client_gone = threading.Event(), threading.Event()

    def lie(peer) -> None:
        peer.welcome()
        peer.read()
        peer.socket.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            peer.send_until_gone(flood)
        stopped.set()
        client_gone.wait(60)  # its request is run to its end, as PostgreSQL runs it

    with LyingServer({"liar": lie}) as liar:
        proxy = start_pgballast(postgres.dsn, **in_front_of(postgres, liar, io))
        with unharmed(proxy):
            client = proxy.raw(database="liar")
            client.send_query("provoke")
            assert stopped.wait(60)
            client.reset()
            client_gone.set()
            proxy.wait_for_line("backend (lost|closed) database=liar")


def test_a_flood_while_nobody_asks_is_thrown_away(postgres, start_pgballast, io):
    """Parameters, each with a name of its own: no more of them are kept than 64."""
    count, done = 30_000, []

    def lie(peer) -> None:
        peer.welcome()
        peer.send(answer(peer.text_of_query()))
        for number in range(0, count, 100):
            peer.send(b"".join(parameter(f"p{number + n}", "x" * 1000) for n in range(100)))
        done.append(True)
        while True:
            peer.send(answer(peer.text_of_query()))

    with LyingServer({"liar": lie}) as liar:
        proxy = start_pgballast(postgres.dsn, **in_front_of(postgres, liar, io))
        with unharmed(proxy):
            client = proxy.raw(database="liar")
            client.query("begin to lie")
            wait_until(lambda: done)
            assert first_column(client.query("go on")) == ["go on"]


def test_a_server_that_reads_nothing_for_long_is_not_taken_for_gone(postgres, start_pgballast):
    """It waits for a lock while a client sends ahead; its machine answers all the while."""
    proxy = start_pgballast(postgres.dsn)
    owner = postgres.connect()
    run(owner, "create table if not exists long_held (word text); grant all on long_held to app")
    owner.autocommit = False
    run(owner, "lock table long_held")
    client = proxy.raw()
    client.send(query("insert into long_held values ('y')"))
    client.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        while True:
            client.send(query("select 'n' --" + "n" * 60_000))
    # Longer than a silent link is borne with.
    assert stays(lambda: proxy.count("backend lost") == 0, for_s=11)
    owner.commit()
    assert types(client.read_until_ready()) == "CZ"
    assert types(client.read_until_ready()) == "TDCZ"
    client.reset()
