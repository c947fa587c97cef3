"""Programs under measurement: started, watched through /proc, stopped by pid."""

import contextlib
import os
import pathlib
import pwd
import queue
import re
import signal
import subprocess
import tempfile
import threading
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def unprivileged_user():
    """Whom servers run as: PostgreSQL and PgBouncer refuse root. None: as we are."""
    return "postgres" if os.geteuid() == 0 else None


@contextlib.contextmanager
def scratch_directory():
    """A directory for servers' data and sockets, theirs to write; removed at the end."""
    with tempfile.TemporaryDirectory(prefix="pgballast-bench-") as name:
        give_to_servers(name)
        yield pathlib.Path(name)


def give_to_servers(path):
    if user := unprivileged_user():
        account = pwd.getpwnam(user)
        os.chown(path, account.pw_uid, account.pw_gid)


class Process:
    """A program in the background. Its output is kept in `log`, line by line."""

    def __init__(self, command, user=None, environment=None):
        self.log = []
        self._lines = queue.Queue()
        self._child = subprocess.Popen(
            [str(word) for word in command],
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            env={**os.environ, **(environment or {})},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # a Ctrl-C is ours to handle, in order
        )
        self.pid = self._child.pid
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._child.stdout:
            self.log.append(line.rstrip("\n"))
            self._lines.put(self.log[-1])
        self._lines.put(None)

    def wait_for(self, pattern, seconds=20):
        """The match of the first line yet unread in which `pattern` is found."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise RuntimeError("\n".join([f"no line with {pattern!r} of:", *self.log[-20:]]))
            if found := re.search(pattern, line):
                return found

    def stop(self, with_signal=signal.SIGTERM, seconds=10):
        """Ends the process, roughly if it does not end itself. Returns its exit status."""
        if self._child.poll() is None:
            self._child.send_signal(with_signal)
            try:
                self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                self._child.kill()
        return self._child.wait()

    def cpu_seconds(self):
        """User and system time of all its threads so far."""
        return cpu_seconds(self.pid)

    def rss_bytes(self):
        return rss_bytes(self.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def cpu_seconds(pid):
    # proc(5): the second field, the program's name, may hold spaces and parentheses.
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    utime, stime = int(fields[11]), int(fields[12])
    return (utime + stime) / TICKS_PER_SECOND


def rss_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


@contextlib.contextmanager
def counted_system_calls(pid):
    """Counts the system calls of all threads of `pid` while the context is open.

    Gives a dict that is filled when it closes: name → number of calls.
    """
    calls = {}
    with tempfile.NamedTemporaryFile("r", prefix="pgballast-strace-") as table:
        tracer = Process(["strace", "-f", "-c", "-o", table.name, "-p", pid])
        try:
            tracer.wait_for(r"Process \d+ attached")
            yield calls
        finally:
            tracer.stop(signal.SIGINT)
        calls.update(parse_strace_table(table.read()))


def parse_strace_table(text):
    """The columns "calls" and "syscall" of the table of `strace -c`."""
    row = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z_]\w*)$", re.MULTILINE)
    return {name: int(calls) for calls, name in row.findall(text) if name != "total"}
