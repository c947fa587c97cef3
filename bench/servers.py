"""What is measured: PostgreSQL itself, PgBouncer, pgballast. Each is a context manager."""

import functools
import pathlib
import re
import shutil
import signal
import socket
import subprocess

from processes import Process, give_to_servers, unprivileged_user
from wire import Connection, make_verifier

ROOT = pathlib.Path(__file__).resolve().parents[1]
POSTGRES_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")

USER, PASSWORD, DATABASE = "bench", "bench-password", "bench"
POOL_SIZE = 10
CLIENTS_MAX = 10_000


@functools.cache
def verifier():
    """One for all: proxies then log clients in at the same cost."""
    return make_verifier(PASSWORD)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Target:
    """Something that speaks PostgreSQL's protocol on a loopback port."""

    name = ""
    version = ""
    port = 0
    process = None  # None: no proxy whose costs could be told
    protocols = ("simple", "extended", "prepared")

    def connect(self, timeout=20):
        return Connection(("127.0.0.1", self.port), USER, PASSWORD, DATABASE, timeout=timeout)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process:
            self.process.stop()


class Postgres(Target):
    """A cluster of its own. Backends log in by trust, so that logins cost proxies alike."""

    name = "direct"
    SETTINGS = {
        "fsync": "off",
        "synchronous_commit": "off",
        "max_connections": 200,
        "shared_buffers": "256MB",
        "autovacuum": "off",
        "jit": "off",
        "listen_addresses": "127.0.0.1",
    }

    def __init__(self, directory):
        self.data = directory / "data"
        self.sockets = directory
        self.port = free_port()
        self.server = None

    def start(self):
        if not self.data.exists():
            self._initdb()
        self.launch()
        self._make_database()
        self.version = self._psql("show server_version", DATABASE)

    def _initdb(self):
        run_unprivileged([POSTGRES_BIN / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust",
                          "-N", "-E", "UTF8", "--locale=C"])  # fmt: skip

    def launch(self):
        """Starts the postmaster and returns when it takes connections."""
        settings = [f"-c{name}={value}" for name, value in self.SETTINGS.items()]
        self.server = Process(
            [POSTGRES_BIN / "postgres", "-D", self.data, "-k", self.sockets, "-p", self.port, *settings],
            user=unprivileged_user(),
        )
        self.server.wait_for("database system is ready to accept connections")

    def _make_database(self):
        if not self._psql(f"select 1 from pg_database where datname = '{DATABASE}'", "postgres"):
            self._psql(f"create role {USER} superuser login password '{verifier()}'", "postgres")
            self._psql(f"create database {DATABASE} owner {USER}", "postgres")

    def _psql(self, sql, database):
        command = [POSTGRES_BIN / "psql", "-XAtq", "-h", self.sockets, "-p", str(self.port),
                   "-U", "postgres", "-d", database, "-c", sql]  # fmt: skip
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout.strip()

    def stop(self, mode=signal.SIGINT):
        """Stops it; SIGINT is a fast shutdown: https://www.postgresql.org/docs/15/server-shutdown.html"""
        if self.server:
            self.server.stop(mode)


class Pgbouncer(Target):
    name = "pgbouncer"

    def __init__(self, directory, upstream):
        self.directory = directory / "pgbouncer"
        self.upstream = upstream
        output = subprocess.run([PGBOUNCER, "--version"], capture_output=True, text=True).stdout
        self.version = re.search(r"\d+(\.\d+)+", output)[0]
        # Prepared statements in transaction mode came with 1.21.
        if tuple(map(int, self.version.split("."))) < (1, 21):
            self.protocols = ("simple", "extended")

    def start(self):
        self.port = free_port()
        self.directory.mkdir(exist_ok=True)
        configuration = self.directory / "pgbouncer.ini"
        configuration.write_text(f"""\
[databases]
{DATABASE} = host=127.0.0.1 port={self.upstream.port} dbname={DATABASE} user={USER}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {self.directory / "users.txt"}
pool_mode = transaction
default_pool_size = {POOL_SIZE}
max_client_conn = {CLIENTS_MAX}
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
log_pooler_errors = 0
""")
        (self.directory / "users.txt").write_text(f'"{USER}" "{verifier()}"\n')
        give_to_servers(self.directory)
        self.process = Process([PGBOUNCER, configuration], user=unprivileged_user())
        self.process.wait_for("process up")


class Pgballast(Target):
    PROGRAM = ROOT / "build" / "bin" / "pgballast"

    def __init__(self, directory, upstream, mode, io):
        self.name = f"pgballast {mode} {io}"
        self.mode = mode
        self.io = io
        self.upstream = upstream
        self.configuration = directory / f"pgballast-{mode}-{io}.yaml"

    def start(self):
        self.configuration.write_text(f"""\
listen: [127.0.0.1:0]
admin: {{ listen: 127.0.0.1:0 }}
io: {self.io}
databases:
  {DATABASE}:
    upstream: postgresql://{USER}@127.0.0.1:{self.upstream.port}/{DATABASE}?sslmode=disable
    pool: {{ mode: {self.mode}, max: {POOL_SIZE} }}
users:
  - {{ name: {USER}, scram: "{verifier()}" }}
limits: {{ clients: {CLIENTS_MAX} }}
log: {{ level: info, format: text }}
""")
        self.process = Process([self.PROGRAM, "run", "--config", self.configuration])
        self.port = int(self.process.wait_for(r"\blistening address=127\.0\.0\.1:(\d+)")[1])
        output = subprocess.run([self.PROGRAM, "--version"], capture_output=True, text=True).stdout
        self.version = output.strip()


def run_unprivileged(command):
    """Runs a program to its end as the user the servers run as."""
    account = {"user": user, "extra_groups": []} if (user := unprivileged_user()) else {}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **account)
