"""The signup demo, through pgballast and directly, on a database that suspends."""

import concurrent.futures
import datetime
import hashlib
import itertools
import os
import re
import socket
import subprocess
import uuid

import pytest
from demo import Demo, program
from neonsim import wait_until

MAX = 4
DIRECT = "/api/demo/direct/signup"
numbers = itertools.count(1)


def fresh() -> str:
    """Nobody's address yet: tables outlive their test."""
    return f"user{next(numbers)}@example.com"


@pytest.fixture(params=["auto", "transaction"])
def proxy(request, start_pgballast, neonsim):
    return start_pgballast(neonsim.dsn, mode=request.param, admin=True, pool={"max": MAX})


@pytest.fixture
def demo(proxy, neonsim):
    with Demo(proxy.dsn(), neonsim.dsn, neonsim.http, proxy.admin_port) as running:
        # Opened as it starts, beside all else: they would wake what a test has suspended.
        wait_until(lambda: running.state()["direct"]["state"] == "idle")
        wait_until(lambda: running.state()["pgballast"]["state"] == "idle")
        yield running


def check_signed_up(reply, email: str) -> dict:
    """The answer has the members that it promises, in that order, and no others."""
    assert reply.status == 201, reply.body
    answer = reply.json()
    user, session = answer["user"], answer["session"]
    assert list(answer) == ["user", "session"]
    assert list(user) == ["id", "email", "emailVerified", "createdAt", "updatedAt"]
    assert list(session) == ["id", "userId", "expires", "sessionToken"]
    assert uuid.UUID(user["id"]).version == uuid.UUID(session["id"]).version == 4
    assert user["email"] == email
    assert user["emailVerified"] is None
    assert user["createdAt"] == user["updatedAt"]
    assert session["userId"] == user["id"]
    assert re.fullmatch(r"[\w-]{43}", session["sessionToken"])
    for time in [user["createdAt"], session["expires"]]:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", time)
    lasts = datetime.datetime.fromisoformat(
        session["expires"]
    ) - datetime.datetime.fromisoformat(user["createdAt"])
    assert lasts == datetime.timedelta(days=1)
    return answer


# Signing up.


def test_who_signs_up_gets_a_user_and_a_session(demo, neonsim):
    email = fresh()
    answer = check_signed_up(demo.sign_up(email), email)

    with neonsim.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select u.email, u.password_hash, encode(s.token_digest, 'hex')"
            " from signup_demo.users u join signup_demo.sessions s on s.user_id = u.id"
            " where u.id = %s and s.id = %s",
            (answer["user"]["id"], answer["session"]["id"]),
        )
        ((stored, password, digest),) = cursor.fetchall()
    assert stored == email
    assert password.startswith("$argon2id$")
    token = answer["session"]["sessionToken"]
    assert digest == hashlib.sha256(token.encode()).hexdigest()


def test_right_after_a_suspend_signing_up_works_as_ever(demo, neonsim):
    for how in [neonsim.suspend, neonsim.restart, neonsim.rst, neonsim.fin]:
        how()
        email = fresh()
        check_signed_up(demo.sign_up(email), email)


def test_twenty_at_once_wake_the_compute_once(demo, neonsim):
    neonsim.set(wake=3000)
    neonsim.suspend()
    neonsim.reset_stats()
    emails = [fresh() for _ in range(20)]
    with concurrent.futures.ThreadPoolExecutor(len(emails)) as together:
        for email, reply in zip(emails, together.map(demo.sign_up, emails)):
            check_signed_up(reply, email)
    stats = neonsim.stats()
    assert stats["wakes"] == 1
    assert stats["logins"] <= MAX


def test_an_address_is_taken_once_however_it_is_written(demo):
    email = fresh()
    check_signed_up(demo.sign_up(email), email)
    for again in [email, email.upper()]:
        reply = demo.sign_up(again)
        assert reply.status == 409
        assert reply.json()["error"]["fields"] == {"email": "is already registered"}


def test_of_many_who_want_the_same_address_one_gets_it(demo):
    email = fresh()
    with concurrent.futures.ThreadPoolExecutor(10) as together:
        statuses = sorted(reply.status for reply in together.map(demo.sign_up, [email] * 10))
    assert statuses == [201] + [409] * 9


def test_input_is_a_value_and_never_sql(demo):
    email = f"o'neill{next(numbers)}@example.com"
    check_signed_up(demo.sign_up(email, password="'); drop schema signup_demo cascade; --"), email)
    check_signed_up(demo.sign_up(f"x{email}"), f"x{email}")


# What is refused.


def test_fields_that_are_wrong_are_named(demo):
    reply = demo.post("/auth/signup", '{"email":"nobody","password":"short"}')
    assert reply.status == 422
    assert set(reply.json()["error"]["fields"]) == {"email", "password"}
    assert demo.sign_up(fresh(), password=12345678).status == 422


