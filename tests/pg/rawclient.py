"""A PostgreSQL client that shows every message and how a connection ends, as libpq does not.

It names its endpoint along with its password, as clients without SNI do, and so needs
no SCRAM.
"""

import select
import socket
import ssl
import struct
import time
from typing import Dict, List, NamedTuple, Optional, Tuple

TIMEOUT_S = 60

CANCEL_REQUEST_CODE = (1234 << 16) | 5678
SSL_REQUEST_CODE = (1234 << 16) | 5679
GSSENC_REQUEST_CODE = (1234 << 16) | 5680


class Message(NamedTuple):
    type: str
    body: bytes

    def fields(self) -> Dict[str, str]:
        """Of an ErrorResponse or NoticeResponse, by their letters."""
        parts = self.body.rstrip(b"\0").split(b"\0")
        return {chr(part[0]): part[1:].decode() for part in parts}


def startup_packet(protocol: int, **parameters: str) -> bytes:
    body = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items())
    return struct.pack("!ii", len(body) + 9, protocol) + body + b"\0"


def request_packet(code: int, body: bytes = b"") -> bytes:
    return struct.pack("!ii", len(body) + 8, code) + body


def message(kind: str, body: bytes) -> bytes:
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


class RawClient:
    """Keeps the socket and TLS apart, for an SSLSocket does not tell RST from FIN."""

    def __init__(
        self,
        port: int,
        server_name: Optional[str] = None,
        direct: bool = False,
        alpn: Optional[str] = None,
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        if not direct:
            self.socket.sendall(request_packet(SSL_REQUEST_CODE))
            assert self.socket.recv(1) == b"S"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if alpn:
            context.set_alpn_protocols([alpn])
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=server_name)
        self.buffer = bytearray()
        self.end = ""  # once it has been read: "close_notify", "fin" or "rst"
        self._shake_hands()

    def close(self) -> None:
        self.socket.close()

    def send(self, octets: bytes) -> None:
        self.tls.write(octets)
        self._flush()

    def start(self, protocol: int = 3 << 16, **parameters: str) -> None:
        parameters.setdefault("user", "neondb_owner")
        parameters.setdefault("database", "neondb")
        self.send(startup_packet(protocol, **parameters))

    def send_password(self, password: str = "npg_demo", endpoint: str = "ep-demo-123456") -> None:
        """Answers AuthenticationCleartextPassword, which must be what comes."""
        asked = self.read()
        assert (asked.type, asked.body) == ("R", struct.pack("!i", 3))
        self.send(message("p", f"endpoint={endpoint};{password}\0".encode()))

    def log_in(self, **parameters: str) -> List[Message]:
        self.start(**parameters)
        self.send_password()
        return self.read_until_ready()

    def query(self, text: str) -> List[Message]:
        self.send_query(text)
        return self.read_until_ready()

    def send_query(self, text: str) -> None:
        self.send(message("Q", text.encode() + b"\0"))

    def read(self) -> Message:
        """The next message. Raises EOFError, with how it ended, if there is none."""
        while len(self.buffer) < 5 or len(self.buffer) < 1 + self._length():
            if self.end:
                raise EOFError(self.end)
            self._receive()
        size = 1 + self._length()
        whole = bytes(self.buffer[:size])
        del self.buffer[:size]
        return Message(whole[:1].decode(), whole[5:])

    def read_until_ready(self) -> List[Message]:
        messages = [self.read()]
        while messages[-1].type != "Z":
            messages.append(self.read())
        return messages

    def read_to_end(self) -> Tuple[List[Message], str]:
        """All that still comes, and how it ends: "close_notify", "fin" or "rst"."""
        messages = []
        try:
            while True:
                messages.append(self.read())
        except EOFError:
            return messages, self.end

    def is_silent(self, for_s: float = 0) -> bool:
        """Whether nothing, not even an end, comes within that time."""
        deadline = time.monotonic() + for_s
        while not self.buffer and not self.end:
            left = max(0, deadline - time.monotonic())
            if not select.select([self.socket], [], [], left)[0]:
                return True
            self._receive()  # TLS has messages of its own
        return False

    def _length(self) -> int:
        return struct.unpack("!i", self.buffer[1:5])[0]

    def _flush(self) -> None:
        self.socket.sendall(self.outgoing.read())

    def _shake_hands(self) -> None:
        while True:
            try:
                self.tls.do_handshake()
                self._flush()
                return
            except ssl.SSLWantReadError:
                self._flush()
                octets = self.socket.recv(65536)
                if not octets:
                    raise EOFError("fin")
                self.incoming.write(octets)

    def _receive(self) -> None:
        """Reads from the socket once, and all that can be decrypted then."""
        try:
            octets = self.socket.recv(65536)
        except ConnectionResetError:
            self.end = "rst"
            return
        self.incoming.write(octets)
        try:
            while plain := self.tls.read(65536):
                self.buffer += plain
            self.end = "close_notify"
        except ssl.SSLWantReadError:
            if not octets:
                self.end = "fin"
