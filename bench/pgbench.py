"""pgbench as the load, and what it reports."""

import os
import re
import subprocess
from typing import NamedTuple

from servers import DATABASE, PASSWORD, POSTGRES_BIN, USER

# One parameter, one row, no table: as little work for PostgreSQL as a query can be, so that
# what stands in front of it shows.
ECHO = "\\set aid random(1, 100000)\nselect :aid;\n"


class Load(NamedTuple):
    """What pgbench is asked for. Without `script`, its own: select-only (-S)."""

    name: str
    script: str | None
    protocol: str
    clients: int


class Outcome(NamedTuple):
    transactions: int
    tps: float  # without the time to connect
    latency_ms: float  # average


def fill_tables(target, scale):
    """The tables that -S reads."""
    _run(target, ["-i", "-q", "-s", str(scale)])


def run(target, load, *, seconds=None, transactions=None):
    """Runs `load` for a time, or for a number of transactions of each client."""
    options = ["-n", "-M", load.protocol, "-c", str(load.clients)]
    options += ["-j", str(min(load.clients, os.cpu_count()))]
    options += ["-T", str(seconds)] if seconds else ["-t", str(transactions)]
    if load.script is None:
        return parse(_run(target, [*options, "-S"]))
    return parse(_run(target, [*options, "-f", "/dev/stdin"], load.script))


def _run(target, options, script=None):
    command = [POSTGRES_BIN / "pgbench", "-h", "127.0.0.1", "-p", str(target.port), "-U", USER]
    done = subprocess.run(
        [*command, *options, DATABASE],
        input=script,
        stdin=subprocess.DEVNULL if script is None else None,
        capture_output=True,
        text=True,
        env={**os.environ, "PGPASSWORD": PASSWORD, "PGSSLMODE": "disable"},
    )
    if done.returncode != 0:
        raise RuntimeError(f"pgbench at {target.name} failed:\n{done.stderr}")
    return done.stdout


def parse(report):
    """pgbench's closing lines, as PostgreSQL 15 writes them."""

    def number(pattern):
        return float(re.search(pattern, report)[1])

    return Outcome(
        transactions=int(number(r"transactions actually processed: (\d+)")),
        tps=number(r"tps = ([\d.]+) \(without initial connection time\)"),
        latency_ms=number(r"latency average = ([\d.]+) ms"),
    )