def test_what_is_no_json_is_refused_before_the_database_is_asked(demo):
    post = demo.post
    assert post("/auth/signup", "{").status == 400
    assert post("/auth/signup", "[]").status == 400
    assert post("/auth/signup", "{}", {"Content-Type": "text/plain"}).status == 415
    assert post("/auth/signup", "x" * 20_000).status == 413
    assert demo.get("/auth/signup").status == 405
    assert demo.get("/nowhere").status == 404


def test_another_site_can_neither_press_a_button_nor_read(demo, neonsim):
    suspends = neonsim.stats()["suspends"]
    suspend = "/api/demo/compute/suspend"
    for headers in [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]:
        assert demo.post(suspend, headers=headers).status == 403
        assert demo.post("/auth/signup", "{}", headers).status == 403
    assert demo.get("/api/demo/state", {"Host": "evil.example"}).status == 421
    assert demo.get(suspend).status == 405
    assert neonsim.stats()["suspends"] == suspends
    assert demo.post(suspend, headers={"Origin": demo.url}).status == 200
    assert neonsim.stats()["suspends"] == suspends + 1


# The naive connection, directly.


def test_directly_the_driver_tells_and_all_fails_until_a_restart(demo, neonsim):
    email = fresh()
    check_signed_up(demo.sign_up(email, DIRECT), email)
    neonsim.suspend()
    wait_until(lambda: demo.state()["direct"]["state"] == "lost")

    reply = demo.sign_up(fresh(), DIRECT)
    assert reply.status == 503
    assert reply.json()["error"] == {
        "code": "database",
        "message": "FATAL:  terminating connection due to administrator command\n"
        "SSL connection has been closed unexpectedly",
        "sqlstate": "57P01",
    }
    reply = demo.sign_up(fresh(), DIRECT)
    assert reply.status == 503
    assert reply.json()["error"]["message"] == "connection already closed"

    assert demo.post("/api/demo/direct/restart").status == 200
    email = fresh()
    check_signed_up(demo.sign_up(email, DIRECT), email)


def test_the_same_person_may_sign_up_both_ways(demo):
    email = fresh()
    check_signed_up(demo.sign_up(email), email)
    check_signed_up(demo.sign_up(email, DIRECT), email)


# What it tells.


def test_no_look_at_it_wakes_the_compute(demo, neonsim):
    check_signed_up(demo.sign_up(email := fresh()), email)
    neonsim.suspend()
    wakes = neonsim.stats()["wakes"]
    for path in ["/", "/health/database", "/api/demo/state"] * 5:
        assert demo.get(path).status == 200
    wait_until(lambda: demo.state()["compute"]["state"] == "suspended")
    assert neonsim.stats()["wakes"] == wakes


def test_health_is_down_once_the_connection_is_closed_for_good(demo, proxy):
    reply = demo.get("/health/database")
    assert (reply.status, reply.json()["status"]) == (200, "ok")
    proxy.stop()
    assert demo.sign_up(fresh()).status == 503
    reply = demo.get("/health/database")
    assert (reply.status, reply.json()["status"]) == (503, "down")
    assert reply.json()["last_error"]


def test_the_page_needs_nothing_from_elsewhere(demo):
    page = demo.get("/")
    assert page.status == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    files = re.findall(r'(?:src|href)="([^"]+)"', page.body)
    assert files
    for file in files:
        reply = demo.get(file)
        assert reply.status == 200, file
        assert not re.search(r"https?://(?!www\.w3\.org/)", reply.body), file


def test_it_ends_though_the_database_does_not_answer(demo, neonsim):
    neonsim.freeze()
    with concurrent.futures.ThreadPoolExecutor(1) as asking:
        asking.submit(demo.sign_up, fresh(), DIRECT)
        wait_until(lambda: demo.state()["direct"]["state"] in ["connecting", "busy"])
        demo.process.terminate()
        assert demo.process.wait(10) == 0


# Where it does not start.


def started_with(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    environment = {"SIGNUP_DEMO_DSN": "postgresql://a:b@127.0.0.1:1/c", **environment}
    return subprocess.run(
        [program(), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "nowhere", "127.0.0.1:x"])
def test_it_listens_on_this_machine_only(address):
    ended = started_with("--listen", address)
    assert ended.returncode == 1
    assert f"--listen {address}: expected an address of this machine" in ended.stderr


def test_it_says_so_where_its_port_is_taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        ended = started_with("--listen", address)
    assert ended.returncode == 1
    assert f"--listen {address}: Address already in use" in ended.stderr


def test_it_does_not_start_without_a_database():
    assert "set SIGNUP_DEMO_DSN" in started_with(SIGNUP_DEMO_DSN="").stderr
    ended = started_with("--listen", "127.0.0.1:0", "--create-tables")
    assert ended.returncode == 1
    assert "the tables cannot be created" in ended.stderr
