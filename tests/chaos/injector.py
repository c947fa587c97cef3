"""Sits between pgballast and PostgreSQL, knows where messages begin and end, and cuts.

    injector.py --upstream 127.0.0.1:5432 --seed 7 --messages 60

What becomes of the n-th connection is decided by the seed and n alone: after how many
messages of which direction it is cut, whether within the next one, and how. On the way its
bytes are split and held back at random. SIGUSR1 ends the faults, so that those who are
under way can come to their end; SIGTERM ends the program, which then says what it did.
"""

import argparse
import asyncio
import json
import random
import signal
import socket
import struct
import sys
from collections import Counter
from typing import List, NamedTuple, Optional, Tuple

TO_SERVER, TO_CLIENT = "to server", "to client"

# Lengths above are not a message of the protocol that these tests speak.
MESSAGE_MAX = 1 << 24


class Fate(NamedTuple):
    """How a connection ends. Half of all cuts are between two messages, half within one."""

    direction: str
    after: int  # whole messages, the startup packet among them
    within: float  # how much of the next one still passes: 0 none, else less than 1
    how: str
    silence_s: float  # before the end, where it goes silent


def fate_of(seed: int, number: int, messages: float) -> Fate:
    """`messages`: after how many a connection is cut, on average."""
    dice = random.Random(f"{seed} {number}")
    return Fate(
        direction=dice.choice([TO_SERVER, TO_CLIENT]),
        after=int(dice.expovariate(1 / messages)),
        within=dice.choice([0, dice.random()]),
        how=dice.choice(["fin", "rst", "silence"]),
        silence_s=dice.uniform(0.05, 1),
    )


class Malformed(Exception):
    pass


class Meter:
    """Counts the messages of one direction, and finds where its fate has come."""

    def __init__(self, has_type: bool) -> None:
        self.header = 5 if has_type else 4  # of the next message: the first may lack a type
        self.left = b""  # of a message that has not come whole
        self.count = 0

    def passes(self, chunk: bytes, fate: Optional[Fate]) -> Tuple[int, bool]:
        """How many bytes of the chunk may go on, and whether that is the end."""
        data, before = self.left + chunk, len(self.left)
        at = 0
        while at < len(data):
            end = self._end(data, at)
            if fate and fate.within and self.count >= fate.after:
                end = min(end or len(data), len(data))
                return max(0, at + int((end - at) * fate.within) - before), True
            if end is None or end > len(data):
                break
            at = end
            self.count += 1
            self.header = 5
            if fate and not fate.within and self.count >= fate.after:
                return at - before, True
        self.left = data[at:]
        return len(chunk), False

    def _end(self, data: bytes, begin: int) -> Optional[int]:
        """Of the message that begins there, if its length can be read."""
        body = begin + self.header
        if len(data) < body:
            return None
        (length,) = struct.unpack_from("!I", data, body - 4)
        if not 4 <= length <= MESSAGE_MAX:
            raise Malformed(f"a message of {length} bytes: {data[begin:begin + 16]!r}")
        return body - 4 + length


class Connection:
    """One of pgballast's, and ours to the server."""

    def __init__(self, injector: "Injector", number: int, client, server) -> None:
        self.injector = injector
        self.fate = fate_of(injector.seed, number, injector.messages)
        self.dice = random.Random(f"{injector.seed} {number} timing")
        self.client_reader, self.client_writer = client
        self.server_reader, self.server_writer = server
        self.meters = {TO_SERVER: Meter(has_type=False), TO_CLIENT: Meter(has_type=True)}
        self.cut = False

    async def run(self) -> None:
        pumps = [
            asyncio.create_task(self.pump(TO_SERVER, self.client_reader, self.server_writer)),
            asyncio.create_task(self.pump(TO_CLIENT, self.server_reader, self.client_writer)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        if self.cut:
            await self.end()
        for pump in pumps:
            pump.cancel()
        for result in await asyncio.gather(*pumps, return_exceptions=True):
            if isinstance(result, Exception):
                self.injector.errors.append(repr(result))
        for writer in [self.client_writer, self.server_writer]:
            writer.close()

    async def pump(self, direction: str, reader, writer) -> None:
        try:
            while chunk := await reader.read(1 << 16):
                if self.cut:
                    return
                length, ends = self.look(direction, chunk)
                await self.write(writer, chunk[:length])
                if ends:
                    return
        except OSError:
            pass  # the other side has ended, and whoever reads there finds out

    def look(self, direction: str, chunk: bytes) -> Tuple[int, bool]:
        due = self.fate.direction == direction and not self.injector.quiet
        length, self.cut = self.meters[direction].passes(chunk, self.fate if due else None)
        return length, self.cut

    async def write(self, writer, data: bytes) -> None:
        if not self.injector.quiet and self.dice.random() < 0.05:
            split = self.dice.randint(0, len(data))
            writer.write(data[:split])
            await asyncio.sleep(self.dice.uniform(0, 0.01))  # polls: nothing, it is a fault
            data = data[split:]
        writer.write(data)
        await writer.drain()

    async def end(self) -> None:
        self.injector.cuts[f"{self.fate.how} {self.fate.direction}"] += 1
        if self.fate.how == "silence":
            await asyncio.sleep(self.fate.silence_s)  # polls: nothing, it is a fault
        if self.fate.how != "fin":
            for writer in [self.client_writer, self.server_writer]:
                reset(writer)


def reset(writer) -> None:
    """SO_LINGER of 0 makes close(2) send RST and forget what was not yet sent."""
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    writer.transport.abort()


class Injector:
    def __init__(self, seed: int, messages: float) -> None:
        self.seed = seed
        self.messages = messages
        self.quiet = False
        self.connections = 0
        self.cuts: Counter = Counter()
        self.errors: List[str] = []

    async def serve(self, upstream: Tuple[str, int]) -> None:
        async def accept(reader, writer) -> None:
            self.connections += 1
            number = self.connections
            try:
                server = await asyncio.open_connection(*upstream)
            except OSError:
                reset(writer)  # nobody listens there: as it would be without us
                return
            await Connection(self, number, (reader, writer), server).run()

        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stopped.set)
        loop.add_signal_handler(signal.SIGUSR1, self.be_quiet)
        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        say("listening", port=server.sockets[0].getsockname()[1])
        await stopped.wait()
        say("done", connections=self.connections, cuts=dict(self.cuts), errors=self.errors)

    def be_quiet(self) -> None:
        self.quiet = True


def say(event: str, **values) -> None:
    print(json.dumps({"event": event, **values}), file=sys.stderr, flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--upstream", required=True, metavar="HOST:PORT")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--messages", type=float, default=60, help="before a cut, on average")
    given = options.parse_args()
    host, port = given.upstream.rsplit(":", 1)
    asyncio.run(Injector(given.seed, given.messages).serve((host, int(port))))


if __name__ == "__main__":
    main()
