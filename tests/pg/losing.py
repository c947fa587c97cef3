"""Takes a client's backend away at a moment of the test's choice.

    told = interrupted(
        postgres, victim_of(proxy), query("update t set n = n + 1"), "select from t for update"
    )
"""

import contextlib
import os
import re
import signal
from typing import Any, Callable, Dict, Iterator, List

import psycopg2
from neonsim import wait_until
from plainclient import (
    FLUSH, SYNC, PlainClient, bind, close_statement, describe_portal, describe_statement,
    error_of, execute, extended, first_column, parse, query, types,
)  # fmt: skip
from postgres import DATABASE, USER, Postgres
from queries import rows, run
from rawclient import Message

MODES = ["auto", "session", "transaction"]

VICTIM = "victim"

# How a client may ask for one statement. Those with a named statement expect it to be there,
# by the name of KEPT.
KEPT = "kept"
WAYS: Dict[str, Callable[[str], bytes]] = {
    "simple": query,
    "extended": lambda text: extended(text) + SYNC,
    "described": lambda text: parse(text) + describe_statement() + bind() + describe_portal()
    + execute() + SYNC,
    "flushed": lambda text: parse(text) + describe_statement() + FLUSH + bind() + execute() + SYNC,
    "named": lambda text: bind(statement=KEPT) + execute() + SYNC,
    "described by name": lambda text: describe_statement(KEPT) + bind(statement=KEPT)
    + describe_portal() + execute() + SYNC,
}  # fmt: skip


def check_unknown(client: PlainClient, told: List[Message]) -> None:
    """It is told so, once, and goes on."""
    error = error_of(told)
    assert (error["S"], error["C"], told[-1].body) == ("ERROR", "08007", b"I")
    assert first_column(client.query("select 'goes on'")) == ["goes on"]


def prepare(client: PlainClient, text: str) -> None:
    """Makes the text its named statement."""
    client.send(close_statement(KEPT) + parse(text, KEPT) + SYNC)
    assert types(client.read_until_ready()) == "31Z"


def victim_of(proxy: Any, **parameters: str) -> PlainClient:
    return proxy.raw(application_name=VICTIM, **parameters)


def answers(client: PlainClient, count: int) -> List[Message]:
    """All up to so many times ReadyForQuery."""
    return [message for _ in range(count) for message in client.read_until_ready()]


def asked(postgres: Postgres, text: str, dbname: str = DATABASE) -> List[tuple]:
    """On a direct connection of its own, for others do not outlive a restart."""
    connection = postgres.connect(dbname=dbname)
    try:
        return rows(connection, text)
    finally:
        connection.close()


def done(postgres: Postgres, text: str, dbname: str = DATABASE) -> None:
    connection = postgres.connect(dbname=dbname)
    try:
        run(connection, text)
    finally:
        connection.close()


def begin_anew(postgres: Postgres, text: str) -> None:
    """Runs that when nobody else is there: a test that has failed may have left its lock, or
    a query that goes on for hours."""
    done(
        postgres,
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
        " where backend_type = 'client backend' and pid <> pg_backend_pid()",
    )
    done(postgres, text)


class Lock:
    """What `text` locks is held by a direct connection from its making on, until it is let
    go, or the server has ended."""

    def __init__(self, postgres: Postgres, text: str, dbname: str = DATABASE) -> None:
        self.connection = postgres.connect(dbname=dbname)
        self.connection.autocommit = False
        run(self.connection, text)

    def release(self) -> None:
        with contextlib.suppress(psycopg2.Error):
            self.connection.rollback()
        self.connection.close()


def waiting(postgres: Postgres, event: str = "wait_event_type = 'Lock'") -> List[int]:
    """The backends of clients called VICTIM that wait for that."""
    text = f"select pid from pg_stat_activity where application_name = '{VICTIM}' and {event}"
    return [pid for (pid,) in asked(postgres, text)]


