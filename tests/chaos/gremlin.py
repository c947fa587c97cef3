"""What happens to servers: sessions that are terminated, backends that stop or are killed,
restarts, crashes, a standby that does not confirm."""

import os
import random
import signal
import threading
from collections import Counter
from typing import List

from neonsim import wait_until
from postgres import Postgres
from queries import rows, run

OURS = "select pid from pg_stat_activity where backend_type = 'client backend' and usename = 'app'"


class Gremlin(threading.Thread):
    """Strikes every second or so, until it is told to stop; the server then runs."""

    def __init__(self, postgres: Postgres, seed: int) -> None:
        super().__init__(daemon=True)
        self.postgres = postgres
        self.dice = random.Random(f"{seed} gremlin")
        self.strikes: Counter = Counter()
        self.errors: List[BaseException] = []
        self._stopped = threading.Event()

    def run(self) -> None:
        try:
            while not self._stopped.wait(self.dice.uniform(0.2, 1.5)):
                self.strike()
        except BaseException as error:
            self.errors.append(error)
            raise

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def strike(self) -> None:
        if self.dice.random() < 0.8:
            strike = self.dice.choice([self.terminate, self.freeze, self.stall_commits])
        else:
            strike = self.dice.choice(
                [self.restart_fast, self.restart_at_once, self.crash, self.kill_postmaster]
            )
        strike()
        self.strikes[strike.__name__] += 1

    # A strike, each.

    def terminate(self) -> None:
        with_pid = f"select pg_terminate_backend(pid) from ({OURS} order by random() limit 2) them"
        self._ask(with_pid)

    def freeze(self) -> None:
        """A backend that does nothing for a while, and then goes on."""
        for pid in self._pids()[:2]:
            self._signal(pid, signal.SIGSTOP)
            self._stopped.wait(self.dice.uniform(0.1, 0.6))
            self._signal(pid, signal.SIGCONT)

    def stall_commits(self) -> None:
        """Commits wait for a standby that is not there. Who is terminated meanwhile has
        committed all the same."""
        self._set_standby("nobody")
        self._stopped.wait(self.dice.uniform(0.1, 0.4))
        if self.dice.random() < 0.7:
            self.terminate()
        self._stopped.wait(self.dice.uniform(0.0, 0.3))
        self._set_standby("")

    def restart_fast(self) -> None:
        self.postgres.restart("fast")

    def restart_at_once(self) -> None:
        self.postgres.restart("immediate")

    def crash(self) -> None:
        """SIGKILL of one backend: the postmaster ends all others and recovers."""
        seen = len(self.postgres.process.lines)
        pids = self._pids()
        if not pids:
            return
        if not self._signal(pids[0], signal.SIGKILL):
            return
        self.postgres.process.wait_for_line("database system is ready to accept", since=seen)

    def kill_postmaster(self) -> None:
        """Its backends end when they notice, and only then it can be started again."""
        orphans = children_of(self.postgres.process.pid)
        self.postgres.kill()
        wait_until(lambda: not any(map(is_alive, orphans)))
        self.postgres.start()

    # Their means.

    def _pids(self) -> List[int]:
        return [pid for (pid,) in self._ask(f"{OURS} order by random()")]

    def _ask(self, text: str) -> List[tuple]:
        connection = self.postgres.connect()
        try:
            return rows(connection, text)
        finally:
            connection.close()

    def _set_standby(self, name: str) -> None:
        connection = self.postgres.connect()
        try:
            run(connection, f"alter system set synchronous_standby_names = '{name}'")
            run(connection, "select pg_reload_conf()")
        finally:
            connection.close()

    def _signal(self, pid: int, number: signal.Signals) -> bool:
        """False if it has ended in between."""
        try:
            os.kill(pid, number)
            return True
        except ProcessLookupError:
            return False


def children_of(pid: int) -> List[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
