"""A link that goes silent: nothing arrives any more, not even the news that it is gone.

Only a network of one's own can do that, so PostgreSQL sits in another network namespace, and
its answers are sent into a blackhole.
"""

import os
import subprocess
import threading

import psycopg2
import pytest
from losing import MODES, begin_anew, done
from neonsim import wait_until
from plainclient import error_of, first_column, types
from postgres import Postgres
from queries import Stopwatch, rows, value

# RFC 2544's addresses for tests of networks.
OURS, THEIRS = "198.18.114.1", "198.18.114.2"

AT_MOST_S = 10


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class SilentLink:
    """Two ends of a cable, one of them in a namespace of its own."""

    def __init__(self) -> None:
        self.name = f"pgballast-{os.getpid()}"
        self.inside = ["ip", "netns", "exec", self.name]
        here, there = f"pgb{os.getpid() % 10**8}a", f"pgb{os.getpid() % 10**8}b"
        ip("netns", "add", self.name)
        ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", self.name)
        ip("addr", "add", f"{OURS}/30", "dev", here)
        ip("link", "set", here, "up")
        ip("-n", self.name, "addr", "add", f"{THEIRS}/30", "dev", there)
        ip("-n", self.name, "link", "set", there, "up")
        ip("-n", self.name, "link", "set", "lo", "up")

    def cut(self) -> None:
        ip("-n", self.name, "route", "add", "blackhole", f"{OURS}/32")

    def heal(self) -> None:
        ip("-n", self.name, "route", "del", "blackhole", f"{OURS}/32")

    def close(self) -> None:
        ip("netns", "del", self.name)  # and with it the cable


@pytest.fixture(scope="module")
def link():
    if os.geteuid() != 0:
        pytest.skip("only root may make network namespaces")
    try:
        made = SilentLink()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network namespace can be made here: {error}")
    yield made
    made.close()


@pytest.fixture(scope="module")
def far_postgres(link):
    with Postgres(address=THEIRS, prefix=link.inside) as postgres:
        yield postgres


@pytest.fixture
def written(far_postgres) -> str:
    """An empty table that clients may write to; those on the other side of a cut are gone."""
    begin_anew(far_postgres, "drop table if exists written; create table written (x int)")
    done(far_postgres, "grant all on written to app")
    return "written"


class Asker(threading.Thread):
    """Asks once; `answer` is a value or an SQLSTATE."""

    def __init__(self, connection, text: str) -> None:
        super().__init__()
        self.connection, self.text = connection, text
        self.answer = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = value(self.connection, self.text)
        except psycopg2.Error as error:
            self.answer = error.pgcode


@pytest.mark.parametrize("mode", MODES)
def test_row_6_a_silent_link_is_found_out_within_10_s(
    link, far_postgres, start_pgballast, written, mode, io
):
    """The one in the middle of a write is told; the idle one's backend is merely gone."""
    proxy = start_pgballast(far_postgres.dsn, mode=mode, io=io, pool={"min": 2})
    idle, busy = proxy.connect(), proxy.connect(application_name=f"busy in {mode} by {io}")
    assert value(idle, "select 1") == 1
    asker = Asker(busy, f"insert into {written} select 1 from pg_sleep(60) returning x")
    observer = far_postgres.connect()
    active = "select from pg_stat_activity where application_name = '%s' and state = 'active'"
    wait_until(lambda: rows(observer, active % f"busy in {mode} by {io}"))
    link.cut()
    try:
        with Stopwatch() as watch:
            asker.join()
            wait_until(lambda: proxy.count("backend lost") >= 2, AT_MOST_S)
        assert asker.answer == "08007"
        assert watch.seconds < AT_MOST_S
    finally:
        link.heal()
    assert value(idle, "select 2") == 2
    assert value(busy, "select 3") == 3


@pytest.mark.parametrize("mode", MODES)
def test_row_6_what_is_sent_into_a_silent_link_is_answered_or_told_of_within_10_s(
    link, far_postgres, start_pgballast, written, mode
):
    """A write is told, so is a block; who only reads hears nothing but an answer, once there is
    another link."""
    proxy = start_pgballast(far_postgres.dsn, mode=mode)
    writer, reader, in_block = proxy.connect(), proxy.connect(), proxy.raw()
    in_block.query(f"begin; insert into {written} values (1)")
    assert value(writer, "select 1") == value(reader, "select 1") == 1
    link.cut()
    try:
        with Stopwatch() as watch:
            write = Asker(writer, f"insert into {written} values (2) returning x")
            read = Asker(reader, "select 2")
            told = in_block.query(f"insert into {written} values (3)")
            write.join()
        assert (error_of(told)["C"], told[-1].body) == ("40001", b"E")
        assert write.answer == "08007"
        assert watch.seconds < AT_MOST_S
        assert read.is_alive()
    finally:
        link.heal()
    read.join()
    assert read.answer == 2
    assert types(in_block.query("commit")) == "CZ"
    assert first_column(in_block.query(f"select x from {written}")) in ([], ["2"])
    assert value(writer, "select 3") == 3
