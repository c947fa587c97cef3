"""pgbench through pgballast: every transaction is answered, and none with an error."""

import itertools
import os
import re
import subprocess

import pytest
from postgres import BIN
from queries import value

TRANSACTIONS = 4000  # of each point, of all its clients: the whole grid takes a minute

# Prepared statements have names, which transaction mode does not carry over.
GRID = [
    point
    for point in itertools.product(
        ["transaction", "session"],
        ["simple", "extended", "prepared"],
        ["select-only", "tpcb-like"],
        [1, 10, 100],
    )
    if point[:2] != ("transaction", "prepared")
]


def pgbench(proxy, *arguments: str, **environment: str) -> str:
    environment = {**os.environ, "PGPASSWORD": proxy.upstream["password"], **environment}
    command = [str(BIN / "pgbench"), "-h", "localhost", "-p", str(proxy.port), *arguments]
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
@pytest.mark.parametrize("mode, protocol, script, clients", GRID)
def test_pgbench_runs_without_an_error(
    shared_postgres, start_pgballast, io, mode, protocol, script, clients
):
    most = clients if mode == "session" else 10
    proxy = start_pgballast(
        shared_postgres.dsn, mode=mode, io=io, pool={"max": most}, log_level="info"
    )
    said = pgbench(
        proxy, "-n", "-b", script, "-M", protocol, "-c", str(clients),
        "-t", str(TRANSACTIONS // clients),
    )  # fmt: skip
    assert_all_well(said)


def assert_all_well(said: str) -> None:
    assert int(re.search(r"transactions actually processed: (\d+)", said)[1]) > 0
    assert int(re.search(r"failed transactions: (\d+)", said)[1]) == 0


@pytest.mark.parametrize("protocol", ["simple", "extended", "prepared"])
@pytest.mark.parametrize("connect", [[], ["--connect"]], ids=["stay", "connect"])
def test_pgbench_runs_over_tls_on_both_sides(
    neonsim, start_pgballast, authority, io, protocol, connect
):
    directory = authority.directory
    tls = {"mode": "require", "cert": str(directory / "server.pem")}
    proxy = start_pgballast(
        neonsim.dsn, mode="session", io=io, client_tls=tls, pool={"max": 10}, log_level="info"
    )
    value(proxy.connect(sslmode="require"), "select 1")  # neonsim is awake
    pgbench(proxy, "-i", "-q", PGSSLMODE="require")
    arguments = ["-n", "-S", "-M", protocol, "-c", "10", "-t", "100", *connect]
    roots = str(directory / "ca.crt")
    assert_all_well(pgbench(proxy, *arguments, PGSSLMODE="verify-full", PGSSLROOTCERT=roots))
