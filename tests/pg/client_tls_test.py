"""TLS between clients and pgballast."""

import concurrent.futures
import signal
import ssl
import threading

import psycopg2
import pytest
from neonsim import wait_until
from plainclient import PlainClient, Refused, error_of, types
from queries import rows, value
from rawclient import SSL_REQUEST_CODE, RawClient, request_packet, startup_packet

USER = {"user": "app", "database": "app"}


@pytest.fixture
def start(postgres, start_pgballast, authority):
    """Starts a pgballast with our certificate, in front of an ordinary PostgreSQL."""

    def start(io: str = "auto", **client_tls: str):
        settings = {"cert": str(authority.directory / "server.pem"), **client_tls}
        return start_pgballast(postgres.dsn, io=io, client_tls=settings)

    return start


def fingerprint(proxy) -> bytes:
    return RawClient(proxy.port).tls.getpeercert(binary_form=True)


def test_clients_choose_where_tls_is_preferred(start, io):
    proxy = start(io=io)
    for mode in ["disable", "prefer", "require"]:
        client = proxy.connect(sslmode=mode)
        assert client.info.ssl_in_use == (mode != "disable")
        assert value(client, "select 1") == 1
        assert value(client, "select length(repeat('x', 3000000))") == 3000000
        assert len(value(client, "select repeat('x', 3000000)")) == 3000000


def test_the_certificate_is_ours_and_scram_is_bound_to_it(start, authority):
    proxy = start()
    roots = str(authority.directory / "ca.crt")
    client = proxy.connect(sslmode="verify-full", sslrootcert=roots, channel_binding="require")
    assert value(client, "select 1") == 1


def test_in_the_clear_nobody_is_let_in_where_tls_is_required(start):
    proxy = start(mode="require")
    with pytest.raises(psycopg2.OperationalError, match="connect with sslmode=require"):
        proxy.connect(sslmode="disable")
    assert value(proxy.connect(sslmode="require"), "select 1") == 1


def test_without_a_certificate_tls_is_declined(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn)
    assert not proxy.connect(sslmode="prefer").info.ssl_in_use
    with pytest.raises(psycopg2.OperationalError, match="server does not support SSL"):
        proxy.connect(sslmode="require")


def test_certificates_of_clients_are_verified(start, authority):
    roots = str(authority.directory / "ca.crt")

    def certificate(name: str) -> dict:
        files = {"sslcert": f"{name}.crt", "sslkey": f"{name}.key"}
        return {key: str(authority.directory / file) for key, file in files.items()}

    proxy = start(mode="verify-ca", ca=roots)
    assert value(proxy.connect(sslmode="require", **certificate("stranger")), "select 1") == 1
    with pytest.raises(psycopg2.OperationalError, match="certificate required"):
        proxy.connect(sslmode="require")
    proxy.wait_for_line("login rejected .*peer did not return a certificate")

    named = start(mode="verify-full", ca=roots)
    assert value(named.connect(sslmode="require", **certificate("client")), "select 1") == 1
    with pytest.raises(psycopg2.OperationalError, match='not of user "app"'):
        named.connect(sslmode="require", **certificate("stranger"))


def test_direct_tls_needs_alpn(start):
    proxy = start()
    client = RawClient(proxy.port, direct=True, alpn="postgresql")
    client.send(startup_packet(3 << 16, **USER))
    assert client.read().type == "R"
    assert RawClient(proxy.port, direct=True).read_to_end()[0] == []
    proxy.wait_for_line("login rejected .*ALPN")
    with pytest.raises(ssl.SSLError, match="no application protocol"):
        RawClient(proxy.port, direct=True, alpn="h2")


def test_what_is_put_behind_an_ssl_request_in_the_clear_is_refused(start):
    client = PlainClient(start().port)
    client.send(request_packet(SSL_REQUEST_CODE) + startup_packet(3 << 16, **USER))
    messages, end = client.read_to_end()
    assert "unencrypted data after SSL request" in error_of(messages)["M"]


