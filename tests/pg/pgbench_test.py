"""pgbench through pgballast: every transaction is answered, and none with an error."""

import os
import re
import subprocess

import pytest
from postgres import BIN

SECONDS = 2

# Prepared statements have names, which transaction mode does not carry over.
CASES = [
    ("transaction", "simple", "select-only", 1),
    ("transaction", "simple", "tpcb-like", 100),
    ("transaction", "extended", "select-only", 100),
    ("transaction", "extended", "tpcb-like", 10),
    ("session", "simple", "tpcb-like", 1),
    ("session", "extended", "select-only", 10),
    ("session", "prepared", "select-only", 100),
    ("session", "prepared", "tpcb-like", 10),
]


def pgbench(proxy, *arguments: str) -> str:
    environment = {**os.environ, "PGPASSWORD": proxy.upstream["password"]}
    command = [str(BIN / "pgbench"), "-h", "127.0.0.1", "-p", str(proxy.port), *arguments]
    command += ["-U", proxy.upstream["user"], proxy.upstream["dbname"]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def bench_tables(shared_postgres) -> None:
    environment = {**os.environ, "PGPASSWORD": "app-password"}
    command = [str(BIN / "pgbench"), "-i", "-q", "-s", "5", shared_postgres.dsn]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)


@pytest.mark.usefixtures("bench_tables")
@pytest.mark.parametrize("mode, protocol, script, clients", CASES)
def test_pgbench_runs_without_an_error(
    shared_postgres, start_pgballast, io, mode, protocol, script, clients
):
    most = clients if mode == "session" else 10
    proxy = start_pgballast(
        shared_postgres.dsn, mode=mode, io=io, pool={"max": most}, log_level="info"
    )
    said = pgbench(
        proxy, "-n", "-b", script, "-M", protocol, "-c", str(clients), "-T", str(SECONDS)
    )
    assert int(re.search(r"transactions actually processed: (\d+)", said)[1]) > 0
    assert int(re.search(r"failed transactions: (\d+)", said)[1]) == 0
