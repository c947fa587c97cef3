"""neonsim from start to end, its control, and what befalls connections that live."""

import os
import pathlib
import signal
import subprocess
import threading
import time

import psycopg2
import pytest
from neonsim import NeonSim, wait_until
from rawclient import RawClient


def value(connection, query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


@pytest.fixture
def client(neonsim) -> RawClient:
    """One that has been let in."""
    raw = RawClient(neonsim.port)
    raw.log_in()
    return raw


def postmaster_pid(neonsim: NeonSim) -> int:
    data = pathlib.Path(neonsim.pg_socket).parent / "pgdata"
    return int((data / "postmaster.pid").read_text().splitlines()[0])



# Starting and ending.


def test_it_starts_suspended_and_the_first_client_wakes_it(neonsim):
    assert neonsim.stats()["state"] == "suspended"
    assert value(neonsim.connect(), "select current_database()") == "neondb"
    stats = neonsim.stats()
    assert (stats["state"], stats["wakes"], stats["logins_ok"]) == ("running", 1, 1)


def test_it_may_start_running_which_is_not_counted_as_a_wake(start_neonsim):
    stats = start_neonsim(start="running").stats()
    assert (stats["state"], stats["wakes"]) == ("running", 0)


def test_names_and_settings_are_those_asked_for(start_neonsim):
    neonsim = start_neonsim(
        user="o'wner",
        password='p@"ss/wörd',
        database='a "base"',
        endpoint="ep-x-1",
        pg_setting=["work_mem=5MB", "statement_timeout=7s"],
    )
    connection = neonsim.connect()
    assert value(connection, "select current_user || current_database()") == "o'wnera \"base\""
    assert value(connection, "show work_mem") == "5MB"
    assert value(connection, "show statement_timeout") == "7s"
    assert value(connection, "show restart_after_crash") == "off"


def test_the_owner_may_create_what_it_wants_but_is_no_superuser(neonsim):
    connection = neonsim.connect()
    with connection.cursor() as cursor:
        cursor.execute("create table owned (id int)")
        cursor.execute("create database owned")
    assert value(connection, "select rolsuper from pg_roles where rolname = current_user") is False


def test_a_directory_of_ones_own_keeps_its_data(start_neonsim):
    first = start_neonsim()
    data = pathlib.Path(first.pg_socket).parent / "kept"
    second = start_neonsim(data=data)
    with second.connect().cursor() as cursor:
        cursor.execute("create table kept as select 42 as answer")
    second.close()
    third = start_neonsim(data=data)
    assert value(third.connect(), "select answer from kept") == 42


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, "stdin"])
def test_it_leaves_nothing_behind(start_neonsim, how):
    neonsim = start_neonsim(start="running")
    postgres = postmaster_pid(neonsim)
    neonsim.connect()
    if how == "stdin":
        neonsim.process.stdin.close()
    else:
        neonsim.process.send_signal(how)
    assert neonsim.process.wait(60) == 0
    assert not os.path.exists(f"/proc/{postgres}")
    assert not os.path.exists(os.path.dirname(neonsim.root_cert))


def test_postgres_does_not_outlive_it_even_when_it_is_killed(start_neonsim):
    other = start_neonsim()  # lends a place PostgreSQL's account can reach
    data = pathlib.Path(other.pg_socket).parent / "orphan"
    neonsim = start_neonsim(start="running", data=data)
    postgres = postmaster_pid(neonsim)
    neonsim.process.kill()
    wait_until(lambda: not os.path.exists(f"/proc/{postgres}"))


def test_a_setting_postgres_does_not_know_is_said_at_the_start():
    with pytest.raises(RuntimeError):
        NeonSim(start="running", pg_setting="no_such_setting=1")


# The control.