def test_certificates_are_read_again_on_hup(start, authority):
    own = authority.issue("localhost", "renewed")
    proxy = start(cert=str(own))
    client = proxy.connect(sslmode="require")
    before = fingerprint(proxy)

    own.write_text("nonsense")
    proxy.process.send_signal(signal.SIGHUP)
    proxy.wait_for_line("could not be read again, the old ones are kept .*renewed.pem")
    assert fingerprint(proxy) == before

    authority.issue("localhost", "renewed")
    proxy.process.send_signal(signal.SIGHUP)
    proxy.wait_for_line("certificates read again")
    assert fingerprint(proxy) != before
    assert value(client, "select 1") == 1  # who is there stays


def test_a_query_is_cancelled_under_tls(start, postgres):
    client = start().connect(sslmode="require")
    failed = []

    def query() -> None:
        try:
            value(client, "select pg_sleep(60)")
        except psycopg2.Error as error:
            failed.append(error.pgcode)

    running = threading.Thread(target=query)
    running.start()
    active = "select from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'"
    wait_until(lambda: rows(postgres.connect(), active))
    client.cancel()
    running.join()
    assert failed == ["57014"]


def test_an_idle_client_under_tls_survives_a_suspend(neonsim, start_pgballast, authority, io):
    settings = {"mode": "require", "cert": str(authority.directory / "server.pem")}
    proxy = start_pgballast(neonsim.dsn, io=io, mode="session", client_tls=settings)
    client = proxy.connect(sslmode="require")
    assert value(client, "select 1") == 1
    neonsim.suspend()
    assert value(client, "select 2") == 2


# Users.


def test_users_of_a_pgbouncer_list_log_in_each_with_its_kind_of_secret(
    postgres, start_pgballast, tmp_path
):
    admin = postgres.connect()
    admin.cursor().execute("set password_encryption to 'scram-sha-256'")
    verifier = value(admin, "select rolpassword from pg_authid where rolname = 'app'")
    users = tmp_path / "users.txt"
    users.write_text(
        '"plain" "secret"\n'
        f'"verifier" "{verifier}"\n'
        '"hash" "md5870427799418ccdf7ef8876ebfb98cf7"\n'  # of "secret"
    )
    proxy = start_pgballast(postgres.dsn, userlist=str(users))
    for user, password in [("plain", "secret"), ("verifier", "app-password"), ("hash", "secret")]:
        assert value(proxy.connect(user=user, password=password), "select 1") == 1
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            proxy.connect(user=user, password="wrong")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        proxy.connect(user="app")


def test_users_and_databases_have_limits_of_their_own(postgres, start_pgballast):
    users = [
        {"name": "few", "password": "x", "max_clients": 1},
        {"name": "many", "password": "x"},
    ]
    databases = {
        "app": {"upstream": postgres.dsn, "max_clients": 2, "pool": {"mode": "transaction"}},
        "*": {"upstream": postgres.dsn},
    }
    proxy = start_pgballast(postgres.dsn, users=users, databases=databases)

    def enter(user: str, database: str = "app") -> PlainClient:
        return proxy.raw("x", user=user, database=database)

    few = enter("few")
    with pytest.raises(Refused, match='too many connections for role "few"'):
        enter("few")
    enter_many = enter("many")
    with pytest.raises(Refused, match='too many connections for database "app"') as refused:
        enter("many")
    assert refused.value.fields["C"] == "53300"
    assert types(enter("many", "postgres").query("select 1")) == "TDCZ"
    few.close()

    def let_in() -> bool:
        try:
            return bool(enter("few"))
        except Refused:
            return False

    wait_until(let_in)
    assert types(enter_many.query("select 1")) == "TDCZ"


def test_a_thousand_log_in_over_tls_at_once(start, io):
    proxy = start(io=io)
    barrier = threading.Barrier(1000)

    def log_in(_: int) -> int:
        barrier.wait()
        return value(proxy.connect(sslmode="require", connect_timeout=60), "select 1")

    with concurrent.futures.ThreadPoolExecutor(barrier.parties) as clients:
        assert list(clients.map(log_in, range(barrier.parties))) == [1] * barrier.parties
