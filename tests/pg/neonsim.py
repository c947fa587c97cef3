"""Starts neonsim, the simulated Neon, and tells it what to do.

    with NeonSim(wake=300) as neon:
        connection = neon.connect()
        neon.suspend()

Every method returns when the thing is done: see tools/neonsim/README.md.
"""

import http.client
import json
import os
import pathlib
import subprocess
import time
from typing import Any, Callable, Optional
from urllib.parse import urlsplit

import psycopg2

CALL_TIMEOUT_S = 120

# What `set` may change, as neonsim starts with it.
DEFAULT_SETTINGS = {
    "wake": 500,
    "rtt": 0,
    "cancel_delay": 5,
    "max_connections": 112,
    "autosuspend": "off",
}
STAGES = ["access", "auth", "wake", "compute"]


def wait_until(
    what: Callable[[], bool], timeout_s: float = 60, describe: Callable[[], str] = lambda: ""
) -> None:
    """Asks again and again until `what` is true."""
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, f"still not so after {timeout_s} s {describe()}"
        time.sleep(0.01)  # polls: whatever the test wants to see


class NeonSim:
    """One neonsim of our own. Options are those of the command line, with underscores:
    `NeonSim(wake="300-1800", autosuspend=2, pg_setting=["work_mem=1MB"])`."""

    def __init__(self, **options: Any) -> None:
        self.initial_settings = {
            name: options.get(name, default) for name, default in DEFAULT_SETTINGS.items()
        }
        template = _template_directory()
        if template is not None:
            options.setdefault("template", template)
        # The pipe on its standard input closes when we end, however we end.
        self.process = subprocess.Popen(
            [_program(), "--exit-with-stdin", *_command_line(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"neonsim ended with {self.process.wait()} instead of being ready")
        self.ready = json.loads(line)
        self.dsn: str = self.ready["dsn"]
        self.direct_options_dsn: str = self.ready["direct_options_dsn"]
        self.port: int = self.ready["port"]
        self.http: str = self.ready["http"]
        self.root_cert: str = self.ready["root_cert"]
        self.pg_socket: str = self.ready["pg_socket"]
        self.pg_port: int = self.ready["pg_port"]
        self.pid: int = self.ready["pid"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(CALL_TIMEOUT_S)
        self.process.stdout.close()

    def __enter__(self) -> "NeonSim":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def reset(self) -> None:
        """Makes it as at its start: suspended, without a client, all of its settings back.
        The data stays."""
        self.rst()
        self.thaw()
        for stage in STAGES:
            self.fail(stage, times=0)
        self.set(**self.initial_settings)
        self.suspend()
        self.wait_for(lambda stats: stats["connections"] == 0)
        self.reset_stats()

    # The compute.

    def suspend(self, mode: str = "fast") -> dict:
        return self.call("suspend", mode=mode)

    def wake(self) -> dict:
        return self.call("wake")

    def restart(self, gap: int = 0, mode: str = "fast") -> dict:
        return self.call("restart", gap=gap, mode=mode)

    def stop_silently(self) -> dict:
        """The compute goes; its clients are left hanging."""
        return self.call("stop-silently")

    # The clients' connections, all of them.

    def fin(self) -> dict:
        return self.call("fin")

    def rst(self) -> dict:
        return self.call("rst")

    def freeze(self) -> dict:
        """Nothing flows and nothing closes until `thaw`."""
        return self.call("freeze")

    def thaw(self) -> dict:
        return self.call("thaw")

    # What is to come.

    def fail(self, stage: str, **what: Any) -> dict:
        """Lets log-ins fail at `stage`: access, auth, wake, compute. Further: text,
        times (0 calls it off), delay_ms, cached (the same error for 30 s)."""
        return self.call("fail", stage=stage, **what)

    def set(self, **settings: Any) -> dict:
        """Changes wake, rtt, cancel_delay (ms), max_connections, autosuspend (s)."""
        return self.call("set", **settings)

    # What has been.

    def stats(self) -> dict:
        return self.call("stats", method="GET")

    def reset_stats(self) -> dict:
        return self.call("stats/reset")

    def wait_for(self, what: Callable[[dict], bool], timeout_s: float = 60) -> dict:
        """Waits until `what` is true of the stats, and returns them."""
        stats = {}

        def look() -> bool:
            stats.update(self.stats())
            return what(stats)

        wait_until(look, timeout_s, lambda: str(stats))
        return stats

    # Connections.

    def connect(self, dsn: Optional[str] = None, **keywords: Any) -> Any:
        """Connects through neonsim, with autocommit."""
        connection = psycopg2.connect(dsn or self.dsn, **keywords)
        connection.autocommit = True
        return connection

    def connect_to_postgres(self, user: str = "cloud_admin", dbname: str = "neondb") -> Any:
        """Connects to the PostgreSQL behind it, past all that is simulated."""
        connection = psycopg2.connect(
            host=self.pg_socket, port=self.pg_port, user=user, dbname=dbname
        )
        connection.autocommit = True
        return connection

    def call(self, verb: str, method: str = "POST", **parameters: Any) -> dict:
        """One control call. Raises ValueError with neonsim's words when it is refused."""
        # Not urllib: it would ask a proxy the environment names.
        control = http.client.HTTPConnection(urlsplit(self.http).netloc, timeout=CALL_TIMEOUT_S)
        try:
            control.request(method, f"/{verb}", json.dumps(parameters) if parameters else None)
            reply = control.getresponse()
            answer = json.loads(reply.read())
        finally:
            control.close()
        if reply.status != 200:
            raise ValueError(answer["error"])
        return answer


def _program() -> str:
    return os.path.join(os.environ.get("PGBALLAST_BUILD", "build"), "bin", "neonsim")


def _command_line(options: dict) -> list:
    words = []
    for name, value in options.items():
        for each in value if isinstance(value, (list, tuple)) else [value]:
            words += [f"--{name.replace('_', '-')}", str(each)]
    return words


def _template_directory() -> Optional[pathlib.Path]:
    """Where initdb's work is kept for the next time, if its account can get there."""
    build = pathlib.Path(_program()).resolve(strict=True).parent.parent
    as_root = os.geteuid() == 0
    if as_root and not all(each.stat().st_mode & 0o001 for each in [build, *build.parents]):
        return None
    return build / "neonsim-template"
