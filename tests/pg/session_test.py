"""Session mode: a backend for each client, as on a direct connection."""

import pytest
from neonsim import wait_until
from plainclient import SYNC, bind, error_of, execute, first_column, parse, types
from queries import rows, run, value


@pytest.fixture
def proxy(postgres, start_pgballast, io):
    return start_pgballast(postgres.dsn, io=io, mode="session", pool={"max": 2})


def backend_of(client) -> int:
    return value(client, "select pg_backend_pid()")


def test_a_client_keeps_its_backend_and_all_that_is_in_it(proxy):
    one, other = proxy.connect(), proxy.connect()
    pid = backend_of(one)
    assert backend_of(other) != pid
    run(one, "create temp table mine as select 42 as x")
    run(one, "set app.tenant to 'acme'")
    run(one, "prepare p as select x from mine")
    run(one, "select pg_advisory_lock(1)")
    assert value(one, "execute p") == 42
    assert value(one, "show app.tenant") == "acme"
    assert backend_of(one) == pid
    assert value(other, "select pg_try_advisory_lock(1)") is False


def test_a_named_statement_lives_as_long_as_its_session(proxy):
    client = proxy.raw()
    client.send(parse("select $1::int + 1", name="next") + SYNC)
    assert types(client.read_until_ready()) == "1Z"
    for number in range(3):
        client.send(bind(str(number), statement="next") + execute() + SYNC)
        assert first_column(client.read_until_ready()) == [str(number + 1)]


def test_a_session_ends_clean(proxy, postgres):
    """The next client on the same backend finds nothing of it."""
    one = proxy.connect()
    pid = backend_of(one)
    run(one, "create temp table leaves as select 1")
    run(one, "set app.tenant to 'acme'")
    run(one, "set work_mem to '5MB'")
    run(one, "set timezone to 'Asia/Tokyo'")
    run(one, "prepare p as select 1")
    run(one, "listen news")
    run(one, "select pg_advisory_lock(2)")
    one.close()
    wait_for_unlocked(postgres)
    next_one = proxy.connect()
    assert backend_of(next_one) == pid
    assert value(next_one, "select to_regclass('pg_temp.leaves')") is None
    assert value(next_one, "select current_setting('app.tenant', true)") in (None, "")
    assert value(next_one, "show work_mem") != "5MB"
    assert value(next_one, "show timezone") != "Asia/Tokyo"
    assert rows(next_one, "select from pg_prepared_statements") == []
    assert rows(next_one, "select pg_listening_channels()") == []


def test_a_session_ends_clean_though_its_client_vanished_in_a_transaction(proxy, postgres):
    client = proxy.raw()
    client.query("begin")
    client.query("set local work_mem to '5MB'")
    client.query("select pg_advisory_lock(3)")
    client.reset()
    wait_for_unlocked(postgres)
    assert value(proxy.connect(), "show work_mem") != "5MB"


def wait_for_unlocked(postgres) -> None:
    """Within a second of the client's end."""
    observer = postgres.connect()
    wait_until(lambda: not rows(observer, "select from pg_locks where locktype = 'advisory'"), 1)
    observer.close()


def test_startup_parameters_are_the_clients_own(proxy):
    first = proxy.connect(options="-c statement_timeout=55s -c search_path=app")
    assert value(first, "show statement_timeout") == "55s"
    assert value(first, "show search_path") == "app"
    run(first, "set statement_timeout to 0")
    run(first, "reset statement_timeout")
    pid = backend_of(first)
    first.close()
    second = proxy.connect()
    assert backend_of(second) == pid
    assert value(second, "show statement_timeout") == "0"
    assert value(second, "show search_path") == '"$user", public'


def test_a_session_more_than_max_waits_for_one_to_end(proxy):
    clients = [proxy.raw() for _ in range(3)]
    for each in clients[:2]:
        each.query("select 1")
    clients[2].send_query("select 'mine now'")
    assert clients[2].is_silent(0.2)
    clients[0].close()
    assert first_column(clients[2].read_until_ready()) == ["mine now"]


def test_notifications_arrive_in_a_session(proxy):
    listener, speaker = proxy.connect(), proxy.connect()
    run(listener, "listen news")
    run(speaker, "notify news, 'extra'")

    def heard() -> bool:
        listener.poll()
        return bool(listener.notifies)

    wait_until(heard)
    assert [(each.channel, each.payload) for each in listener.notifies] == [("news", "extra")]


# What a session that wrote may carry over to a new backend.


def test_a_session_that_wrote_goes_on_where_no_users_code_can_have_run(neonsim, start_pgballast):
    proxy = start_pgballast(neonsim.dsn, mode="session")
    owner = proxy.connect()
    run(owner, "drop table if exists written")
    run(
        owner,
        "create table written (id serial primary key, who uuid default gen_random_uuid(),"
        " at timestamptz not null default now(), email varchar(255) not null default '',"
        " age int check (age > 0 and length(email) < 100), on_utc timestamp default timezone('utc', now()))",
    )
    owner.close()
    client = proxy.connect()
    for number in range(3):
        run(client, f"insert into written (email, age) values ('x{number}', 1)")
        neonsim.suspend()
    assert value(client, "update written set age = 2 where email = 'x1' returning age") == 2
    neonsim.suspend()
    assert value(client, "select count(*) from written") == 3


@pytest.mark.parametrize(
    "hidden",
    [
        "create table hiding (a text default set_config('app.tenant', 'x', false))",
        "create table hiding (a text check (set_config('app.tenant', 'x', false) = 'x'))",
        "create table hiding (a text); create rule r as on insert to hiding do also"
        " select set_config('app.tenant', 'x', false)",
    ],
)
def test_a_session_that_wrote_ends_where_a_table_can_hide_code(neonsim, start_pgballast, hidden):
    proxy = start_pgballast(neonsim.dsn, mode="session")
    run(neonsim.connect(), hidden)
    try:
        client = proxy.raw()
        client.query("insert into hiding values ('x')")
        neonsim.suspend()
        proxy.wait_for_line("pool stale")
        client.send_query("select 1")
        messages, _ = client.read_to_end()
        assert error_of(messages)["C"] == "57P01"
    finally:
        run(neonsim.connect(), "drop table hiding")
