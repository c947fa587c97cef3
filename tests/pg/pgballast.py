"""Starts pgballast with a configuration made of arguments, and reads its log.

    with Pgballast(neon.dsn, mode="session", pool={"max": 1}) as proxy:
        connection = proxy.connect()
"""

import json
import os
import pathlib
import re
import signal
import tempfile
from typing import Any, Dict, Optional

import psycopg2
from plainclient import PlainClient
from process import Line, Process, ends_with_us
from psycopg2.extensions import parse_dsn


class CannotServe(Exception):
    """It ended instead of listening; the text is what it said."""


class Pgballast:
    """One pgballast of our own, in front of `upstream`.

    `pool`, `retry`, `breaker`, `health` and `answer_pings` are keys of its one database, and `limits`
    one of the whole; further arguments are keys of the document's root. Its databases are
    called what the upstream's is, and "*"."""

    def __init__(
        self,
        upstream: str,
        mode: str = "transaction",
        io: str = "auto",
        admin: bool = False,
        limits: Optional[Dict[str, Any]] = None,
        log_level: str = "debug",
        **keys: Any,
    ) -> None:
        sections = {
            name: keys.pop(name)
            for name in ["retry", "breaker", "health", "answer_pings"]
            if name in keys
        }
        pool = {"mode": mode, **keys.pop("pool", {})}
        database = {"upstream": upstream, "pool": pool, **sections}
        self.upstream = parse_dsn(upstream)
        self.document = {
            "listen": ["127.0.0.1:0"],
            "admin": {"listen": "127.0.0.1:0"} if admin else "off",
            "databases": {self.upstream["dbname"]: database, "*": database},
            "limits": {"drain_timeout": "5s", **(limits or {})},
            "io": io,
            # So that each test of both engines sees one worker and two: backends move.
            "threads": 2 if io == "epoll" else 1,
            "log": {"level": log_level},
            **keys,
        }
        self.directory = tempfile.TemporaryDirectory(prefix="pgballast-")
        config = pathlib.Path(self.directory.name) / "pgballast.yaml"
        config.write_text(json.dumps(self.document, indent=1))  # which is YAML, too
        self.asked_to_end = False
        self.process = Process(ends_with_us([program(), "run", "--config", str(config)]))
        try:
            self.port = _port(self._wait_until_listening("(?<!admin )listening"))
            self.admin_port = _port(self._wait_until_listening("admin listening")) if admin else 0
        except AssertionError:
            self.directory.cleanup()
            if self.process.returncode is None:
                self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            raise CannotServe(self.log()) from None

    def __enter__(self) -> "Pgballast":
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def terminate(self) -> None:
        """Asks it to end, as systemd does."""
        self.asked_to_end = True
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Ends it, unless that was asked already, and checks that it ends well."""
        if not self.asked_to_end:
            self.terminate()
        status = self.process.wait()
        self.directory.cleanup()
        print(self.log())  # shown by pytest when the test has failed
        assert status == 0, f"pgballast ended with {status}"
        assert self.process.lines[-1].text.endswith("stopped")

    # Connections.

    def dsn(self, **keywords: Any) -> str:
        return psycopg2.extensions.make_dsn(**self._keywords(**keywords))

    def url(self) -> str:
        """For drivers that take no keywords."""
        own = self.upstream
        return f"postgresql://{own['user']}:{own['password']}@127.0.0.1:{self.port}/{own['dbname']}"

    def connect(self, **keywords: Any) -> Any:
        """A connection with autocommit, as the upstream's user."""
        connection = psycopg2.connect(**self._keywords(**keywords))
        connection.autocommit = True
        return connection

    def raw(self, password: str = "", **parameters: str) -> PlainClient:
        """A client that shows every message, let in with these startup parameters.
        Raises Refused if it is not."""
        parameters.setdefault("user", self.upstream["user"])
        parameters.setdefault("database", self.upstream["dbname"])
        client = PlainClient(self.port)
        client.log_in(password or self.upstream["password"], **parameters)
        return client

    def _keywords(self, **keywords: Any) -> Dict[str, Any]:
        own = {name: self.upstream[name] for name in ["user", "password", "dbname"]}
        return {"host": "127.0.0.1", "port": self.port, **own, **keywords}

    # The log.

    def log(self) -> str:
        return self.process.log()

    def count(self, pattern: str) -> int:
        return self.process.count(pattern)

    def wait_for_line(self, pattern: str, timeout_s: float = 30) -> Line:
        return self.process.wait_for_line(pattern, timeout_s)

    def memory(self) -> int:
        """What it has in memory now, in bytes: VmRSS in proc(5)."""
        return self._memory("VmRSS")

    def peak_memory(self) -> int:
        """The most it has had in memory so far, in bytes."""
        return self._memory("VmHWM")

    def _memory(self, which: str) -> int:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{which}:\s+(\d+) kB", status)[1]) * 1024

    def _wait_until_listening(self, event: str) -> Line:
        return self.process.wait_for_line(rf"{event} address=\S+:\d+")


def _port(line: Line) -> int:
    return int(line.text.rsplit(":", 1)[1].split()[0])


def program() -> str:
    """The one that was built, unless another one is to be tested."""
    built = os.path.join(os.environ.get("PGBALLAST_BUILD", "build"), "bin", "pgballast")
    return os.environ.get("PGBALLAST_PROGRAM", built)
