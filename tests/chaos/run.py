#!/usr/bin/python3
"""Chaos: clients write through pgballast while what it stands on is cut, killed and
restarted; afterwards a direct connection shows whether anybody was lied to.

    run.py --mode transaction --seconds 60 --seed 7

Ends with status 1 if something was seen that must not be, 2 if too little happened to
prove anything.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import sys
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Optional

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "pg"))

from gremlin import Gremlin  # noqa: E402
from losses import losses  # noqa: E402
from neonsim import wait_until  # noqa: E402
from pgballast import Pgballast  # noqa: E402
from postgres import Postgres  # noqa: E402
from process import Process, ends_with_us  # noqa: E402
from queries import run, value  # noqa: E402
from sessions import (  # noqa: E402
    PATIENCE_S, ExtendedSession, Lost, PipelinedSession, SimpleSession,
)  # fmt: skip
from walk import SETUP, ReportedWalk, SharedWalk, State, Walk, look  # noqa: E402
from workloads import TABLES, Appends, Bank, Counting, Inserts, Violation, Workload  # noqa: E402

# Which clients there are: a workload, through which driver.
WRITERS = [
    (Inserts, SimpleSession), (Inserts, ExtendedSession), (Inserts, PipelinedSession),
    (Inserts, PipelinedSession), (Counting, SimpleSession), (Counting, ExtendedSession),
    (Bank, SimpleSession), (Bank, ExtendedSession), (Bank, SimpleSession),
    (Appends, SimpleSession), (Appends, ExtendedSession),
]  # fmt: skip
WALKERS = 4
WALKERS_BACKENDS = 2

# What a client may be told. 08007: the outcome is unknown; 40001: nothing of it was done. No
# connection ends but those of walkers who have pinned what is lost: 57P01.
MAY_BE_TOLD = {
    "transaction": {"08007", "40001"},
    "session": {"08007", "40001"},
    "auto": {"08007", "40001"},
    "undisturbed": set(),
}
WALKERS_MAY_BE_TOLD = {"transaction": set(), "session": {"57P01"}, "auto": {"57P01"}}

# How many of the writes outside a block may see any error, judged where a run is long enough to
# tell. A write that is under way when its connection is cut is unknown whatever pgballast does,
# so cuts must not be so frequent that these alone are more than that: a long run has one after
# so many messages, a short one many more.
ERRORS_MAX_PERCENT, JUDGED_FROM_S, JUDGED_MESSAGES, MESSAGES = 3, 60, 500, 60

WALKS = {"all": Walk, "shared": SharedWalk, "reported": ReportedWalk}
WALK_OF = {"session": "all", "auto": "shared", "transaction": "reported"}


class Client(threading.Thread):
    """Goes on with its workload on the same session, whatever it is told; on a new one when
    the old one has ended."""

    def __init__(self, workload: Workload, mode: str, connect: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.may_be_told = MAY_BE_TOLD[mode]
        if isinstance(workload, Walk):
            self.may_be_told = self.may_be_told | WALKERS_MAY_BE_TOLD[mode]
        self.workload = workload
        self.connect = connect
        self.steps = 0
        self.told: collections.Counter = collections.Counter()
        self.violation: Optional[str] = None
        self.since = time.monotonic()  # it waits for the same answer
        self.leaving = threading.Event()

    def run(self) -> None:
        session = None
        while not self.leaving.is_set() and not self.violation:
            self.since = time.monotonic()
            try:
                if session is None or session.closed:
                    session = self.connect()
                self.workload.step(session)
                self.steps += 1
            except Lost as error:
                self.hear(error)
                if session and not session.closed:
                    self.leave_block(session)
            except Exception as error:
                self.violation = f"{type(error).__name__}: {error}"
        if session and not session.closed:
            session.close()

    def hear(self, error: Lost) -> None:
        self.told[error.sqlstate or "closed"] += 1
        if error.sqlstate not in self.may_be_told:
            self.violation = f"was told {error}"

    def leave_block(self, session: Any) -> None:
        """Whose backend is lost. It cannot fail."""
        try:
            if session.in_block:
                session.run("rollback")
        except Lost as error:
            self.violation = f"was told {error} by ROLLBACK"
        if session.in_block:
            self.violation = "is in a block behind ROLLBACK"

    def is_stuck(self) -> bool:
        return self.is_alive() and time.monotonic() - self.since > PATIENCE_S + 10


class Injector:
    def __init__(self, upstream_port: int, seed: int, messages: float) -> None:
        command = [sys.executable, "-B", str(HERE / "injector.py"), "--seed", str(seed)]
        command += ["--upstream", f"127.0.0.1:{upstream_port}", "--messages", str(messages)]
        self.process = Process(ends_with_us(command))
        line = self.process.wait_for_line("listening")
        self.port = json.loads(line.text)["port"]
        self.done: Dict[str, Any] = {}

    def be_quiet(self) -> None:
        self.process.send_signal(signal.SIGUSR1)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.done = json.loads(self.process.wait_for_line('"done"').text)
        self.process.wait()

    @property
    def cuts(self) -> Dict[str, int]:
        return self.done.get("cuts", {})


class Chaos:
    """One run: servers, faults, clients, and what is made of it."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.clients: List[Client] = []
        self.violations: List[str] = []
        self.losses: Dict[str, int] = {}

    def run(self) -> None:
        Walk.draws = not self.given.faults
        with contextlib.ExitStack() as stack:
            self.postgres = stack.enter_context(Postgres(jit="off"))
            self.make_tables()
            self.injector = Injector(self.postgres.port, self.given.seed, self.given.messages)
            stack.callback(self.injector.process.send_signal, signal.SIGKILL)
            self.proxy = stack.enter_context(self.start_proxy())
            self.gremlin = Gremlin(self.postgres, self.given.seed)
            self.play()
            self.come_to_rest()
            self.judge()
            with contextlib.suppress(OSError):  # if it has ended, that was told
                self.losses = losses(self.proxy.admin_port)
            self.injector.stop()
            self.violations += self.injector.done["errors"]

    def make_tables(self) -> None:
        server = self.postgres.connect()
        run(server, f"set role app; {TABLES}")
        run(server, f"reset role; {SETUP}")
        run(server, "grant usage on sequence walked to app")
        server.close()

    def start_proxy(self) -> Pgballast:
        backends = 5  # fewer than clients
        if self.given.mode == "session":
            backends = len(WRITERS) + WALKERS_BACKENDS
        return Pgballast(
            self.url_of(self.injector.port) + "?sslmode=disable",
            mode=self.given.mode,
            io=self.given.io,
            threads=2,
            admin=True,
            pool={"max": backends},
            retry={"wait_timeout": f"{PATIENCE_S // 2}s"},
            breaker={"open_for": "1s"},
            log_level="info",
        )

    # Clients.

    def make_clients(self) -> Iterator[Client]:
        url = self.url_of(self.proxy.port)
        for number, (workload, session) in enumerate(WRITERS, 1):
            work = workload(number, self.given.seed)
            yield Client(work, self.given.mode, lambda make=session: make(url))
        walk = WALKS[self.given.walk]
        fresh = self.fresh_state()
        for number in range(100, 100 + WALKERS):
            work = walk(number, self.given.seed, fresh)
            yield Client(work, self.given.mode, lambda: SimpleSession(url))

    def fresh_state(self) -> State:
        direct = SimpleSession(self.url_of(self.postgres.port))
        state = look(direct)
        direct.close()
        return state

    def url_of(self, port: int) -> str:
        return self.postgres.dsn.replace(f":{self.postgres.port}/", f":{port}/")

    def play(self) -> None:
        self.clients = list(self.make_clients())
        for client in self.clients:
            client.start()
        if self.given.faults:
            self.gremlin.start()
        end = time.monotonic() + self.given.seconds
        while time.monotonic() < end and not self.gather_violations():
            time.sleep(0.2)  # polls: until the time is up, or something is wrong

    def gather_violations(self) -> bool:
        self.violations = [client.violation for client in self.clients if client.violation]
        self.violations += ["a client is stuck" for client in self.clients if client.is_stuck()]
        self.violations += [f"the gremlin failed: {error!r}" for error in self.gremlin.errors]
        if self.proxy.process.returncode is not None:
            self.violations.append(f"pgballast has ended with {self.proxy.process.returncode}")
        return bool(self.violations)

    def come_to_rest(self) -> None:
        """No more faults; everybody finishes what is under way."""
        self.injector.be_quiet()
        if self.gremlin.ident:
            self.gremlin.stop()
        for client in self.clients:
            client.leaving.set()
        for client in self.clients:
            client.join(PATIENCE_S + 10)
        self.gather_violations()
        self.violations += ["a client is stuck" for client in self.clients if client.is_alive()]

    # What is made of it.

    def judge(self) -> None:
        server = self.postgres.connect()
        busy = "select count(*) from pg_stat_activity where usename = 'app' and state <> 'idle'"
        try:
            wait_until(lambda: value(server, busy) == 0)
        except AssertionError:
            self.violations.append("a backend is still busy, though nobody uses it")
        for workload in {type(client.workload) for client in self.clients}:
            theirs = [c.workload for c in self.clients if type(c.workload) is workload]
            try:
                workload.judge(server, theirs)
            except Violation as violation:
                self.violations.append(str(violation))
        server.close()
        judged = self.given.seconds >= JUDGED_FROM_S and self.given.messages >= JUDGED_MESSAGES
        if judged and self.errors_percent() >= ERRORS_MAX_PERCENT:
            self.violations.append(f"{self.errors_percent()} % of writes alone saw an error")

    def errors_percent(self) -> float:
        alone = sum(client.workload.told.alone for client in self.clients)
        failed = sum(client.workload.told.alone_failed for client in self.clients)
        return round(100 * failed / max(1, alone), 2)

    def kills(self) -> int:
        return sum(self.injector.cuts.values()) + sum(self.gremlin.strikes.values())

    def proves_nothing(self) -> bool:
        idle = [client for client in self.clients if client.steps == 0]
        return bool(idle) or (self.given.faults and self.kills() < self.given.seconds)

    def report(self) -> Dict[str, Any]:
        told: collections.Counter = collections.Counter()
        steps: collections.Counter = collections.Counter()
        acknowledged = unknown = 0
        for client in self.clients:
            told += client.told
            steps[type(client.workload).__name__] += client.steps
            acknowledged += len(client.workload.told.acknowledged)
            unknown += len(client.workload.told.unknown)
        return {
            "mode": self.given.mode,
            "io": self.given.io,
            "seed": self.given.seed,
            "seconds": self.given.seconds,
            "kills": self.kills(),
            "cuts": dict(sorted(self.injector.cuts.items())),
            "strikes": dict(sorted(self.gremlin.strikes.items())),
            "steps": dict(steps),
            "writes acknowledged": acknowledged,
            "writes unknown": unknown,
            "writes alone": sum(client.workload.told.alone for client in self.clients),
            "of these told an error, %": self.errors_percent(),
            "losses": dict(sorted(self.losses.items())),
            "told": dict(sorted(told.items())),
            "violations": self.violations,
        }


