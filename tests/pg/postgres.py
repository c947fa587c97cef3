"""An ordinary PostgreSQL of our own: it does not suspend, but it may be stopped.

    with Postgres() as postgres:
        connection = postgres.connect()
        postgres.restart()
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
from typing import Any, Optional, Sequence

import psycopg2
from process import Line, Process, as_postgres, ends_with_us
from queries import run

BIN = pathlib.Path(os.environ.get("PGBIN", "/usr/lib/postgresql/15/bin"))
USER, PASSWORD, DATABASE = "app", "app-password", "app"

READY = "database system is ready to accept connections"

SETTINGS = {
    "fsync": "off",
    "max_connections": "300",
    "max_prepared_transactions": "2",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "log",
}


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Postgres:
    """Logs in by SCRAM over TCP. `address` is where it listens; `prefix` is put in front of
    the command that starts it, as `ip netns exec …` is."""

    def __init__(
        self,
        address: str = "127.0.0.1",
        port: Optional[int] = None,
        prefix: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        self.address = address
        self.port = port or free_port()
        self.prefix = list(prefix)
        self.settings = {**SETTINGS, **settings, "listen_addresses": address, "port": self.port}
        self.process: Optional[Process] = None
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="pgballast-postgres-"))
        try:
            if os.geteuid() == 0:
                shutil.chown(self.directory, "postgres")
            self.dsn = f"postgresql://{USER}:{PASSWORD}@{address}:{self.port}/{DATABASE}"
            self._init()
            self.start()
            self._make_database()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Postgres":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        if self.process:
            self.stop("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self) -> Line:
        """Returns when it accepts connections, with the line that says so."""
        assert self.process is None
        command = [str(BIN / "postgres"), "-D", str(self.directory / "data")]
        command += ["-k", str(self.directory)]
        for name, value in self.settings.items():
            command.append(f"--{name}={value}")
        self.process = Process([*self.prefix, *as_postgres(ends_with_us(command))])
        return self.process.wait_for_line(READY)

    def stop(self, mode: str = "fast") -> None:
        """https://www.postgresql.org/docs/15/server-shutdown.html"""
        signals = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
        process, self.process = self.process, None
        process.send_signal(signals[mode])
        process.wait()

    def restart(self, mode: str = "fast") -> Line:
        self.stop(mode)
        return self.start()

    def kill(self) -> None:
        """SIGKILL to the postmaster: its backends end when they find out."""
        process, self.process = self.process, None
        process.send_signal(signal.SIGKILL)
        process.wait()

    def connect(self, **keywords: Any) -> Any:
        """As the superuser, through the Unix socket, with autocommit."""
        keywords = {"user": "postgres", "dbname": DATABASE, **keywords}
        connection = psycopg2.connect(host=str(self.directory), port=self.port, **keywords)
        connection.autocommit = True
        return connection

    def _init(self) -> None:
        command = [str(BIN / "initdb"), "-D", str(self.directory / "data"), "-U", "postgres"]
        command += ["-N", "-E", "UTF8", "--locale=C"]
        command += ["--auth-local=trust", "--auth-host=scram-sha-256"]
        subprocess.run(
            as_postgres(command), check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=300
        )
        hba = self.directory / "data" / "pg_hba.conf"
        hba.write_text("local all all trust\nhost all all all scram-sha-256\n")

    def _make_database(self) -> None:
        server = self.connect(dbname="postgres")
        run(server, f"create role {USER} login password '{PASSWORD}'")
        run(server, f"create database {DATABASE} owner {USER}")
        server.close()
