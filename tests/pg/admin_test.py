"""The admin port of a whole pgballast: health, metrics, statistics, and who may ask."""

import http.client
import os
import re
import socket
import subprocess
from typing import Dict, Optional

import http_port
import pytest
from http_port import TIMEOUT_S, Reply
from neonsim import wait_until
from pgballast import Pgballast
from queries import run, value


def ask(proxy: Pgballast, path: str, method: str = "GET", host: Optional[str] = None) -> Reply:
    headers = {"Host": host} if host else {}
    return http_port.ask(proxy.admin_port, path, method, headers=headers)


def health(proxy: Pgballast) -> dict:
    """Of the one database there is."""
    (database,) = ask(proxy, "/health/database").json()["databases"]
    return database


def metrics(proxy: Pgballast) -> Dict[str, float]:
    """By name; of metrics with a label, those of neondb."""
    text = ask(proxy, "/metrics").body
    samples = re.findall(r'^(\w+)(?:\{database="neondb"\})? (\S+)$', text, re.MULTILINE)
    return {name: float(number) for name, number in samples}


def wait_for_transactions(proxy: Pgballast, count: int) -> None:
    """A client may have its answer before that is counted."""
    wait_until(lambda: metrics(proxy).get("pgballast_transactions_total") == count)


@pytest.fixture
def proxy(start_pgballast, neonsim) -> Pgballast:
    return start_pgballast(neonsim.dsn, admin=True)


def test_who_serves_is_alive_and_ready(proxy):
    for path in ["/health/live", "/health/ready"]:
        assert ask(proxy, path).status == 200


def test_no_look_wakes_the_compute(proxy, neonsim):
    paths = ["/health/live", "/health/ready", "/health/database", "/metrics", "/api/v1/stats"]
    for path in paths:
        assert ask(proxy, path).status == 200
    assert health(proxy)["state"] == "unknown"

    client = proxy.connect()
    assert value(client, "select 1") == 1
    neonsim.suspend()
    wait_until(lambda: health(proxy)["state"] == "asleep", describe=proxy.log)
    wakes = neonsim.stats()["wakes"]
    for path in paths * 10:
        assert ask(proxy, path).status == 200
    stats = neonsim.stats()
    assert (stats["state"], stats["wakes"], stats["connections"]) == ("suspended", wakes, 0)


def test_a_database_is_up_then_asleep_then_up_again(proxy, neonsim):
    client = proxy.connect()
    assert value(client, "select 1") == 1
    found = health(proxy)
    assert found["state"] == "up"
    assert found["breaker"] == "closed"
    assert found["pool"]["open"] >= 1
    assert found["pool"]["max"] == 10
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["last_opened"])

    neonsim.suspend()
    wait_until(lambda: health(proxy)["state"] == "asleep", describe=proxy.log)
    assert health(proxy)["pool"]["open"] == 0

    assert value(client, "select 1") == 1
    assert health(proxy)["state"] == "up"


def test_a_database_that_refuses_is_down_and_its_words_are_told(proxy, neonsim):
    neonsim.fail("auth", text="password authentication failed for user 'neondb_owner'", times=1)
    with pytest.raises(Exception, match="password authentication failed"):
        proxy.connect()
    reply = ask(proxy, "/health/database")
    assert reply.status == 503
    assert reply.json()["status"] == "down"
    (found,) = reply.json()["databases"]
    assert found["state"] == "down"
    assert "password authentication failed" in found["last_error"]["message"]
    assert ask(proxy, "/health/ready").status == 200  # it is not pgballast that is ill

    assert value(proxy.connect(), "select 1") == 1
    reply = ask(proxy, "/health/database")
    assert (reply.status, reply.json()["status"]) == (200, "ok")


