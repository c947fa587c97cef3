#!/usr/bin/python3
"""Compares pgballast with PgBouncer and a direct connection, all in one run.

Figures of different runs are not comparable: ratios within one are.
"""

import argparse
import contextlib
import resource
import signal
import sys

import idle
import recovery
import report
import throughput
import wake
from processes import scratch_directory
from servers import PGBOUNCER, Pgballast, Pgbouncer, Postgres

MODES = ["transaction", "auto"]
BENCHES = {"throughput": throughput, "idle": idle, "recovery": recovery, "wake": wake}


def parse_arguments():
    options = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="one small point of each, to see that all works")
    options.add_argument("--only", choices=BENCHES, action="append", metavar="NAME",
                         help=f"one of {', '.join(BENCHES)}; may be repeated")  # fmt: skip
    options.add_argument("--seconds", type=int, help="of each sample of throughput (5; quick: 1)")
    options.add_argument("--rounds", type=int, help="of which the median is taken (3; quick: 1)")
    options.add_argument("--point", action="append", metavar="LOAD/PROTOCOL/CLIENTS",
                         help="of throughput, as echo/extended/10; may be repeated")  # fmt: skip
    options.add_argument("--without", action="append", default=[], metavar="TARGET",
                         help="leave out pgbouncer or pgballast")  # fmt: skip
    options.add_argument("--mode", choices=MODES, action="append",
                         help="of pgballast's; may be repeated (all)")  # fmt: skip
    settings = options.parse_args()
    settings.mode = settings.mode or MODES
    settings.seconds = settings.seconds or (1 if settings.quick else 5)
    settings.rounds = settings.rounds or (1 if settings.quick else 3)
    return settings


def targets_in(directory, without, modes):
    """PostgreSQL comes first: the others lead to it."""
    postgres = Postgres(directory)
    targets = [postgres]
    if PGBOUNCER and "pgbouncer" not in without:
        targets.append(Pgbouncer(directory, postgres))
    if "pgballast" not in without:
        targets += [
            Pgballast(directory, postgres, mode, io)
            for mode in modes
            for io in ("epoll", "io_uring")
        ]
    return targets


def raise_file_limit():
    """Thousands of clients are as many descriptors, here and in the servers, who inherit it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main():
    settings = parse_arguments()
    raise_file_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, and so stops the servers
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(scratch_directory())
        targets = [stack.enter_context(target) for target in targets_in(directory, settings.without, settings.mode)]
        versions = {target.name: target.version for target in targets}
        tables = []
        for name in settings.only or BENCHES:
            print(f"running {name}", file=sys.stderr)
            tables.append(BENCHES[name].measure(targets, settings))
            print(tables[-1], flush=True)
    print(f"\nsaved as {report.save(vars(settings), versions, tables)}")


if __name__ == "__main__":
    main()