def test_what_makes_no_sense_is_refused_with_a_reason(neonsim):
    for verb, parameters, reason in [
        ("explode", {}, "unknown verb: explode"),
        ("suspend", {"mode": "slow"}, "mode must be fast or immediate"),
        ("suspend", {"moode": "fast"}, "unknown parameter: moode"),
        ("restart", {"gap": -1}, "gap must be a whole number from 0 to 3600000"),
        ("fail", {"stage": "lunch"}, "stage must be access, auth, wake or compute"),
        ("set", {"wake": "900-300"}, "wake must be milliseconds, or min-max"),
        ("set", {"autosuspend": "soon"}, "autosuspend must be seconds, or off"),
    ]:
        with pytest.raises(ValueError, match=f"^{reason}$"):
            neonsim.call(verb, **parameters)
    with pytest.raises(ValueError, match="suspend is asked for with POST"):
        neonsim.call("suspend", method="GET")


def test_the_command_line_controls_it_too(neonsim):
    ctl = [neonsim.process.args[0], "ctl", "--http", neonsim.http]
    done = subprocess.run([*ctl, "wake"], capture_output=True, text=True)
    assert done.returncode == 0 and '"state":"running"' in done.stdout
    done = subprocess.run([*ctl, "suspend", "mode=immediate"], capture_output=True, text=True)
    assert done.returncode == 0 and '"state":"suspended"' in done.stdout
    done = subprocess.run([*ctl, "suspend", "mode=slow"], capture_output=True, text=True)
    assert done.returncode == 1 and "mode must be" in done.stderr


def test_a_wake_takes_as_long_as_it_is_told_to(neonsim):
    for wake, at_least in [(700, 0.7), ("400-500", 0.4)]:
        neonsim.set(wake=wake)
        begun = time.monotonic()
        neonsim.wake()
        assert time.monotonic() - begun >= at_least
        neonsim.suspend()


def test_a_round_trip_takes_as_long_as_it_is_told_to(neonsim):
    connection = neonsim.connect()
    neonsim.set(rtt=100)
    begun = time.monotonic()
    value(connection, "select 1")
    assert time.monotonic() - begun >= 0.1
    begun = time.monotonic()
    neonsim.connect()
    assert time.monotonic() - begun >= 0.4  # TLS and SCRAM go back and forth


def test_stats_count_from_the_last_reset(neonsim):
    connection = neonsim.connect()
    before = neonsim.stats()
    assert before["awake_ms"] > 0 and before["awake_since"] <= time.time()
    assert (before["connections"], before["backends"]) == (1, 1)
    after = neonsim.reset_stats()
    assert (after["wakes"], after["logins"], after["logins_ok"]) == (0, 0, 0)
    assert after["awake_ms"] <= before["awake_ms"]
    connection.close()
    neonsim.suspend()
    asleep = neonsim.stats()
    assert (asleep["suspends"], asleep["awake_since"]) == (1, None)
    assert neonsim.stats()["awake_ms"] == asleep["awake_ms"]


# What befalls connections.


def test_suspend_tells_sessions_and_closes_in_order(neonsim, client):
    stats = neonsim.suspend()
    assert stats["state"] == "suspended"
    messages, end = client.read_to_end()
    assert [(m.fields()["S"], m.fields()["C"]) for m in messages] == [("FATAL", "57P01")]
    assert end == "close_notify"
    neonsim.wait_for(lambda stats: stats["connections"] == 0)


def test_suspend_in_mid_query_tells_the_session_too(neonsim, client):
    client.send_query("select pg_sleep(60)")
    # Before it has read that, its socket would end with a reset instead.
    observer = neonsim.connect_to_postgres()
    running = "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)'"
    wait_until(lambda: value(observer, running) == 1)
    observer.close()
    neonsim.suspend()
    messages, end = client.read_to_end()
    assert messages[-1].fields()["C"] == "57P01"
    assert end == "close_notify"


def test_an_immediate_stop_needs_recovery_and_loses_nothing_committed(neonsim):
    with neonsim.connect().cursor() as cursor:
        cursor.execute("create table survivor as select 42 as answer")
    neonsim.suspend(mode="immediate")
    assert value(neonsim.connect(), "select answer from survivor") == 42
    assert neonsim.stats()["wakes"] == 2


