"""Mode auto: sessions as PostgreSQL's own, on fewer backends than there are clients."""

import threading

import pytest
from neonsim import wait_until
from plainclient import error_of, first_column, types
from queries import rows, run, value


def backend_of(client) -> int:
    return value(client, "select pg_backend_pid()")


# With no more clients than backends.


def test_association_lasts_while_there_are_enough_backends(start_shared, io):
    proxy = start_shared(3, io=io)
    clients = [proxy.connect() for _ in range(3)]
    pids = [backend_of(each) for each in clients]
    assert len(set(pids)) == 3
    for turn in range(50):
        for client, pid in zip(clients, pids):
            assert backend_of(client) == pid
            run(client, f"begin; set local work_mem to '5MB'; select {turn}; commit")
            assert backend_of(client) == pid


def test_association_keeps_all_that_a_session_has(start_shared, postgres, io):
    proxy = start_shared(2, io=io)
    owner = postgres.connect()
    run(owner, "create sequence if not exists associated; grant all on sequence associated to app")
    one, other = proxy.connect(), proxy.connect()
    for client, number in [(one, 1), (other, 2)]:
        run(client, f"create temp table mine as select {number} as x")
        run(client, f"prepare p as select x * 10 from mine where x = {number}")
        run(client, f"declare c cursor with hold for select {number} + n from generate_series(1, 9) n")
        run(client, f"set app.tenant to 'tenant {number}'")
        run(client, f"select pg_advisory_lock({number})")
    drawn = [value(each, "select nextval('associated')") for each in (one, other)]
    for turn in range(5):
        for client, number in [(one, 1), (other, 2)]:
            assert value(client, "select x from mine") == number
            assert value(client, "execute p") == number * 10
            assert value(client, "fetch c") == number + turn + 1
            assert value(client, "show app.tenant") == f"tenant {number}"
            assert value(client, "select currval('associated')") == drawn[number - 1]
            assert value(client, "select lastval()") == drawn[number - 1]
            assert value(client, f"select pg_try_advisory_lock({3 - number})") is False


@pytest.mark.usefixtures("needs_sharing")
def test_association_ends_only_when_another_client_needs_the_backend(start_shared):
    proxy = start_shared(2)
    one, other = proxy.connect(), proxy.connect()
    pids = backend_of(one), backend_of(other)
    assert len(set(pids)) == 2
    third = proxy.connect()
    assert (backend_of(one), backend_of(other)) == pids  # to log in takes nobody's backend
    assert backend_of(third) == pids[0]  # the one idle longest
    assert backend_of(third) == pids[0]
    assert backend_of(other) == pids[1]
    assert backend_of(one) == pids[0]  # now the third's is the one


# With more.


@pytest.fixture
def proxy(start_shared, io):
    """With one backend for all."""
    return start_shared(io=io)


@pytest.mark.usefixtures("needs_sharing")
def test_sharing_is_what_clients_do_with_one_backend(proxy):
    clients = [proxy.connect() for _ in range(5)]
    pids = {backend_of(each) for _ in range(3) for each in clients}
    assert len(pids) == 1


def test_sharing_never_takes_an_open_transaction(proxy, needs_sharing):
    one, other = proxy.raw(), proxy.raw()
    one.query("begin")
    other.send_query("select 'other'")
    for turn in range(10):
        assert first_column(one.query(f"select {turn}")) == [str(turn)]
    assert types(one.query("nonsense")) == "EZ"
    assert other.is_silent(0.2)
    one.query("rollback")
    assert first_column(other.read_until_ready()) == ["other"]


def test_sharing_rolls_back_what_a_client_that_vanished_had_open(proxy, postgres):
    owner = postgres.connect()
    run(owner, "drop table if exists vanished; create table vanished (x int)")
    run(owner, "grant all on vanished to app")
    client, other = proxy.raw(), proxy.raw()
    client.query("begin; insert into vanished values (1); set app.tenant to 'vanished'")
    client.reset()
    assert first_column(other.query("select count(*) from vanished")) == ["0"]
    seen = first_column(other.query("select coalesce(current_setting('app.tenant', true), '')"))
    assert seen == [""]


def test_sharing_takes_all_that_its_last_client_left(proxy):
    """Though it is gone, and nothing of what it did stands in a text."""
    client = proxy.raw()
    client.query("set app.tenant to 'left'; set work_mem to '5MB'; set role app; begin")
    client.query("select set_config('app.' || 'user_id', 'left', false); commit")
    client.query("prepare left_behind as select 1; create temp table left_behind (x int)")
    client.query("declare left_behind cursor with hold for select 1; listen left_behind")
    client.query("select pg_advisory_lock(77)")
    client.close()
    other = proxy.connect()
    look = """select coalesce(current_setting('app.tenant', true), ''),
        coalesce(current_setting('app.user_id', true), ''), current_setting('work_mem'),
        to_regclass('pg_temp.left_behind')::text,
        (select count(*) from pg_prepared_statements where name = 'left_behind'),
        (select count(*) from pg_cursors where is_holdable),
        (select count(*) from pg_listening_channels()),
        (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())"""
    assert rows(other, look) == [("", "", "4MB", None, 0, 0, 0, 0)]