def parse_arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--mode", choices=list(WALK_OF), default="session")
    options.add_argument("--io", choices=["auto", "io_uring", "epoll"], default="auto")
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument("--messages", type=float, help="before a cut, on average")
    options.add_argument("--walk", choices=list(WALKS),
                         help="what is walked over, instead of what the mode promises")
    options.add_argument("--no-faults", dest="faults", action="store_false")
    options.add_argument("--must-catch", metavar="PATTERN",
                         help="end with status 0 only if a violation like this was seen")  # fmt: skip
    options.add_argument("--program", help="instead of the pgballast that was built")
    given = options.parse_args()
    given.walk = given.walk or WALK_OF[given.mode]
    given.messages = given.messages or (
        JUDGED_MESSAGES if given.seconds >= JUDGED_FROM_S else MESSAGES
    )
    if not given.faults:
        given.messages = 1e12
    return given


def run_once(given: argparse.Namespace) -> Chaos:
    chaos = Chaos(given)
    chaos.run()
    print(json.dumps(chaos.report(), indent=1))
    return chaos


def catches(given: argparse.Namespace) -> bool:
    """Whether what is wrong shows. A run may end of something else before it does, such as a
    client that is stuck: then the next seed has its turn."""
    for given.seed in range(given.seed, given.seed + 4):
        if any(re.search(given.must_catch, violation) for violation in run_once(given).violations):
            return True
    return False


def main() -> int:
    given = parse_arguments()
    if given.program:
        os.environ["PGBALLAST_PROGRAM"] = given.program
    if given.must_catch:
        return 0 if catches(given) else 1
    chaos = run_once(given)
    if chaos.violations:
        return 1
    return 2 if chaos.proves_nothing() else 0


if __name__ == "__main__":
    sys.exit(main())
