#!/usr/bin/python3
"""Clients of mode auto walk at random over all that changes a session, on fewer backends than
there are clients and with nothing that disturbs them; the twin of each walks on a direct
connection, and both must be told the same.

    undisturbed.py --steps 2000 --seed 7

Ends with status 1 if anybody was told anything else.
"""

import argparse
import contextlib
import json
import os
import random
import sys
import time
from typing import Any, Dict, List, Tuple

from run import Client  # first: it tells where the modules of tests/pg are
from neonsim import wait_until
from pgballast import Pgballast
from postgres import Postgres
from queries import run
from sessions import PATIENCE_S
from twin_walk import TwinWalk, setup_of
from walk import SETUP

MIRROR = "mirror"


class Undisturbed:
    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.clients: List[Client] = []
        self.violations: List[str] = []

    def run(self) -> None:
        with contextlib.ExitStack() as stack:
            self.postgres = stack.enter_context(Postgres(jit="off"))
            self.make_databases()
            if self.given.mode == "direct":
                self.proxy, self.port = None, self.postgres.port
            else:
                self.proxy = stack.enter_context(self.start_proxy())
                self.port = self.proxy.port
            begun = time.monotonic()
            self.play()
            self.seconds = time.monotonic() - begun

    def make_databases(self) -> None:
        server = self.postgres.connect()
        run(server, f"create database {MIRROR} owner app")
        run(server, "create role walker; grant walker to app")
        server.close()
        for dbname in ["app", MIRROR]:
            server = self.postgres.connect(dbname=dbname)
            run(server, SETUP.replace("create role walker;", ""))
            for number in range(1, self.given.clients + 1):
                run(server, setup_of(number))
            server.close()

    def start_proxy(self) -> Pgballast:
        own = self.given.mode == "session"
        return Pgballast(
            self.postgres.dsn + "?sslmode=disable",
            mode=self.given.mode,
            io=self.given.io,
            threads=2,
            pool={"max": self.given.clients if own else self.given.backends},
            retry={"wait_timeout": f"{PATIENCE_S - 5}s"},
            log_level="info",
        )

    def urls(self) -> Tuple[str, str]:
        """Of the database through pgballast, and of the mirror."""
        through = self.postgres.dsn.replace(f":{self.postgres.port}/", f":{self.port}/")
        return through, f"{self.postgres.dsn.rpartition('/')[0]}/{MIRROR}"

    def make_client(self, number: int) -> Client:
        walk = TwinWalk(number, self.given.seed, *self.urls())
        return Client(walk, "undisturbed", walk.connect)

    def play(self) -> None:
        self.clients = [self.make_client(n) for n in range(1, self.given.clients + 1)]
        for client in self.clients:
            client.start()
        with contextlib.suppress(AssertionError):  # whoever is slow may be slow
            wait_until(self.is_over, self.given.seconds)
        for client in self.clients:
            client.leaving.set()
        for client in self.clients:
            client.join(PATIENCE_S + 10)
        self.gather_violations()

    def is_over(self) -> bool:
        self.gather_violations()
        enough = all(client.steps >= self.given.steps for client in self.clients)
        return bool(self.violations) or enough

    def gather_violations(self) -> None:
        self.violations = [client.violation for client in self.clients if client.violation]
        self.violations += ["a client is stuck" for client in self.clients if client.is_stuck()]
        if self.proxy and self.proxy.process.returncode is not None:
            self.violations.append(f"pgballast has ended with {self.proxy.process.returncode}")

    def report(self) -> Dict[str, Any]:
        return {
            "mode": self.given.mode,
            "io": self.given.io,
            "seed": self.given.seed,
            "clients": self.given.clients,
            "backends": self.given.backends,
            "seconds": round(self.seconds, 1),
            "steps": [client.steps for client in self.clients],
            "violations": self.violations,
        }


class Arguments(argparse.ArgumentParser):
    def parse_args(self, *arguments: Any) -> argparse.Namespace:
        given = super().parse_args(*arguments)
        dice = random.Random(f"{given.seed} undisturbed")
        given.clients = given.clients or dice.randint(2, 8)
        given.backends = given.backends or min(dice.randint(1, 3), given.clients - 1)
        if given.program:
            os.environ["PGBALLAST_PROGRAM"] = given.program
        return given


def parser(about: str) -> Arguments:
    options = Arguments(description=" ".join(about.split("\n\n")[0].split()))
    options.add_argument("--mode", choices=["auto", "session", "transaction", "direct"],
                         default="auto", help="session: with a backend for each;"
                         " direct: without a pgballast, which tests the test")  # fmt: skip
    options.add_argument("--io", choices=["auto", "io_uring", "epoll"], default="auto")
    options.add_argument("--seconds", type=int, default=600, help="at most")
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument("--clients", type=int, help="2 to 8, as the seed says")
    options.add_argument("--backends", type=int, help="1 to 3, as the seed says")
    options.add_argument("--program", help="instead of the pgballast that was built")
    return options


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--steps", type=int, default=1000, help="of each client")
    options.add_argument("--must-catch", action="store_true",
                         help="end with status 0 only if a violation was seen")  # fmt: skip
    given = options.parse_args()
    walk = Undisturbed(given)
    walk.run()
    print(json.dumps(walk.report(), indent=1))
    return int(bool(walk.violations) != given.must_catch)


if __name__ == "__main__":
    sys.exit(main())