def test_sharing_keeps_discard_all_working_for_drivers_that_pool(proxy):
    """Npgsql sends it when a connection goes back to its pool."""
    one, other = proxy.connect(), proxy.connect()
    for client, number in [(one, 1), (other, 2)] * 5:
        run(client, "discard all")
        run(client, f"set app.tenant to '{number}'")
        assert value(client, "show app.tenant") == str(number)



def test_sharing_never_shows_another_clients_lastval(proxy, postgres):
    owner = postgres.connect()
    for name in ["first", "second"]:
        run(owner, f"create sequence if not exists {name} start 1000 increment 7")
        run(owner, f"grant all on sequence {name} to app")
    one, other = proxy.raw(), proxy.raw()
    (drawn,) = first_column(one.query("select nextval('first')"))
    other.query("select nextval('second')")
    for text in ["select lastval()", "select currval('first')"]:
        answer = one.query(text)
        assert first_column(answer) == [drawn] or error_of(answer)["C"] == "55000"
    answer = one.query("select currval('second')")
    assert first_column(answer) == [] and error_of(answer)["C"] == "55000"


def test_sharing_keeps_lastval_once_a_client_has_used_it(start_shared, postgres):
    """From the first use on, whoever draws a number keeps its backend."""
    proxy = start_shared(3)
    owner = postgres.connect()
    run(owner, "drop table if exists drawn; create table drawn (id serial, who int)")
    run(owner, "grant all on drawn, drawn_id_seq to app")
    proxy.raw().query("select lastval()")
    clients = [proxy.connect() for _ in range(2)]
    others = [proxy.connect() for _ in range(3)]
    for turn in range(3):
        for number, client in enumerate(clients):
            run(client, f"insert into drawn (who) values ({number})")
        for other in others:
            run(other, "select 1")
        for number, client in enumerate(clients):
            newest = f"select max(id) from drawn where who = {number}"
            assert value(client, "select lastval()") == value(owner, newest)


def test_sharing_lets_anyone_commit_what_was_prepared(proxy, postgres):
    owner = postgres.connect()
    run(owner, "drop table if exists two_phases; create table two_phases (x int)")
    run(owner, "grant all on two_phases to app")
    one, other = proxy.raw(), proxy.raw()
    one.query("begin; insert into two_phases values (1); prepare transaction 'shared 1'")
    one.query("begin; insert into two_phases values (2)")
    assert types(one.query("prepare transaction 'shared 2'")) == "CZ"
    assert types(other.query("commit prepared 'shared 1'")) == "CZ"
    assert types(one.query("rollback prepared 'shared 2'")) == "CZ"
    assert rows(owner, "select x from two_phases") == [(1,)]


# Cancel requests.


SLEEP = "select 'slept' from pg_sleep(0.5)"


def wait_until_asleep(observer) -> None:
    active = f"select from pg_stat_activity where state = 'active' and query = $${SLEEP}$$"
    wait_until(lambda: rows(observer, active))


def test_cancel_of_an_idle_client_never_hits_who_has_its_backend_now(proxy, postgres):
    observer = postgres.connect()
    victim, bystander = proxy.raw(), proxy.raw()
    for _ in range(2):
        victim.query("select 1")  # its backend is associated with it
        bystander.send_query(SLEEP)
        wait_until_asleep(observer)
        victim.send_cancel()
        assert first_column(bystander.read_until_ready()) == ["slept"]


def test_cancel_hits_its_own_query_wherever_it_runs(proxy, postgres):
    observer = postgres.connect()
    one, other = proxy.raw(), proxy.raw()
    for _ in range(2):
        one.query("set work_mem to '5MB'")
        other.query("set work_mem to '6MB'")
        one.send_query("select pg_sleep(60)")
        wait_until(
            lambda: rows(
                observer,
                "select from pg_stat_activity"
                " where state = 'active' and query = 'select pg_sleep(60)'",
            )
        )
        one.send_cancel()
        assert error_of(one.read_until_ready())["C"] == "57014"
        assert first_column(other.query("show work_mem")) == ["6MB"]
        assert first_column(one.query("show work_mem")) == ["5MB"]


def test_cancel_in_a_crowd_hits_only_who_asked(start_shared, io):
    """Each second client is cancelled again and again; the others never notice."""
    proxy = start_shared(2, io=io, log_level="info")
    wrong = []

    def victim() -> None:
        client = proxy.raw()
        for _ in range(8):
            client.send_query("select pg_sleep(0.02)")
            client.send_cancel()
            said = client.read_until_ready()
            if any(each.type == "E" for each in said) and error_of(said)["C"] != "57014":
                wrong.append(said)

    def bystander() -> None:
        client = proxy.raw()
        for _ in range(40):
            said = client.query("select pg_sleep(0.005)")
            if types(said) != "TDCZ":
                wrong.append(said)

    threads = [threading.Thread(target=each) for each in [victim, bystander] * 3]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == []
