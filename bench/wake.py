"""How soon a client has its answer whose compute was suspended, beside one who connects anew to
the same neonsim: what is more than that is pgballast's own.

The cases are what a client has when its backend is lost: nothing; settings and a prepared
statement; or a statement that is lost while it runs, and is run again.
"""

import pathlib
import statistics
import sys
import time

from report import Table

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "pg"))

from neonsim import NeonSim, wait_until  # noqa: E402
from pgballast import Pgballast  # noqa: E402
from plainclient import SYNC, bind, execute, parse, query, types  # noqa: E402
from queries import rows, run  # noqa: E402

COLUMNS = ("case", "connects ms", "pgballast ms", "overhead ms", "samples")
WAKE_MS = 100

SETTINGS = "set timezone to 'Asia/Tokyo'; set work_mem to '7MB'; set app.tenant to 'acme'"
WRITE = "insert into wakes select 1 from gate for update"


def measure(_, settings):
    table = Table("wake", COLUMNS)
    samples = 3 if settings.quick else 21
    with NeonSim(wake=WAKE_MS) as neonsim:
        run(neonsim.connect(), "create table wakes (n int); create table gate as select 1 as n")
        for case, of_case in CASES.items():
            for mode in settings.mode:
                with Pgballast(neonsim.dsn, mode=mode, admin=False) as proxy:
                    client = proxy.raw()
                    # One after the other, so that both meet the same machine.
                    pairs = [(_connecting(neonsim), of_case(neonsim, client)) for _ in range(samples)]
                connects, ours = (statistics.median(values) for values in zip(*pairs))
                over = statistics.median(ours - direct for direct, ours in pairs)
                table.add((f"{case}, {mode}", connects, ours, over, samples), raw={"pairs": pairs})
    return table


def _since(begun):
    return (time.monotonic() - begun) * 1000


def _connecting(neonsim):
    """Milliseconds to connect to a sleeping compute and be answered."""
    neonsim.suspend()
    begun = time.monotonic()
    connection = neonsim.connect()
    rows(connection, "select 1")
    took = _since(begun)
    connection.close()
    return took


def _asking(neonsim, client, octets, expected):
    neonsim.suspend()
    begun = time.monotonic()
    client.send(octets)
    told = types(client.read_until_ready())
    assert told == expected, told
    return _since(begun)


def _idle(neonsim, client):
    client.query("select 1")
    return _asking(neonsim, client, query("select 1"), "TDCZ")


def _with_a_session(neonsim, client):
    client.query(SETTINGS)
    client.send(parse("select $1::int", "kept") + SYNC)
    client.read_until_ready()
    _rest(neonsim)
    return _asking(neonsim, client, bind("7", statement="kept") + execute() + SYNC, "2DCZ")


def _running(neonsim, client):
    """From when the compute has gone."""
    client.query("select 1")
    holder = neonsim.connect_to_postgres()
    run(holder, "begin; select from gate for update")
    client.send(query(WRITE))
    wait_until(lambda: rows(holder, "select from pg_locks where not granted"))
    neonsim.suspend()
    begun = time.monotonic()
    told = types(client.read_until_ready())
    assert told == "CZ", told
    return _since(begun)


def _rest(neonsim):
    """Until what was set has been looked at."""
    observer = neonsim.connect_to_postgres()
    busy = (
        "select from pg_stat_activity where usename = 'neondb_owner' and (state <> 'idle'"
        " or clock_timestamp() - state_change < '200ms')"
    )
    wait_until(lambda: not rows(observer, busy))
    observer.close()


CASES = {"idle": _idle, "session": _with_a_session, "running": _running}