def test_metrics_count_what_happens(proxy, neonsim):
    client = proxy.connect()
    for _ in range(5):
        assert value(client, "select 1") == 1
    wait_for_transactions(proxy, 5)
    after = metrics(proxy)
    assert after["pgballast_client_received_bytes_total"] >= 5 * len("select 1")
    assert after["pgballast_backend_received_bytes_total"] > 0
    assert after["pgballast_clients"] == after["pgballast_database_clients"] == 1
    assert after["pgballast_database_up"] == after["pgballast_ready"] == 1
    assert after["pgballast_backends_max"] == 10

    neonsim.suspend()
    wait_until(lambda: metrics(proxy)["pgballast_database_asleep"] == 1, describe=proxy.log)
    slept = metrics(proxy)
    lost = slept["pgballast_backends_lost_total"]
    assert lost >= 1
    assert slept["pgballast_losses_hidden_total"] == lost
    assert slept["pgballast_losses_told_total"] == 0

    assert value(client, "select 1") == 1
    woken = metrics(proxy)
    assert woken["pgballast_waits_total"] == slept["pgballast_waits_total"] + 1
    waited = woken["pgballast_wait_seconds_total"] - slept["pgballast_wait_seconds_total"]
    assert waited >= 0.1  # that is how long this compute takes to wake


def test_statistics_agree_with_metrics(proxy):
    client = proxy.connect()
    assert value(client, "select 1") == 1
    wait_for_transactions(proxy, 1)
    stats = ask(proxy, "/api/v1/stats").json()
    (pool,) = stats["pools"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", stats["version"])
    assert stats["engine"] in ["epoll", "io_uring"]
    assert (stats["ready"], stats["clients"]) == (True, 1)
    assert stats["uptime_seconds"] >= 0
    assert (pool["database"], pool["mode"], pool["clients"]) == ("neondb", "transaction", 1)
    assert pool["totals"]["transactions"] == metrics(proxy)["pgballast_transactions_total"]


def test_while_it_drains_it_is_alive_and_not_ready(proxy):
    client = proxy.connect()
    run(client, "begin")
    proxy.terminate()
    wait_until(lambda: ask(proxy, "/health/ready").status == 503)
    assert ask(proxy, "/health/live").status == 200
    assert metrics(proxy)["pgballast_ready"] == 0
    run(client, "commit")
    proxy.stop()


def test_other_paths_methods_and_hosts_are_refused_in_plain_text(proxy):
    for status, reply in [
        (404, ask(proxy, "/nowhere")),
        (405, ask(proxy, "/metrics", method="POST")),
        (421, ask(proxy, "/metrics", host="evil.example")),
    ]:
        assert reply.status == status
        assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert reply.body
    assert ask(proxy, "/metrics", host=f"localhost:{proxy.admin_port}").status == 200


def test_head_tells_the_length_and_nothing_else(proxy):
    reply = ask(proxy, "/health/live", method="HEAD")
    assert (reply.status, reply.body) == (200, "")
    assert int(reply.headers["Content-Length"]) == len(ask(proxy, "/health/live").body)


def test_a_connection_serves_many_requests(proxy):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.admin_port, timeout=TIMEOUT_S)
    sockets = set()
    for _ in range(3):
        connection.request("GET", "/health/live")
        sockets.add(connection.sock)
        assert connection.getresponse().read() == b"alive\n"
    assert len(sockets) == 1
    connection.close()


# Where it does not start.


def started_with(admin: str) -> subprocess.CompletedProcess:
    program = os.path.join(os.environ.get("PGBALLAST_BUILD", "build"), "bin", "pgballast")
    command = [program, "--listen", "127.0.0.1:0", "--admin", admin]
    command += ["--upstream", "postgresql://nobody:secret@127.0.0.1:1/nothing"]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:9632"])
def test_it_does_not_start_where_others_could_reach_the_admin_port(address):
    ended = started_with(address)
    assert ended.returncode == 78
    assert f"admin.listen: {address}: others could reach it" in ended.stderr


def test_it_does_not_start_where_the_admin_port_is_taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        ended = started_with(address)
    assert ended.returncode == 70
    assert f"admin.listen: {address}: Address already in use" in ended.stderr
