"""Transactions a second, latency, and what a proxy pays for each: CPU and system calls."""

import itertools
import statistics

import pgbench
from processes import counted_system_calls
from report import Table, ratio

COLUMNS = ("load", "protocol", "clients", "target", "tps", "latency ms", "cpu µs/tx", "calls/tx",
           "cpu ratio")  # fmt: skip


def loads(quick, points):
    """The points of the grid, or those of them that are asked for."""
    scripts = [("echo", pgbench.ECHO), ("select-only", None)]
    protocols, clients = ["simple", "extended", "prepared"], [1, 10, 100]
    if quick:
        scripts, protocols, clients = scripts[:1], protocols[:1], [10]
    for (name, script), protocol, count in itertools.product(scripts, protocols, clients):
        if not points or f"{name}/{protocol}/{count}" in points:
            yield pgbench.Load(name, script, protocol, count)


def measure(targets, settings):
    """Rounds are interleaved: neighbours in time share the machine's mood."""
    pgbench.fill_tables(targets[0], scale=1 if settings.quick else 10)
    table = Table("throughput", COLUMNS)
    for load in loads(settings.quick, settings.point):
        able = [target for target in targets if load.protocol in target.protocols]
        samples = {target.name: [] for target in able}
        for _ in range(settings.rounds):
            for target in able:
                samples[target.name].append(_sample(target, load, settings.seconds))
        calls = {target.name: _system_calls(target, load) for target in able}
        _add_rows(table, load, samples, calls)
    return table


def _sample(target, load, seconds):
    before = target.process.cpu_seconds() if target.process else None
    outcome = pgbench.run(target, load, seconds=seconds)
    sample = outcome._asdict()
    if target.process:
        spent = target.process.cpu_seconds() - before
        sample["cpu_us"] = spent * 1e6 / outcome.transactions
    return sample


def _system_calls(target, load):
    """By name, for one transaction. A pass of its own, since tracing slows all down."""
    if not target.process:
        return None
    each = max(200, 2000 // load.clients)
    with counted_system_calls(target.process.pid) as calls:
        transactions = pgbench.run(target, load, transactions=each).transactions
    return {name: round(count / transactions, 3) for name, count in calls.items()}


def _add_rows(table, load, samples, calls):
    def median(name, key):
        values = [sample[key] for sample in samples[name] if key in sample]
        return statistics.median(values) if values else None

    # The figure of the bench: CPU against PgBouncer's in the same rounds.
    reference = median("pgbouncer", "cpu_us") if "pgbouncer" in samples else None
    for name in samples:
        cpu = median(name, "cpu_us")
        table.add(
            (load.name, load.protocol, load.clients, name, median(name, "tps"),
             median(name, "latency_ms"), cpu, sum(calls[name].values()) if calls[name] else None,
             ratio(cpu, reference)),
            raw={"samples": samples[name], "calls": calls[name]},
        )  # fmt: skip
