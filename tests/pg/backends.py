"""The backends of the database that tests pool, as a direct connection sees them."""

from typing import Any

from neonsim import wait_until
from queries import rows, run

THEIRS = "from pg_stat_activity where usename = 'app' and datname = 'app'"
LOOKED = "state = 'idle' and query like '%pg_my_temp_schema%'"
SURVEYED = "state = 'idle' and query like '%prosrc%'"


def wait_until_looked(observer: Any) -> None:
    """What has been made of each session has been looked at, in think time. Each must have
    something to look at, but for the backend that only found out what functions there are."""
    wait_until(
        lambda: rows(observer, f"select {THEIRS} and {LOOKED}")
        and not rows(observer, f"select {THEIRS} and not ({LOOKED} or {SURVEYED})")
    )


def end_backends(observer: Any) -> None:
    run(observer, f"select pg_terminate_backend(pid) {THEIRS}")
    wait_until(lambda: not rows(observer, f"select {THEIRS}"))
