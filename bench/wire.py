"""A client of PostgreSQL's protocol, small enough to hold thousands of.

libpq derives a key of 4096 rounds at every login; here it is derived once for all, so that
opening 5000 connections measures the server and not the client.
"""

import base64
import functools
import hashlib
import hmac
import os
import socket
import struct

ITERATIONS = 4096


class ServerError(Exception):
    """An ErrorResponse: its SQLSTATE and message."""

    def __init__(self, fields):
        super().__init__(f"{fields.get('C', '?????')}: {fields.get('M', '')}")
        self.sqlstate = fields.get("C", "")


class Connection:
    """A logged-in connection. OSError and ServerError tell of what fails."""

    def __init__(self, address, user, password, database, timeout):
        self.socket = socket.create_connection(address, timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        try:
            self._log_in(user, password, database)
        except BaseException:
            self.socket.close()
            raise

    def _log_in(self, user, password, database):
        parameters = f"user\0{user}\0database\0{database}\0\0".encode()
        self.socket.sendall(struct.pack("!ii", len(parameters) + 8, 196608) + parameters)
        scram = None
        while True:
            kind, body = self._message()
            if kind == b"R":
                (request,) = struct.unpack_from("!i", body)
                if request == 10:
                    scram = ScramClient(password)
                    first = scram.first().encode()
                    self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
                elif request == 11:
                    self._send(b"p", scram.final(body[4:].decode()).encode())
            elif kind == b"Z":
                return

    def ask(self, sql="select 1"):
        """Sends a query without waiting for its answer."""
        self._send(b"Q", sql.encode() + b"\0")

    def answer(self):
        """Waits for the ReadyForQuery that ends the answer."""
        while self._message()[0] != b"Z":
            pass

    def query(self, sql="select 1"):
        self.ask(sql)
        self.answer()

    def close(self):
        self.socket.close()

    def fileno(self):
        return self.socket.fileno()

    def _send(self, kind, body):
        self.socket.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def _message(self):
        (kind, length) = struct.unpack("!ci", self._take(5))
        body = self._take(length - 4)
        if kind == b"E":
            parts = (part.decode(errors="replace") for part in body.split(b"\0") if part)
            raise ServerError({part[0]: part[1:] for part in parts})
        return kind, body

    def _take(self, size):
        while len(self._received) < size:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionResetError("closed by the server")
            self._received += more
        taken, self._received = self._received[:size], self._received[size:]
        return taken


class ScramClient:
    """SCRAM-SHA-256 without channel binding: RFC 5802, RFC 7677."""

    def __init__(self, password):
        self._password = password
        self._first_bare = "n=,r=" + base64.b64encode(os.urandom(18)).decode()

    def first(self):
        return "n,," + self._first_bare

    def final(self, server_first):
        said = dict(part.split("=", 1) for part in server_first.split(","))
        client_key = _client_key(self._password, base64.b64decode(said["s"]), int(said["i"]))
        without_proof = f"c=biws,r={said['r']}"
        signed = f"{self._first_bare},{server_first},{without_proof}"
        signature = _hmac(hashlib.sha256(client_key).digest(), signed.encode())
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        return f"{without_proof},p={base64.b64encode(proof).decode()}"


def make_verifier(password):
    """What pg_authid.rolpassword would hold."""
    salt = os.urandom(16)
    stored_key = hashlib.sha256(_client_key(password, salt, ITERATIONS)).digest()
    server_key = _hmac(_salted(password, salt, ITERATIONS), b"Server Key")
    salt, stored_key, server_key = (base64.b64encode(x).decode() for x in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${ITERATIONS}:{salt}${stored_key}:{server_key}"


@functools.cache
def _salted(password, salt, iterations):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)


def _client_key(password, salt, iterations):
    return _hmac(_salted(password, salt, iterations), b"Client Key")


def _hmac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()
