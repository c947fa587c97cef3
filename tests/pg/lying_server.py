"""A server that says what a test tells it to say, one thread for each connection.

    def lie(peer):
        peer.welcome()
        peer.read()
        peer.send(message("C", b"out of nowhere"))

    with LyingServer({"db": lie}) as liar:
        …connect to liar.dsn("db")…

Which lie is told depends on the database that is asked for.
"""

import socket
import struct
import threading
from typing import Any, Callable, Dict

from plainclient import AUTH_OK, AUTH_SASL, PlainClient
from postgres import PASSWORD, USER
from rawclient import SSL_REQUEST_CODE, TIMEOUT_S, message


def authentication(code: int, data: bytes = b"") -> bytes:
    return message("R", struct.pack("!i", code) + data)


def ready(status: bytes = b"I") -> bytes:
    return message("Z", status)


def parameter(name: str, value: str) -> bytes:
    return message("S", f"{name}\0{value}\0".encode())


def notice(text: str) -> bytes:
    return message("N", f"SNOTICE\0C00000\0M{text}\0\0".encode())


def answer(text: str) -> bytes:
    """One row of one column, as to a Query."""
    column = b"word\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
    row = struct.pack("!hi", 1, len(text)) + text.encode()
    return (
        message("T", struct.pack("!h", 1) + column)
        + message("D", row)
        + message("C", b"SELECT 1\0")
        + ready()
    )


KEY = message("K", struct.pack("!ii", 1, 2))
WELCOME = parameter("server_version", "15.0") + KEY + ready()


class Peer(PlainClient):
    """Whoever has connected, as the server sees it."""

    def __init__(self, accepted: socket.socket) -> None:
        accepted.settimeout(TIMEOUT_S)
        self.socket = accepted
        self.buffer = bytearray()
        self.end = ""

    def read_startup(self) -> Dict[str, str]:
        """The parameters of the startup packet; TLS is declined."""
        while True:
            size, code = struct.unpack("!ii", self.read_octets(8))
            body = self.read_octets(size - 8)
            if code != SSL_REQUEST_CODE:
                parts = body.decode().split("\0")
                return dict(zip(parts[::2], parts[1::2]))
            self.send(b"N")

    def welcome(self) -> None:
        """Lets it in without a password."""
        self.send(authentication(AUTH_OK) + WELCOME)

    def ask_for_scram(self) -> str:
        """The nonce of whoever is there."""
        self.send(authentication(AUTH_SASL, b"SCRAM-SHA-256\0\0"))
        return self.read().body.decode().rsplit("r=", 1)[1]

    def text_of_query(self) -> str:
        return self.read().body.rstrip(b"\0").decode()

    def send_until_gone(self, octets: bytes) -> None:
        """Without end."""
        while True:
            self.send(octets)

    def wait_for_end(self) -> None:
        self.read_to_end()

    def read_octets(self, size: int) -> bytes:
        """So many, of what is no message."""
        octets = self.socket.recv(size, socket.MSG_WAITALL)
        if len(octets) < size:
            raise EOFError
        return octets


Lie = Callable[[Peer], Any]


class LyingServer:
    """`lies` by database; `at_once` is told before anything has been read, if it is given."""

    def __init__(self, lies: Dict[str, Lie], at_once: Lie = None) -> None:
        self.lies, self.at_once = lies, at_once
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "LyingServer":
        return self

    def __exit__(self, *_: Any) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def dsn(self, database: str = "app") -> str:
        address = f"127.0.0.1:{self.port}"
        return f"postgresql://{USER}:{PASSWORD}@{address}/{database}?sslmode=disable"

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return  # closed
            self.accepted += 1
            threading.Thread(target=self._serve, args=[Peer(accepted)], daemon=True).start()

    def _serve(self, peer: Peer) -> None:
        try:
            with peer.socket:
                if self.at_once:
                    self.at_once(peer)
                else:
                    self.lies[peer.read_startup()["database"]](peer)
        except (OSError, EOFError):
            pass  # it has heard enough


def honest(peer: Peer) -> None:
    """Answers each query with its own text."""
    peer.welcome()
    while True:
        peer.send(answer(peer.text_of_query()))