def test_psycopg2_says_what_it_says_of_neon(neonsim):
    connection = neonsim.connect()
    neonsim.suspend()
    with pytest.raises(psycopg2.OperationalError, match="terminating connection|closed unexpectedly"):
        value(connection, "select 1")
    with pytest.raises(psycopg2.InterfaceError, match="connection already closed"):
        value(connection, "select 1")


def test_suspending_what_sleeps_changes_nothing(neonsim):
    assert neonsim.suspend()["suspends"] == 0


def test_a_restart_is_not_a_wake_and_logins_wait_for_it(neonsim, client):
    begun = time.monotonic()
    restart = threading.Thread(target=neonsim.restart, kwargs={"gap": 1000})
    restart.start()
    assert client.read_to_end()[1] == "close_notify"
    assert value(neonsim.connect(), "select 1") == 1
    assert time.monotonic() - begun >= 1
    restart.join()
    stats = neonsim.stats()
    assert (stats["wakes"], stats["restarts"]) == (1, 1)


def test_the_crash_of_a_backend_takes_the_compute_down(neonsim, client):
    other = neonsim.connect()
    os.kill(value(other, "select pg_backend_pid()"), signal.SIGKILL)
    messages, _ = client.read_to_end()
    assert [m.fields()["C"] for m in messages] == ["57P02"]
    neonsim.wait_for(lambda stats: stats["state"] == "suspended")
    assert neonsim.stats()["crashes"] == 1
    assert value(neonsim.connect(), "select 1") == 1


def test_rst_resets(neonsim, client):
    neonsim.rst()
    assert client.read_to_end() == ([], "rst")
    assert neonsim.stats()["state"] == "running"
    assert value(neonsim.connect(), "select 1") == 1


def test_fin_closes_without_close_notify(neonsim, client):
    neonsim.fin()
    assert client.read_to_end() == ([], "fin")
    client.close()
    neonsim.wait_for(lambda stats: stats["connections"] == 0)
    assert neonsim.stats()["state"] == "running"


def test_stop_silently_leaves_connections_hanging(neonsim, client):
    neonsim.stop_silently()
    client.send_query("select 1")
    assert client.is_silent(0.3)
    other = neonsim.connect()
    assert value(other, "select 1") == 1
    assert client.is_silent()
    assert neonsim.stats()["wakes"] == 2
    client.close()
    neonsim.wait_for(lambda stats: stats["connections"] == 1)


def test_nothing_flows_while_it_is_frozen_and_all_comes_afterwards(neonsim, client):
    neonsim.freeze()
    client.send_query("select 'late'")
    assert client.is_silent(0.3)
    neonsim.thaw()
    assert client.read_until_ready()[1].body.endswith(b"late")


def test_nothing_closes_while_it_is_frozen(neonsim, client):
    neonsim.freeze()
    neonsim.suspend()
    assert client.is_silent(0.3)
    neonsim.thaw()
    messages, end = client.read_to_end()
    assert messages[0].fields()["C"] == "57P01"
    assert end == "close_notify"


def test_no_login_gets_through_while_it_is_frozen(neonsim):
    raw = RawClient(neonsim.port)
    neonsim.freeze()
    raw.start()
    assert raw.is_silent(0.3)
    neonsim.thaw()
    raw.send_password()
    assert raw.read_until_ready()[-1] == ("Z", b"I")


def test_large_results_and_requests_pass(neonsim, client):
    size = 20_000_000
    rows = client.query(f"select length('{'x' * size}'), repeat('y', {size})")
    assert len(rows[1].body) > size


def test_a_client_that_leaves_ends_its_backend(neonsim):
    connection = neonsim.connect()
    observer = neonsim.connect_to_postgres()
    backends = "select count(*) from pg_stat_activity where usename = 'neondb_owner'"
    assert value(observer, backends) == 1
    connection.close()
    wait_until(lambda: value(observer, backends) == 0)
