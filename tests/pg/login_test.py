"""Who is let in, who is not, and how many."""

import psycopg2
import pytest
from neonsim import wait_until
from plainclient import SYNC, PlainClient, Refused, error_of, extended, types
from queries import Stopwatch, rows, value


@pytest.fixture
def proxy(postgres, start_pgballast):
    return start_pgballast(postgres.dsn)


def refusal(proxy, **parameters: str) -> tuple:
    with pytest.raises(Refused) as refused:
        proxy.raw(**parameters)
    return tuple(refused.value.fields[field] for field in "SC")


def test_a_client_is_told_what_the_server_reports_and_a_key_of_its_own(proxy):
    client = PlainClient(proxy.port)
    messages = client.log_in("app-password", user="app", database="app", application_name="me")
    told = dict(each.body.decode().split("\0")[:2] for each in messages if each.type == "S")
    assert told["server_version"].startswith("15")
    assert told["application_name"] == "me"
    assert told["client_encoding"] == "UTF8"
    assert types(messages) == "KZ"
    assert client.process_id != int(value(proxy.connect(), "select pg_backend_pid()"))


def test_a_wrong_password_is_refused(proxy):
    assert refusal(proxy, password="nonsense") == ("FATAL", "28P01")


def test_an_unknown_user_is_refused_as_with_a_wrong_password(proxy):
    assert refusal(proxy, user="nobody") == ("FATAL", "28P01")


def test_an_unknown_database_is_refused_at_connect_in_the_servers_words(proxy):
    assert value(proxy.connect(), "select 1") == 1
    with pytest.raises(psycopg2.OperationalError, match='database "nosuch" does not exist'):
        proxy.connect(dbname="nosuch")
    assert refusal(proxy, database="nosuch") == ("FATAL", "3D000")


def test_the_upstreams_own_refusal_of_the_password_is_passed_on(postgres, start_pgballast):
    wrong = psycopg2.extensions.make_dsn(postgres.dsn, password="outdated")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        start_pgballast(wrong).connect()


def test_clients_beyond_the_limit_are_refused_until_there_is_room(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn, limits={"clients": 2})
    clients = [proxy.raw(), proxy.raw()]
    assert refusal(proxy) == ("FATAL", "53300")
    clients[0].close()

    def let_in() -> bool:
        try:
            return bool(proxy.raw())
        except Refused:
            return False

    wait_until(let_in)
    assert types(clients[1].query("select 1")) == "TDCZ"


def test_a_cancel_comes_through_at_the_limit_of_clients(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn, limits={"clients": 1})
    client = proxy.raw()
    client.send_query("select pg_sleep(60)")
    active = "select from pg_stat_activity where query = 'select pg_sleep(60)'"
    wait_until(lambda: rows(postgres.connect(), active))
    client.send_cancel()
    assert error_of(client.read_until_ready())["C"] == "57014"


def test_the_password_of_other_databases_opens_none_that_has_its_own(postgres, start_pgballast):
    other = psycopg2.extensions.make_dsn(postgres.dsn, password="of-the-others")
    databases = {"app": {"upstream": postgres.dsn}, "*": {"upstream": other}}
    proxy = start_pgballast(postgres.dsn, databases=databases)
    assert refusal(proxy, password="of-the-others") == ("FATAL", "28P01")
    assert types(proxy.raw().query("select 1")) == "TDCZ"


def test_two_databases_of_one_server_are_told_apart(proxy):
    assert value(proxy.connect(), "select current_database()") == "app"
    assert value(proxy.connect(dbname="postgres"), "select current_database()") == "postgres"


# Waiting for a backend.


def test_a_wait_ends_with_an_error_and_the_connection_stays(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn, pool={"max": 1}, retry={"wait_timeout": "300ms"})
    one, other = proxy.raw(), proxy.raw()
    one.query("begin")
    with Stopwatch() as watch:
        told = error_of(other.query("select 1"))
    proxy.wait_for_line("gave up .*attempts=0 sqlstate=57P03")
    assert (told["S"], told["C"]) == ("ERROR", "57P03")
    assert "all 1 are in use" in told["D"]
    assert 0.3 <= watch.seconds < 1
    one.query("commit")
    assert types(other.query("select 1")) == "TDCZ"


def test_a_wait_that_ended_in_the_extended_protocol_is_over_at_sync(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn, pool={"max": 1}, retry={"wait_timeout": "300ms"})
    one, other = proxy.connect(), proxy.raw()
    one.autocommit = False
    value(one, "select 1")
    other.send(extended("select 1") + extended("select 2") + SYNC)
    assert types(other.read_until_ready()) == "EZ"
    one.commit()
    other.send(extended("select 3") + SYNC)
    assert types(other.read_until_ready()) == "12DCZ"


def test_the_last_real_cause_is_told(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn, retry={"wait_timeout": "500ms"})
    client = proxy.raw()
    postgres.stop()
    told = error_of(client.query("select 1"))
    assert told["C"] == "57P03"
    assert "Connection refused" in told["D"]
    postgres.start()
    assert types(client.query("select 1")) == "TDCZ"


def test_the_breaker_opens_when_many_have_waited_in_vain_and_closes_again(
    postgres, start_pgballast
):
    proxy = start_pgballast(
        postgres.dsn,
        retry={"wait_timeout": "200ms"},
        breaker={"failures": 3, "open_for": "1s"},
    )
    client = proxy.raw()
    postgres.stop()
    for _ in range(3):
        assert "within 200 ms" in error_of(client.query("select 1"))["M"]
    with Stopwatch() as watch:
        assert "not queued" in error_of(client.query("select 1"))["M"]
    assert watch.seconds < 0.2
    postgres.start()
    wait_until(lambda: types(client.query("select 1")) == "TDCZ", 10)
