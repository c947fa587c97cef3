"""A program under test: started, listened to, and ended by its own id."""

import concurrent.futures
import os
import pwd
import re
import signal
import subprocess
import threading
import time
from typing import List, NamedTuple, Optional, Sequence

START_TIMEOUT_S = 60
END_TIMEOUT_S = 60


class Line(NamedTuple):
    at: float  # time.monotonic() when it was read
    text: str


# A program that is to end with us ends with the thread that started it: prctl(2). This one
# lives until the interpreter ends.
_starter = concurrent.futures.ThreadPoolExecutor(max_workers=1)


def ends_with_us(command: Sequence[str]) -> List[str]:
    """The same command, which gets SIGINT when this process ends, however it ends."""
    return ["setpriv", "--pdeathsig", "INT", *command]


def as_postgres(command: Sequence[str]) -> List[str]:
    """The same command for an account PostgreSQL runs under, which root is not."""
    if os.geteuid() != 0:
        return list(command)
    account = pwd.getpwnam("postgres")
    ids = ["--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--init-groups"]
    return ["setpriv", *ids, *command]


class Process:
    """Collects the lines of its standard error while it runs."""

    def __init__(self, command: Sequence[str]) -> None:
        self.lines: List[Line] = []
        self._more = threading.Condition()
        self._process = _starter.submit(
            subprocess.Popen,
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a backend whose postmaster was killed may prompt there
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ).result()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> Optional[int]:
        return self._process.poll()

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, timeout_s: float = END_TIMEOUT_S) -> int:
        """Its exit status, once it has ended and all it said has been read."""
        status = self._process.wait(timeout_s)
        self._reader.join(timeout_s)
        self._process.stderr.close()
        return status

    def log(self) -> str:
        return "\n".join(line.text for line in list(self.lines))

    def count(self, pattern: str) -> int:
        return sum(1 for line in list(self.lines) if re.search(pattern, line.text))

    def wait_for_line(
        self, pattern: str, timeout_s: float = START_TIMEOUT_S, since: int = 0
    ) -> Line:
        """The first line, after the first `since` ones, in which the pattern is found."""
        deadline = time.monotonic() + timeout_s
        with self._more:
            at = since
            while True:
                for at in range(at, len(self.lines)):
                    if re.search(pattern, self.lines[at].text):
                        return self.lines[at]
                at = len(self.lines)
                left = deadline - time.monotonic()
                assert left > 0, f"no {pattern!r} within {timeout_s} s:\n{self.log()}"
                assert self._reader.is_alive(), f"ended without {pattern!r}:\n{self.log()}"
                self._more.wait(min(left, 1))

    def _read(self) -> None:
        for text in self._process.stderr:
            with self._more:
                self.lines.append(Line(time.monotonic(), text.rstrip("\n")))
                self._more.notify_all()
        with self._more:
            self._more.notify_all()
