#!/usr/bin/python3
"""Clients walk at random over all that changes a session, each beside a twin on a direct
connection, and lose their backends between any two requests; both must be told the same, but
for the two errors that say what was lost: 40001 in a transaction block, after which both roll
back, and 57P01 naming what cannot be carried over, which ends the walk.

    losing_walk.py --walks 1000 --seed 7

One client acts at a time, so a walk is the same for the same seed. Ends with status 1 if
anybody was told anything else.
"""

import collections
import json
import re
import sys
import time
from typing import Any, Callable, Counter, Dict, List, Union

from undisturbed import Undisturbed, parser  # first: it tells where the modules of tests/pg are
from neonsim import wait_until
from queries import rows
from sessions import Lost, Row, SimpleSession
from twin_walk import TwinWalk
from workloads import Violation

# Of the requests, in front of which the backends are lost.
LOSSES = 0.05

# What is lost only of those who did not think after it.
UNSEEN = {"what nobody has looked at", "Functions or views"}


class Undone(Exception):
    """The transaction was lost, and is rolled back on both sides."""


class Ended(Exception):
    """The session was lost; the message names what it had."""


class LosingWalk(TwinWalk):
    def __init__(self, number: int, losing: "Losing") -> None:
        super().__init__(number, losing.given.seed, *losing.urls())
        self.losing = losing
        self.known_losses = 0

    def both(self, how: Union[str, Callable[[SimpleSession], List[Row]]], shown: str = "") -> None:
        if self.dice.random() < LOSSES:
            self.history.append("(backends are lost)")
            self.losing.lose(rested=self.dice.random() < 0.5)
        if how == "rollback to a" and self.session.in_failed_block:
            self.undo()  # one that was lost has no savepoints to go back to
        super().both(self.listening(how), shown or str(how))
        self.known_losses = self.losing.losses_without_rest

    def listening(self, how: Union[str, Callable[[SimpleSession], List[Row]]]) -> Callable[[SimpleSession], List[Row]]:
        """The same, but for what tells of a loss."""

        def run(session: SimpleSession) -> List[Row]:
            try:
                return session.run(how) if isinstance(how, str) else how(session)
            except Lost as error:
                if session is self.session:
                    self.hear(error)
                raise

        return run

    def hear(self, error: Lost) -> None:
        if error.sqlstate == "40001" and "lost with its backend" in error.message:
            self.undo()
        if error.sqlstate == "57P01" and "session state" in error.message:
            named = re.search(r"DETAIL: +(?:Lost: (.*?)|(Functions or views) of .*)\.", error.message)
            lost = named and (named[1] or named[2])
            rested = self.known_losses == self.losing.losses_without_rest
            if not lost or (lost in UNSEEN and rested):
                raise Violation(f"walker {self.number}: {error} after {list(self.history)}")
            raise Ended(lost)


    def undo(self) -> None:
        for each in (self.session, self.twin):
            each.run("rollback")
        raise Undone


class Losing(Undisturbed):
    def play(self) -> None:
        self.ended: Counter[str] = collections.Counter()
        self.walks = self.undone = self.lost = 0
        self.server = self.postgres.connect()
        self.losses_without_rest = 0
        walks = [LosingWalk(number, self) for number in range(1, self.given.clients + 1)]
        sessions: Dict[int, SimpleSession] = {}
        until = time.monotonic() + self.given.seconds
        try:
            while self.walks < self.given.walks and time.monotonic() < until:
                for walk in walks:
                    self.step(walk, sessions)
        except Violation as seen:
            self.violations.append(str(seen))

    def step(self, walk: LosingWalk, sessions: Dict[int, SimpleSession]) -> None:
        if walk.number not in sessions or sessions[walk.number].closed:
            sessions[walk.number] = walk.connect()
            self.walks += 1
        try:
            walk.step(sessions[walk.number])
        except Undone:
            self.undone += 1
        except Ended as end:
            self.ended[str(end)] += 1
            sessions.pop(walk.number).close()
            walk.twin.close()
            walk.known_losses = self.losses_without_rest

    def lose(self, rested: bool) -> None:
        """Ends all of pgballast's backends in the database, which are idle; `rested`: when their
        clients have thought long enough to be looked at."""
        ours = "from pg_stat_activity where usename = 'app' and datname = 'app'"
        busy = f"select {ours} and (state = 'active' or clock_timestamp() - state_change < '200ms')"
        if rested:
            wait_until(lambda: not rows(self.server, busy))
        else:
            self.losses_without_rest += 1
        known = self.proxy.count("backend lost")
        ended = rows(self.server, f"select pg_terminate_backend(pid, 10000) {ours}")
        wait_until(lambda: self.proxy.count("backend lost") >= known + len(ended))
        self.lost += len(ended)

    def report(self) -> Dict[str, Any]:
        more = {"walks": self.walks, "backends lost": self.lost, "blocks undone": self.undone,
                "sessions ended": dict(self.ended)}  # fmt: skip
        report = super().report()
        return {**report, **more, "violations": report.pop("violations")}


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--walks", type=int, default=1000, help="of all clients together")
    given = options.parse_args()
    given.backends = given.clients  # all may keep theirs, and nobody acts until one has acted
    walks = Losing(given)
    walks.run()
    print(json.dumps(walks.report(), indent=1))
    return int(bool(walks.violations))


if __name__ == "__main__":
    sys.exit(main())
