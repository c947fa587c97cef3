"""What drivers say when a serverless PostgreSQL suspends, restarts or vanishes, and what they
say through pgballast: as a rule, nothing."""

import contextlib
import json
import pathlib
import subprocess
import threading

import psycopg2
import pytest
from losing import MODES
from neonsim import wait_until
from plainclient import (
    SYNC, bind, error_of, execute, extended, first_column, parse, query, types,
)  # fmt: skip
from queries import Stopwatch, rows, run, stays, value

DRIVERS = pathlib.Path(__file__).parents[1] / "drivers"

QUOTA_TEXT = "Your account or project has exceeded the compute time quota. Upgrade your plan."

# A query's way through a machine that does other things, too.
PATIENCE_S = 0.5


def at_once(function, count: int) -> list:
    """Runs function(0 … count-1), each in a thread of its own; the results in order."""
    results = [None] * count

    def one(number: int) -> None:
        try:
            results[number] = function(number)
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=one, args=[number]) for number in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return results


def lost(proxy) -> bool:
    """Whether pgballast knows that its last backend has gone."""
    return proxy.count("pool stale") > 0


def farewell(client, text: str) -> tuple:
    """Severity and SQLSTATE of what the query is answered with before the connection ends.
    psycopg2 would not show them: it keeps what libpq says of the end."""
    client.send_query(text)
    messages, end = client.read_to_end()
    assert end == "fin"
    told = error_of(messages)
    return told["S"], told["C"]


# A compute that suspends.


def test_an_idle_client_survives_a_suspend(neonsim, start_pgballast, io):
    client = start_pgballast(neonsim.dsn, io=io).connect()
    assert value(client, "select 1") == 1
    neonsim.suspend()
    assert value(client, "select 2") == 2
    assert neonsim.stats()["wakes"] == 2


@pytest.mark.parametrize("end", ["immediate stop", "rst", "fin"])
def test_an_idle_client_survives_a_rude_end(neonsim, start_pgballast, io, end):
    client = start_pgballast(neonsim.dsn, io=io).connect()
    assert value(client, "select 1") == 1
    if end == "immediate stop":
        neonsim.suspend(mode="immediate")
    else:
        neonsim.call(end)
    assert value(client, "select 2") == 2


def test_an_idle_client_survives_a_restart(neonsim, start_pgballast, io):
    client = start_pgballast(neonsim.dsn, io=io).connect()
    neonsim.restart(gap=300)
    assert value(client, "select 2") == 2


@pytest.fixture
def words(neonsim) -> str:
    """An empty table that the clients may write to."""
    owner = neonsim.connect()
    run(owner, "drop table if exists words; create table words (word text)")
    run(owner, "create table if not exists gate (n int)")
    run(owner, "truncate gate; insert into gate values (1)")
    owner.close()
    return "words"


INSERT = "insert into words select 'kept' from gate for update"


@pytest.fixture
def held_gate(neonsim, words) -> None:
    """Nobody gets the row of `gate`. A postmaster ends its newest backends first: were this one
    newer than those of pgballast, who waits for it could come to its end in time."""
    holder = neonsim.connect_to_postgres()
    run(holder, "begin; select from gate for update")
    yield
    holder.close()


def told_while_it_waits(neonsim, client, octets: bytes, end) -> list:
    """What it is told when the compute ends while its request waits for a row of `gate`."""
    client.send(octets)
    observer = neonsim.connect_to_postgres()
    waits = "select from pg_stat_activity where wait_event_type = 'Lock'"
    wait_until(lambda: rows(observer, waits))
    observer.close()
    end()
    return client.read_until_ready()


@pytest.mark.parametrize("mode", MODES)
def test_row_3_inside_a_transaction_one_40001_and_the_socket_is_kept(
    neonsim, start_pgballast, words, mode, io
):
    proxy = start_pgballast(neonsim.dsn, mode=mode, io=io)
    client = proxy.raw()
    for text in ["begin", "insert into words values ('lost')"]:
        client.query(text)
    neonsim.suspend()
    wait_until(lambda: lost(proxy))
    assert client.is_silent()
    told = client.query("insert into words values ('void')")
    assert (error_of(told)["S"], error_of(told)["C"]) == ("ERROR", "40001")
    assert types(client.query("rollback")) == "CZ"
    assert types(client.query("insert into words values ('kept')")) == "CZ"
    assert first_column(client.query("select word from words")) == ["kept"]


