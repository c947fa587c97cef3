"""A link that goes silent: nothing arrives any more, not even the news that it is gone.

Only a network of one's own can do that, so PostgreSQL sits in another network namespace, and
its answers are sent into a blackhole.
"""

import os
import subprocess
import threading

import psycopg2
import pytest
from neonsim import wait_until
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


def test_a_silent_link_is_found_out_within_10_s(link, far_postgres, start_pgballast, io):
    proxy = start_pgballast(far_postgres.dsn, io=io, pool={"min": 2})
    idle, busy = proxy.connect(), proxy.connect(application_name=f"busy by {io}")
    errors = []

    def query() -> None:
        try:
            value(busy, "select pg_sleep(60)")
        except psycopg2.Error as error:
            errors.append(error.pgcode)

    running = threading.Thread(target=query)
    running.start()
    observer = far_postgres.connect()
    active = "select from pg_stat_activity where application_name = 'busy by %s' and state = 'active'"
    wait_until(lambda: rows(observer, active % io))
    assert value(idle, "select 1") == 1
    link.cut()
    try:
        # The one in the middle of a query is told; the idle one's backend is merely gone.
        with Stopwatch() as watch:
            running.join()
            wait_until(lambda: proxy.count("backend lost") >= 2, AT_MOST_S)
        assert errors == ["08007"]
        assert watch.seconds < AT_MOST_S
    finally:
        link.heal()
    assert value(idle, "select 2") == 2
    assert value(busy, "select 3") == 3


def test_a_request_sent_into_a_silent_link_is_answered_within_10_s(
    link, far_postgres, start_pgballast
):
    client = start_pgballast(far_postgres.dsn).connect()
    assert value(client, "select 1") == 1
    link.cut()
    try:
        with Stopwatch() as watch, pytest.raises(psycopg2.Error) as told:
            value(client, "select 2")
        assert told.value.pgcode == "08007"
        assert watch.seconds < AT_MOST_S
    finally:
        link.heal()
    assert value(client, "select 3") == 3
