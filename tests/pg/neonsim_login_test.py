"""How neonsim lets clients in, and what it says when it does not."""

import socket
import struct

import psycopg2
import pytest
from neonsim import NeonSim, wait_until
from rawclient import (
    CANCEL_REQUEST_CODE,
    GSSENC_REQUEST_CODE,
    SSL_REQUEST_CODE,
    RawClient,
    message,
    request_packet,
    startup_packet,
)

MISSING_ENDPOINT = (
    "Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) "
    "for SNI support or pass the endpoint ID (first part of the domain name) as a parameter: "
    "'?options=endpoint%3D<endpoint-id>'. See more at https://neon.tech/sni"
)
WRONG_PASSWORD = "password authentication failed for user 'neondb_owner'"


def value(connection, query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def refusal(neonsim: NeonSim, **keywords) -> str:
    with pytest.raises(psycopg2.OperationalError) as refused:
        neonsim.connect(**keywords)
    text = str(refused.value)
    assert "ERROR:  " in text
    return text[text.index("ERROR:  ") + len("ERROR:  ") :].strip()


def host(neonsim: NeonSim, name: str) -> dict:
    """Another server name, at the same address."""
    return {"host": name, "hostaddr": "127.0.0.1"}


# Finding the endpoint.


def test_the_server_name_says_which_endpoint_is_meant(neonsim):
    assert value(neonsim.connect(), "select current_user") == "neondb_owner"


def test_an_option_names_the_endpoint_where_there_is_no_server_name(neonsim):
    assert value(neonsim.connect(neonsim.direct_options_dsn), "select 1") == 1


def test_the_option_is_taken_out_and_the_rest_reaches_postgres(neonsim):
    options = "-c work_mem=3MB project=ep-demo-123456"
    connection = neonsim.connect(neonsim.direct_options_dsn, options=options)
    assert value(connection, "show work_mem") == "3MB"


def test_the_password_may_name_the_endpoint(neonsim):
    for separator in ";$":
        password = f"endpoint=ep-demo-123456{separator}npg_demo"
        connection = neonsim.connect(neonsim.direct_options_dsn, options="", password=password)
        assert value(connection, "select 1") == 1


def test_nothing_that_names_the_endpoint_is_an_error(neonsim):
    assert refusal(neonsim, dsn=neonsim.direct_options_dsn, options="") == MISSING_ENDPOINT


def test_server_name_and_option_must_agree(neonsim):
    said = refusal(neonsim, options="endpoint=ep-other-1")
    assert said == (
        "Inconsistent project name inferred from SNI ('ep-demo-123456') "
        "and project option ('ep-other-1')."
    )


def test_an_endpoint_has_only_letters_digits_and_hyphens(neonsim):
    said = refusal(neonsim, dsn=neonsim.direct_options_dsn, options="endpoint=ep_demo")
    assert said == (
        "Project name ('ep_demo') must contain only alphanumeric characters and hyphens ('-')."
    )


def test_an_endpoint_or_user_nobody_knows_fails_as_a_wrong_password_does(neonsim):
    assert refusal(neonsim, **host(neonsim, "ep-other-1.neonsim.test")) == WRONG_PASSWORD
    said = refusal(neonsim, user="nobody")
    assert said == "password authentication failed for user 'nobody'"


# The password.


def test_a_wrong_password_fails_without_waking_the_compute(neonsim):
    assert refusal(neonsim, password="wrong") == WRONG_PASSWORD
    clear_text = "endpoint=ep-demo-123456;wrong"
    said = refusal(neonsim, dsn=neonsim.direct_options_dsn, options="", password=clear_text)
    assert said == WRONG_PASSWORD
    stats = neonsim.stats()
    assert (stats["state"], stats["wakes"]) == ("suspended", 0)
    assert (stats["logins"], stats["logins_ok"], stats["refusals"]) == (2, 0, 2)


def test_scram_binds_the_channel(neonsim):
    assert value(neonsim.connect(channel_binding="require"), "select 1") == 1
    assert value(neonsim.connect(channel_binding="disable"), "select 1") == 1


def test_a_password_message_is_limited_to_512_bytes(neonsim):
    said = refusal(neonsim, dsn=neonsim.direct_options_dsn, options="", password="x" * 600)
    assert said == "Internal error"


# Encryption.


def test_a_client_without_tls_is_refused(neonsim):
    said = refusal(neonsim, sslmode="disable")
    assert said == "connection is insecure (try using `sslmode=require`)"
    assert neonsim.stats()["state"] == "suspended"


def test_the_certificate_can_be_verified_by_name(neonsim):
    verify = {"sslmode": "verify-full", "sslrootcert": neonsim.root_cert}
    assert value(neonsim.connect(**verify), "select 1") == 1
    with pytest.raises(psycopg2.OperationalError, match="does not match host name"):
        neonsim.connect(**verify, **host(neonsim, "ep-demo-123456.elsewhere.test"))


def test_tls_may_begin_at_once(neonsim):
    client = RawClient(
        neonsim.port, server_name="ep-demo-123456.neonsim.test", direct=True, alpn="postgresql"
    )
    assert client.tls.selected_alpn_protocol() == "postgresql"
    client.start()
    assert client.read().body.startswith(struct.pack("!i", 10) + b"SCRAM-SHA-256-PLUS\0")


def test_a_client_of_another_protocol_is_turned_away(neonsim):
    with pytest.raises(OSError):
        RawClient(neonsim.port, direct=True, alpn="h2")


def test_gss_encryption_is_declined_and_tls_still_offered(neonsim):
    with socket.create_connection(("127.0.0.1", neonsim.port), 60) as plain:
        plain.sendall(request_packet(GSSENC_REQUEST_CODE))
        assert plain.recv(16) == b"N"
        plain.sendall(request_packet(SSL_REQUEST_CODE))
        assert plain.recv(16) == b"S"


@pytest.mark.parametrize(
    "packet",
    [
        b"\0\0\0\7abc",
        struct.pack("!ii", 10001, 3 << 16),
        struct.pack("!ii", 8, 2 << 16),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["too short", "too long", "protocol 2", "HTTP"],
)
def test_what_is_no_startup_packet_ends_the_connection(neonsim, packet):
    with socket.create_connection(("127.0.0.1", neonsim.port), 60) as plain:
        plain.sendall(packet)
        try:
            assert plain.recv(16) == b""
        except ConnectionResetError:
            pass  # it had not read all that was sent


# The startup packet.


def test_newer_protocols_and_their_options_are_negotiated_down(neonsim):
    client = RawClient(neonsim.port)
    client.start(protocol=(3 << 16) | 2, **{"_pq_.test": "1"})
    negotiated = client.read()
    assert negotiated == ("v", struct.pack("!ii", 0, 1) + b"_pq_.test\0")
    client.send_password()
    key = [each for each in client.read_until_ready() if each.type == "K"][0]
    assert len(key.body) == 8


def test_only_a_few_parameters_reach_postgres(neonsim):
    client = RawClient(neonsim.port)
    client.log_in(application_name="a test", work_mem="3MB", client_encoding="LATIN1")
    rows = client.query(
        "select current_setting('application_name') || ' ' || current_setting('work_mem') "
        "|| ' ' || current_setting('client_encoding')"
    )
    assert rows[1].body.endswith(b"a test 4MB UTF8")


def test_a_startup_packet_without_a_user_is_refused(neonsim):
    client = RawClient(neonsim.port)
    client.send(startup_packet(3 << 16, database="neondb"))
    assert client.read().fields()["M"] == "Parameter 'user' is missing in startup packet."


# Waking.


def test_a_client_hears_nothing_while_the_compute_wakes(neonsim):
    neonsim.set(wake=1500)
    client = RawClient(neonsim.port)
    client.start()
    client.send_password()
    neonsim.wait_for(lambda stats: stats["state"] == "waking")
    silent = client.is_silent()
    assert silent or neonsim.stats()["state"] == "running"
    assert client.read() == ("R", struct.pack("!i", 0))
    assert neonsim.stats()["state"] == "running"
    assert client.read_until_ready()[-1] == ("Z", b"I")


def test_clients_that_come_together_wake_the_compute_once(neonsim):
    clients = [RawClient(neonsim.port) for _ in range(20)]
    for client in clients:
        client.start()
        client.send_password()
    for client in clients:
        client.read_until_ready()
    assert neonsim.stats()["wakes"] == 1


def test_postgres_errors_at_login_come_behind_authentication_and_lose_their_sqlstate(neonsim):
    client = RawClient(neonsim.port)
    client.start(database="nowhere")
    client.send_password()
    messages, end = client.read_to_end()
    assert [each.type for each in messages] == ["R", "E"]
    assert messages[1].fields() == {
        "S": "ERROR",
        "C": "XX000",
        "M": 'database "nowhere" does not exist',
    }
    assert end == "close_notify"


def test_connections_are_limited_as_by_postgres(neonsim):
    neonsim.wake()  # with the usual limit
    neonsim.set(max_connections=5)  # three of them are the superuser's
    held = [neonsim.connect() for _ in range(2)]
    assert refusal(neonsim) == (
        "remaining connection slots are reserved for non-replication superuser connections"
    )
    held.pop().close()
    neonsim.wait_for(lambda stats: stats["backends"] == 1)
    neonsim.set(max_connections=100)
    assert value(neonsim.connect(), "select 1") == 1
    neonsim.restart()
    assert value(neonsim.connect(), "show max_connections") == "100"


# Cancelling.


def cancel(neonsim: NeonSim, key: bytes) -> None:
    """Sends a cancel request and waits until its connection has closed."""
    with socket.create_connection(("127.0.0.1", neonsim.port), 60) as plain:
        plain.sendall(request_packet(CANCEL_REQUEST_CODE, key))
        assert plain.recv(1) == b""


def key_of(messages: list) -> bytes:
    return [each.body for each in messages if each.type == "K"][0]


def test_a_cancel_request_is_delivered(neonsim):
    client = RawClient(neonsim.port)
    key = key_of(client.log_in())
    client.send_query("select pg_sleep(60)")
    wait_until_asleep(neonsim)
    cancel(neonsim, key)
    assert [each.fields()["C"] for each in client.read_until_ready() if each.type == "E"] == [
        "57014"
    ]
    assert neonsim.stats()["cancels"] == 1


def wait_until_asleep(neonsim: NeonSim) -> None:
    """Waits until somebody's pg_sleep has begun."""
    observer = neonsim.connect_to_postgres()
    asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
    wait_until(lambda: value(observer, asleep) > 0)


def test_the_end_of_a_cancel_connection_proves_nothing(neonsim):
    neonsim.set(cancel_delay=1000)
    client = RawClient(neonsim.port)
    key = key_of(client.log_in())
    client.send_query("select pg_sleep(60)")
    wait_until_asleep(neonsim)
    cancel(neonsim, key)
    assert client.is_silent(0.2)
    assert [each.type for each in client.read_until_ready()][-2:] == ["E", "Z"]


def test_a_key_is_not_that_of_the_backend(neonsim):
    client = RawClient(neonsim.port)
    pid, _ = struct.unpack("!i4s", key_of(client.log_in()))
    backend = client.query("select pg_backend_pid()")[1].body[6:]
    assert str(pid).encode() != backend


def test_a_cancel_request_with_an_unknown_key_does_nothing(neonsim):
    client = RawClient(neonsim.port)
    client.log_in()
    cancel(neonsim, struct.pack("!ii", 1, 2))
    assert client.query("select 1")[-1] == ("Z", b"I")


# Failures on request.

TEXTS = {
    "access": "This IP address 127.0.0.1 is not allowed to connect to this endpoint. "
    "Please add it to the allowed list in the Neon console. "
    "Make sure to check for IPv4 or IPv6 addresses.",
    "auth": "Authentication timed out",
    "wake": "Control plane request failed",
    "compute": "Couldn't connect to compute node",
}


@pytest.mark.parametrize("stage", TEXTS)
def test_a_login_fails_at_the_stage_asked_for_and_then_no_more(neonsim, stage):
    neonsim.fail(stage, times=2)
    assert refusal(neonsim) == TEXTS[stage]
    assert refusal(neonsim) == TEXTS[stage]
    woken = neonsim.stats()["wakes"]
    assert woken == (1 if stage == "compute" else 0)
    assert value(neonsim.connect(), "select 1") == 1


@pytest.mark.parametrize(
    "stage, before",
    [("access", ""), ("auth", "R"), ("wake", "RR"), ("compute", "RR")],
)
def test_what_a_client_hears_before_it_fails(neonsim, stage, before):
    neonsim.fail(stage, text="no luck")
    client = RawClient(neonsim.port)
    client.start()
    if before:
        client.send_password()
    messages, end = client.read_to_end()
    # The first R, which asks for the password, has been read.
    assert "".join(each.type for each in messages) == before[1:] + "E"
    assert messages[-1].fields() == {"S": "ERROR", "C": "XX000", "M": "no luck"}
    assert end == "close_notify"


def test_a_failure_may_be_slow(neonsim):
    neonsim.fail("wake", text="late", delay_ms=600_000)
    client = RawClient(neonsim.port)
    client.start()
    client.send_password()
    assert client.is_silent(0.2)
    neonsim.fail("wake", text="in time", delay_ms=20)
    assert refusal(neonsim) == "in time"


def test_a_cached_failure_stays_however_often_one_tries(neonsim):
    neonsim.fail("wake", text="endpoint is disabled", cached=True)
    for _ in range(3):
        assert refusal(neonsim) == "endpoint is disabled"
    neonsim.fail("wake", times=0)
    assert value(neonsim.connect(), "select 1") == 1


def test_messages_out_of_order_are_a_protocol_violation(neonsim):
    client = RawClient(neonsim.port, server_name="ep-demo-123456.neonsim.test")
    client.start()
    client.read()
    client.send(message("p", b"SCRAM-SHA-256\0" + struct.pack("!i", 3) + b"n,a"))
    assert client.read().fields()["M"] == "authentication protocol violation"
