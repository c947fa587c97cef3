"""A client like RawClient without TLS, that logs in by SCRAM: for pgballast."""

import base64
import hashlib
import hmac
import secrets
import socket
import struct
from typing import List, Sequence

from rawclient import TIMEOUT_S, Message, RawClient, message, request_packet, startup_packet

AUTH_OK, AUTH_SASL, AUTH_SASL_CONTINUE, AUTH_SASL_FINAL = 0, 10, 11, 12
CANCEL_REQUEST_CODE = (1234 << 16) | 5678


class Refused(Exception):
    """A login was refused; `fields` are those of the error."""

    def __init__(self, said: Message) -> None:
        self.fields = said.fields()
        super().__init__(self.fields["M"])


class PlainClient(RawClient):
    """`process_id` and `key` are what a cancel request takes, once it has logged in."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self.buffer = bytearray()
        self.end = ""
        self.process_id, self.key = 0, b""

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def log_in(self, password: str = "", **parameters: str) -> List[Message]:
        """All messages behind AuthenticationOk, ReadyForQuery the last."""
        self.send(startup_packet(3 << 16, **parameters))
        self._prove(password)
        messages = []
        while not messages or messages[-1].type != "Z":
            messages.append(self._unless_refused(self.read()))
        for each in messages:
            if each.type == "K":
                self.process_id, self.key = struct.unpack("!i", each.body[:4])[0], each.body[4:]
        return messages

    def send_cancel(self) -> None:
        """Asks for its own query to be cancelled, on a connection made for that."""
        with socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S) as other:
            body = struct.pack("!i", self.process_id) + self.key
            other.sendall(request_packet(CANCEL_REQUEST_CODE, body))
            assert other.recv(1) == b""

    def reset(self) -> None:
        """Ends as a killed machine's kernel ends it: with RST, at once."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # RFC 5802, without channel binding; a user name of none, for PostgreSQL takes the startup
    # packet's.

    def _prove(self, password: str) -> None:
        assert b"SCRAM-SHA-256\0" in self._authentication(AUTH_SASL)
        nonce = secrets.token_hex(12)
        first = f"n=,r={nonce}"
        initial = f"n,,{first}".encode()
        self._send_sasl(b"SCRAM-SHA-256\0" + struct.pack("!i", len(initial)) + initial)

        server_first = self._authentication(AUTH_SASL_CONTINUE).decode()
        said = dict(part.split("=", 1) for part in server_first.split(","))
        assert said["r"].startswith(nonce)
        salt, iterations = base64.b64decode(said["s"]), int(said["i"])
        final = f"c=biws,r={said['r']}"
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
        client_key = _hmac(salted, b"Client Key")
        signature = _hmac(
            hashlib.sha256(client_key).digest(), f"{first},{server_first},{final}".encode()
        )
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self._send_sasl(f"{final},p={base64.b64encode(proof).decode()}".encode())
        self._authentication(AUTH_SASL_FINAL)
        self._authentication(AUTH_OK)

    def _authentication(self, expected: int) -> bytes:
        said = self._unless_refused(self.read())
        assert said.type == "R", said
        assert struct.unpack("!i", said.body[:4])[0] == expected, said
        return said.body[4:]

    @staticmethod
    def _unless_refused(said: Message) -> Message:
        if said.type == "E":
            raise Refused(said)
        return said

    def _send_sasl(self, data: bytes) -> None:
        self.send(message("p", data))

    def _receive(self) -> None:
        try:
            octets = self.socket.recv(65536)
        except ConnectionResetError:
            self.end = "rst"
            return
        self.buffer += octets
        if not octets:
            self.end = "fin"


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


# Messages of a frontend. https://www.postgresql.org/docs/15/protocol-message-formats.html


def query(text: str) -> bytes:
    return message("Q", text.encode() + b"\0")


def parse(text: str, name: str = "", types: Sequence[int] = ()) -> bytes:
    """`types`: OIDs of the parameters; those not given are found by the server."""
    body = f"{name}\0{text}\0".encode() + struct.pack("!h", len(types))
    return message("P", body + struct.pack(f"!{len(types)}i", *types))


def bind(*values: str, statement: str = "") -> bytes:
    body = f"\0{statement}\0".encode() + struct.pack("!hh", 0, len(values))
    for value in values:
        octets = value.encode()
        body += struct.pack("!i", len(octets)) + octets
    return message("B", body + struct.pack("!h", 0))


def execute(max_rows: int = 0) -> bytes:
    return message("E", b"\0" + struct.pack("!i", max_rows))


def describe_portal() -> bytes:
    return message("D", b"P\0")


def describe_statement(name: str = "") -> bytes:
    return message("D", f"S{name}\0".encode())


def close_statement(name: str = "") -> bytes:
    return message("C", f"S{name}\0".encode())


def extended(text: str, *values: str) -> bytes:
    """One request in the extended protocol, without its Sync."""
    return parse(text) + bind(*values) + execute()


SYNC = message("S", b"")
FLUSH = message("H", b"")
TERMINATE = message("X", b"")


def copy_data(octets: bytes) -> bytes:
    return message("d", octets)


COPY_DONE = message("c", b"")


def copy_fail(why: str) -> bytes:
    return message("f", why.encode() + b"\0")


# What a backend has said.


def types(messages: List[Message]) -> str:
    """Their types in one word, without what may come at any time."""
    return "".join(each.type for each in messages if each.type not in "NSA")


def error_of(messages: List[Message]) -> dict:
    """The fields of the one error."""
    errors = [each.fields() for each in messages if each.type == "E"]
    assert len(errors) == 1, messages
    return errors[0]


def first_column(messages: List[Message]) -> List[str]:
    """Of each row, as text."""
    values = []
    for each in messages:
        if each.type == "D":
            size = struct.unpack("!i", each.body[2:6])[0]
            values.append(each.body[6 : 6 + size].decode())
    return values