def wait_until_blocked(postgres: Postgres, event: str = "wait_event_type = 'Lock'") -> int:
    """The one backend of the victim, once it waits for that, by default for a lock."""
    found: List[int] = []

    def look() -> bool:
        found[:] = waiting(postgres, event)
        return bool(found)

    wait_until(look, 20, lambda: str(asked(postgres, "select * from pg_stat_activity")))
    assert len(found) == 1
    return found[0]


def backend_of(postgres: Postgres) -> int:
    """The victim's, whatever it does."""
    return wait_until_blocked(postgres, "true")


def wait_until_quiet(postgres: Postgres) -> None:
    """All have thought for so long that they have been looked at, where that was due."""
    busy = (
        "select from pg_stat_activity where usename = 'app' and (state <> 'idle'"
        " or clock_timestamp() - state_change < '200ms')"
    )
    wait_until(lambda: not asked(postgres, busy), 20)


# How it is lost. Each returns when the backend has gone, or the server is there again.


def terminate(postgres: Postgres, pid: int) -> None:
    """FATAL 57P01."""
    assert asked(postgres, f"select pg_terminate_backend({pid}, 10000)") == [(True,)]


def stop_fast(postgres: Postgres, pid: int) -> None:
    """FATAL 57P01, to all."""
    postgres.restart("fast")


def stop_at_once(postgres: Postgres, pid: int) -> None:
    """WARNING 57P01, and the end."""
    postgres.restart("immediate")


def kill(postgres: Postgres, pid: int) -> None:
    """The end; all others get WARNING 57P02."""
    seen = len(postgres.process.lines)
    os.kill(pid, signal.SIGKILL)
    postgres.process.wait_for_line("database system is ready to accept", since=seen)


def interrupted(
    postgres: Postgres,
    client: PlainClient,
    octets: bytes,
    waits_for: str,
    lose: Callable[[Postgres, int], None] = terminate,
    dbname: str = DATABASE,
) -> List[Message]:
    """What the victim is told when its backend is lost while it waits for that lock, which is
    free afterwards."""
    lock = Lock(postgres, waits_for, dbname)
    client.send(octets)
    lose(postgres, wait_until_blocked(postgres))
    lock.release()
    return client.read_until_ready()


@contextlib.contextmanager
def stalled_commits(postgres: Postgres) -> Iterator[None]:
    """Commits wait for a standby that is not there, soon after this has begun."""

    def set_standby(name: str) -> None:
        done(postgres, f"alter system set synchronous_standby_names = '{name}'")
        done(postgres, "select pg_reload_conf()")

    set_standby("nobody")
    try:
        yield
    finally:
        set_standby("")


# What the server and pgballast know of it.


def times_run(postgres: Postgres, text: str) -> int:
    """As the server's log has it, up to now, with log_statement=all."""
    seen, mark = len(postgres.process.lines), "select 'a mark in the log'"
    asked(postgres, mark)
    postgres.process.wait_for_line(mark, since=seen)
    return postgres.process.count(rf"(statement|execute \S+): {re.escape(text)}$")


@contextlib.contextmanager
def noticed(proxy: Any, count: int = 1) -> Iterator[None]:
    """pgballast has noticed so many losses more when this ends."""
    known = proxy.count("backend lost")
    yield
    wait_until(lambda: proxy.count("backend lost") >= known + count, 20, proxy.log)


def lose_idle(postgres: Postgres, proxy: Any) -> None:
    """Ends pgballast's backends in the database, each of which has a client that thinks."""
    ours = f"from pg_stat_activity where usename = '{USER}' and datname = '{DATABASE}'"
    busy = f"select {ours} and state = 'active' and wait_event is distinct from 'ClientRead'"
    wait_until(lambda: not asked(postgres, busy), 20)
    with noticed(proxy):
        done(postgres, f"select pg_terminate_backend(pid, 10000) {ours}")