@pytest.mark.parametrize("mode", MODES)
def test_row_3_inside_a_transaction_whose_statement_runs(
    neonsim, start_pgballast, held_gate, mode, io
):
    client = start_pgballast(neonsim.dsn, mode=mode, io=io).raw()
    client.query("begin")
    told = told_while_it_waits(neonsim, client, query(INSERT), neonsim.suspend)
    assert (types(told), error_of(told)["C"], told[-1].body) == ("EZ", "40001", b"E")
    assert types(client.query("rollback")) == "CZ"
    assert first_column(client.query("select count(*) from words")) == ["0"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("octets", [query(INSERT), extended(INSERT) + SYNC], ids=["simple", "extended"])
def test_row_4_in_mid_query_is_recovered_where_that_is_provably_safe(
    neonsim, start_pgballast, held_gate, mode, io, octets
):
    client = start_pgballast(neonsim.dsn, mode=mode, io=io).raw()
    told = told_while_it_waits(neonsim, client, octets, neonsim.suspend)
    assert types(told) in ("CZ", "12CZ")
    assert first_column(client.query("select count(*) from words")) == ["1"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("end", ["immediate stop", "rst", "fin"])
def test_row_4_in_mid_query_is_told_in_one_clear_error_where_nobody_can_know(
    neonsim, start_pgballast, held_gate, mode, end
):
    client = start_pgballast(neonsim.dsn, mode=mode).raw()
    stop = lambda: neonsim.suspend(mode="immediate")  # noqa: E731
    cut = lambda: neonsim.call(end)  # noqa: E731
    told = told_while_it_waits(
        neonsim, client, query(INSERT), stop if end == "immediate stop" else cut
    )
    assert (types(told), error_of(told)["C"], told[-1].body) == ("EZ", "08007", b"I")
    assert first_column(client.query("select count(*) from words")) in (["0"], ["1"])


@pytest.mark.parametrize("mode", ["auto", "session"])
def test_row_5_idle_in_session_mode_survives_with_its_session_restored(
    neonsim, start_pgballast, mode, io
):
    proxy = start_pgballast(neonsim.dsn, mode=mode, io=io)
    client = proxy.raw(options="-c statement_timeout=55s")
    client.query("set timezone to 'Asia/Tokyo'; set work_mem to '7MB'; set search_path to words")
    client.query("set app.tenant to 'acme'; set datestyle to 'German, DMY'")
    client.send(parse("select $1::int * 2", "doubled") + SYNC)
    assert types(client.read_until_ready()) == "1Z"
    wait_until_quiet(neonsim)
    neonsim.suspend()
    wait_until(lambda: lost(proxy))
    assert client.is_silent()
    for name, kept in [("timezone", "Asia/Tokyo"), ("work_mem", "7MB"), ("search_path", "words"),
                       ("app.tenant", "acme"), ("datestyle", "German, DMY"),
                       ("statement_timeout", "55s")]:  # fmt: skip
        assert first_column(client.query(f"show {name}")) == [kept]
    client.send(bind("21", statement="doubled") + execute() + SYNC)
    assert first_column(client.read_until_ready()) == ["42"]
    assert neonsim.stats()["wakes"] == 2


def wait_until_quiet(neonsim) -> None:
    """All have thought for so long that they have been looked at, where that was due."""
    observer = neonsim.connect_to_postgres()
    busy = (
        "select from pg_stat_activity where usename = 'neondb_owner' and (state <> 'idle'"
        " or clock_timestamp() - state_change < '200ms')"
    )
    wait_until(lambda: not rows(observer, busy))
    observer.close()


@pytest.mark.xfail(strict=True, reason="LISTEN pins its backend, and is lost with it")
@pytest.mark.parametrize("mode", ["auto", "session"])
def test_row_13_a_client_listens_again_after_a_suspend(neonsim, start_pgballast, mode):
    """It is not woken for this: it listens again when somebody else has."""
    proxy = start_pgballast(neonsim.dsn, mode=mode)
    listener, speaker = proxy.raw(), proxy.raw()
    listener.query("listen news")
    neonsim.suspend()
    wait_until(lambda: lost(proxy))
    assert neonsim.stats()["wakes"] == 1
    speaker.query("select 1")
    speaker.query("notify news, 'extra'")
    wait_until(lambda: not listener.is_silent(), 2)
    assert listener.read().type == "A"


@pytest.mark.parametrize("mode", ["auto", "session"])
def test_row_13_a_client_that_listened_is_told_that_it_does_no_more(
    neonsim, start_pgballast, mode
):
    """As long as it does not listen again."""
    proxy = start_pgballast(neonsim.dsn, mode=mode)
    client = proxy.raw()
    client.query("listen news")
    wait_until_quiet(neonsim)
    neonsim.suspend()
    wait_until(lambda: lost(proxy))
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it was told already
        client.send_query("select 1")
    told = error_of(client.read_to_end()[0])
    assert (told["S"], told["C"]) == ("FATAL", "57P01")
    assert "channel" in told["D"]


@pytest.mark.parametrize("mode", MODES)
def test_row_15_a_commit_without_a_reply_is_told_to_be_unknown(
    start_neonsim, start_pgballast, mode
):
    """It waits for the safekeepers, which a synchronous standby stands for here: terminated
    then, it has committed, and cannot say so any more."""
    neonsim = start_neonsim(wake=100)
    owner = neonsim.connect()
    run(owner, "create table words (word text)")
    owner.close()
    client = start_pgballast(neonsim.dsn, mode=mode).raw()
    set_standby(neonsim, "nobody")
    client.query("begin; insert into words values ('kept')")
    client.send_query("commit")
    observer = neonsim.connect_to_postgres()
    waits = "select from pg_stat_activity where wait_event = 'SyncRep'"
    wait_until(lambda: rows(observer, waits) or not client.is_silent())
    observer.close()
    neonsim.suspend()
    told = client.read_until_ready()
    assert (types(told), error_of(told)["C"], told[-1].body) == ("EZ", "08007", b"I")
    set_standby(neonsim, "")
    assert first_column(client.query("select word from words")) == ["kept"]


def set_standby(neonsim, name: str) -> None:
    """Whom commits wait for. The checkpointer finds that out only some time after a reload, but
    at once at a start."""
    neonsim.wake()
    administrator = neonsim.connect_to_postgres()
    run(administrator, f"alter system set synchronous_standby_names to '{name}'")
    administrator.close()
    neonsim.suspend()
    neonsim.wake()


def test_a_session_goes_on_with_its_reported_settings(neonsim, start_pgballast, io):
    proxy = start_pgballast(neonsim.dsn, mode="session", io=io)
    client = proxy.connect()
    run(client, "set timezone to 'Asia/Tokyo'")
    run(client, "set datestyle to 'German, DMY'")
    assert value(client, "select 1") == 1
    neonsim.suspend()
    assert value(client, "show timezone") == "Asia/Tokyo"
    assert value(client, "show datestyle") == "German, DMY"
    proxy.wait_for_line(r"session carried over .*restored=DateStyle,TimeZone took=\d+ms")


@pytest.mark.parametrize("hidden", ["create temp table t (x int)", "select pg_advisory_lock(7)"])
def test_a_session_that_cannot_be_made_again_is_told_so(neonsim, start_pgballast, hidden, io):
    proxy = start_pgballast(neonsim.dsn, io=io, mode="session")
    client = proxy.raw()
    client.query(hidden)
    neonsim.suspend()
    wait_until(lambda: lost(proxy))
    assert client.is_silent()
    assert farewell(client, "select 1") == ("FATAL", "57P01")


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_idle_clients_do_not_wake_a_compute(neonsim, start_pgballast, mode, io):
    proxy = start_pgballast(
        neonsim.dsn,
        mode=mode,
        io=io,
        pool={"min": 2},
        retry={"delay": "100ms", "max_delay": "200ms"},
    )
    clients = [proxy.connect() for _ in range(5)]
    for each in clients:
        assert value(each, "select 1") == 1
    neonsim.suspend()
    neonsim.reset_stats()
    wait_until(lambda: lost(proxy))
    # Longer than any timer of the pool.
    assert stays(lambda: neonsim.stats()["logins"] == 0, for_s=3)
    assert neonsim.stats()["wakes"] == 0
    assert value(clients[0], "select 2") == 2


def test_200_clients_wake_it_once_and_log_in_no_more_often_than_max(neonsim, start_pgballast, io):
    proxy = start_pgballast(neonsim.dsn, io=io, pool={"max": 10})
    clients = [proxy.connect() for _ in range(200)]
    assert value(clients[0], "select 1") == 1
    neonsim.suspend()
    neonsim.set(wake=500)
    neonsim.reset_stats()
    answers = at_once(lambda number: value(clients[number], f"select {number}"), 200)
    assert answers == list(range(200))
    stats = neonsim.stats()
    assert stats["wakes"] == 1
    assert stats["logins"] <= 10


# A compute that is slow or refuses.


def test_a_first_wake_that_fails_is_tried_again_soon(neonsim, start_pgballast, io):
    proxy = start_pgballast(neonsim.dsn, io=io)
    client = proxy.connect()
    neonsim.fin()  # and stays awake: not its wake is measured
    wait_until(lambda: lost(proxy))
    neonsim.fail("wake", times=1)
    with Stopwatch() as watch:
        assert value(client, "select 1") == 1
    assert neonsim.stats()["refusals"] == 1
    assert watch.seconds < 1


def test_a_first_login_that_fails_is_tried_again_soon(neonsim, start_pgballast, io):
    neonsim.wake()
    neonsim.fail("wake", times=1)
    proxy = start_pgballast(neonsim.dsn, io=io)
    with Stopwatch() as watch:
        assert value(proxy.connect(), "select 1") == 1
    assert watch.seconds < 1


def test_a_quota_error_is_passed_on_at_once_at_login(neonsim, start_pgballast, io):
    neonsim.fail("wake", text=QUOTA_TEXT, times=100)
    proxy = start_pgballast(neonsim.dsn, io=io)
    for _ in ["the first client", "the second"]:
        with Stopwatch() as watch:
            with pytest.raises(psycopg2.OperationalError, match="exceeded the compute time quota"):
                proxy.connect()
        assert watch.seconds < 0.5


def test_a_quota_error_is_passed_on_at_once_to_living_clients(neonsim, start_pgballast, io):
    proxy = start_pgballast(neonsim.dsn, io=io)
    clients = [proxy.connect(), proxy.connect()]
    neonsim.suspend()
    neonsim.fail("wake", text=QUOTA_TEXT, times=100)
    for each in clients:
        with Stopwatch() as watch:
            with pytest.raises(psycopg2.Error, match="exceeded the compute time quota"):
                value(each, "select 1")
        assert watch.seconds < 0.5
        assert not each.closed
    neonsim.fail("wake", times=0)
    assert value(clients[0], "select 1") == 1


def test_a_server_that_needs_sni_is_told_a_name_with_sslmode_require(neonsim, start_pgballast, io):
    dsn = psycopg2.extensions.make_dsn(neonsim.dsn, sslmode="require")
    assert value(start_pgballast(dsn, io=io).connect(), "select 1") == 1


def test_a_login_during_a_long_wake_is_instant(neonsim, start_pgballast, io):
    proxy = start_pgballast(neonsim.dsn, io=io)
    proxy.connect().close()
    neonsim.suspend()
    neonsim.set(wake=6000)
    with Stopwatch() as login:
        client = proxy.connect(connect_timeout=5)
    assert login.seconds < PATIENCE_S
    with Stopwatch() as query:
        assert value(client, "select 1") == 1
    assert 6 <= query.seconds < 7.5
    # That wait was long enough to be explained.
    assert client.notices == ["NOTICE:  waiting for the database to wake, 5 s so far\n"]


# An ordinary PostgreSQL that is away.


def test_a_postgres_that_is_down_for_3_s_costs_about_3_s(postgres, start_pgballast, io):
    client = start_pgballast(postgres.dsn, io=io).connect()
    assert value(client, "select 1") == 1
    postgres.stop()
    start = threading.Timer(3, postgres.start)
    with Stopwatch() as watch:
        start.start()
        assert value(client, "select 2") == 2
    start.join()
    assert 3 <= watch.seconds < 4


# Drivers of others.

NODE = """
const { Client } = require('pg');
const client = new Client({ connectionString: process.argv[1] });
const say = (what) => console.log(JSON.stringify(what));
client.on('error', (error) => say({ error: String(error) }));
client.on('end', () => say({ end: true }));
const ask = async (text) => say((await client.query(text)).rows[0]);
(async () => {
    await client.connect();
    await ask('select 1 as answer');
    process.stdin.once('data', async () => {
        await ask('select 2 as answer');
        await ask({ text: 'select $1::int as answer', values: [3] });
        await client.end();
        process.exit(0);
    });
})();
"""


def test_an_idle_client_of_node_pg_hears_nothing_of_a_suspend(neonsim, start_pgballast, io):
    proxy = start_pgballast(neonsim.dsn, io=io)
    url = "postgresql://{user}:{password}@127.0.0.1:{port}/{dbname}".format(
        **{**proxy.upstream, "port": proxy.port}
    )
    with subprocess.Popen(
        ["node", "-e", NODE, url],
        cwd=DRIVERS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as node:
        assert json.loads(node.stdout.readline()) == {"answer": 1}
        neonsim.suspend()
        wait_until(lambda: lost(proxy))
        said, _ = node.communicate("go on\n", timeout=60)
    assert [json.loads(line) for line in said.splitlines()] == [
        {"answer": 2},
        {"answer": 3},
        {"end": True},
    ]
