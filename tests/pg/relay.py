"""Stands between pgballast and a server: counts round trips, keeps answers back, and cuts.

    relay = Relay(postgres.port)
    …pgballast connects to relay.dsn_of(postgres.dsn)…
    relay.mute()
    relay.cut("rst")
"""

import contextlib
import queue
import selectors
import socket
import struct
import threading
from typing import Callable

from psycopg2.extensions import make_dsn


class Relay:
    """`trips`: how often a server was sent something after it had said something."""

    def __init__(self, port: int) -> None:
        self.server = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.trips = 0
        self._muted = False
        self._peers: dict = {}
        self._server_spoke: dict = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.listener, selectors.EVENT_READ)
        self._ended = False
        self._orders: queue.Queue = queue.Queue()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def dsn_of(self, dsn: str) -> str:
        """The same server, through here."""
        return make_dsn(dsn, host="127.0.0.1", port=self.port)

    def end(self) -> None:
        self._ended = True
        self._thread.join()
        for each in [self.listener, *self._peers]:
            each.close()

    def mute(self) -> None:
        """From now on no answer gets through, until `cut`; requests do."""
        self._order(lambda: setattr(self, "_muted", True))

    def cut(self, how: str) -> None:
        """Ends all connections of pgballast, by "fin" or "rst". A backend that waits for a lock
        does not find out, and goes on when it gets it."""
        self._order(lambda: self._cut(how))

    def _order(self, what: Callable[[], None]) -> None:
        """Has that done by the thread that owns the sockets."""
        done = threading.Event()
        self._orders.put((what, done))
        assert done.wait(10)

    def _run(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select(0.02):
                self._accept() if key.fileobj is self.listener else self._pass_on(key.fileobj)
            with contextlib.suppress(queue.Empty):
                what, done = self._orders.get_nowait()
                what()
                done.set()

    def _accept(self) -> None:
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(self.server)
        except OSError:
            client.close()  # nobody listens there
            return
        self._peers.update({client: server, server: client})
        self._server_spoke[server] = True
        for each in (client, server):
            self._selector.register(each, selectors.EVENT_READ)

    def _pass_on(self, source: socket.socket) -> None:
        if source not in self._peers:
            return  # cut meanwhile
        target = self._peers[source]
        try:
            octets = source.recv(1 << 20)
        except ConnectionResetError:
            octets = b""
        if not octets:
            self._selector.unregister(source)
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_WR)
            return
        if source in self._server_spoke:
            if self._muted:
                return
            self._server_spoke[source] = True
        elif self._server_spoke[target]:
            self._server_spoke[target] = False
            self.trips += 1
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            target.sendall(octets)

    def _cut(self, how: str) -> None:
        for each in self._peers:
            with contextlib.suppress(KeyError):
                self._selector.unregister(each)
            if how == "rst" and each not in self._server_spoke:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.close()
        self._peers.clear()
        self._server_spoke.clear()
        self._muted = False
