"""Mode auto: what a client keeps when its backend is lost, and what it is told when that
cannot be kept."""

import backends
import pytest
from backends import wait_until_looked
from plainclient import SYNC, error_of, extended, first_column, query
from queries import rows, run, value
from twins import SOIL_SETUP, Twins, mirrored

SETUP = """
    drop schema if exists loss cascade;
    create schema loss;
    grant all on schema loss to app;
    create function loss.be(name text) returns void language plpgsql as
        $$ begin perform set_config('app.tenant', name, false); end $$;
"""

PINS = {
    "advisory lock": "select pg_advisory_lock(42)",
    "temporary table": "create temp table mine as select 1 as x",
    "cursor with hold": "declare held cursor with hold for select 1",
    "listen": "listen lost",
    "a name that is not constant": "select set_config('app.' || 'odd', 'mine', false)",
}


@pytest.fixture(scope="module")
def postgres_with_code(shared_postgres):
    return mirrored(shared_postgres, SOIL_SETUP, SETUP)


@pytest.fixture
def proxy(postgres_with_code, start_shared, io, needs_sharing):
    """With one backend for all."""
    return start_shared(io=io)


def end_backends(postgres, looked: bool = True) -> None:
    observer = postgres.connect()
    if looked:
        wait_until_looked(observer)
    backends.end_backends(observer)
    observer.close()


SETTINGS = {
    "reported": "set timezone to 'Asia/Tokyo'; set application_name to 'shop'",
    "unreported": "set work_mem to '7MB'; set search_path to loss, public",
    "custom": "set app.tenant to 'acme'",
    "by a function": "select loss.be('acme')",
    "by set_config": "select set_config('app.tenant', 'acme', false)",
    "by a block": "do $$ begin set app.tenant to 'acme'; end $$",
    "role": "set role soil",
    "characteristics": "set session characteristics as transaction read only",
    "encoding": "set client_encoding to latin1",
}


@pytest.mark.parametrize("what", SETTINGS)
def test_loss_of_an_idle_backend_keeps_settings(postgres_with_code, proxy, what):
    """The direct twin loses nothing, and both go on alike."""
    twins, other = [Twins(proxy, postgres_with_code) for _ in range(2)]
    twins.query(SETTINGS[what])
    other.query("set app.tenant to 'other'; set work_mem to '9MB'")
    for _ in range(2):
        end_backends(postgres_with_code)
        twins.check()
        other.check()


def test_loss_while_still_associated_keeps_settings(postgres_with_code, proxy):
    """Nobody else has had the backend."""
    twins = Twins(proxy, postgres_with_code, options="-c work_mem=6MB")
    twins.query("select loss.be('acme'); set statement_timeout to '33s'; set timezone to 'CET'")
    for _ in range(3):
        end_backends(postgres_with_code)
        twins.check()
    twins.query("reset all")
    end_backends(postgres_with_code)
    twins.check()


@pytest.mark.parametrize("what", PINS)
def test_loss_of_what_is_pinned_ends_the_session(postgres_with_code, proxy, what):
    client, other = proxy.raw(), proxy.raw()
    client.query(PINS[what])
    end_backends(postgres_with_code)
    assert first_column(other.query("select 'goes on'")) == ["goes on"]
    assert last_word(client)["C"] == "57P01"
    assert first_column(other.query("select 'goes on'")) == ["goes on"]


def last_word(client) -> dict:
    """What it is told, at once or when it asks for something."""
    try:
        client.send_query("select 1")
    except (BrokenPipeError, ConnectionResetError):
        pass  # it was told already
    messages, _ = client.read_to_end()
    said = error_of(messages)
    assert said["S"] == "FATAL"
    return said


def test_loss_of_what_was_pinned_and_is_no_more_is_not_told(postgres_with_code, proxy):
    client = proxy.raw()
    client.query("create temp table mine as select 1 as x; select pg_advisory_lock(42)")
    client.query("set app.tenant to 'kept'")
    client.query("drop table mine; select pg_advisory_unlock(42)")
    other = proxy.raw()
    other.query("select 1")  # had it, so the first is pinned no longer
    end_backends(postgres_with_code)
    assert first_column(client.query("show app.tenant")) == ["kept"]


@pytest.mark.usefixtures("needs_sharing")
def test_loss_of_a_restart_is_hidden_from_all_who_share(postgres_with_code, start_shared, io):
    proxy = start_shared(2, io=io)
    clients = [proxy.connect(application_name=f"client {n}") for n in range(6)]
    for number, client in enumerate(clients):
        run(client, f"select loss.be('tenant {number}')")
        run(client, f"set search_path to path_{number}")
    for mode in ["fast", "immediate"]:
        observer = postgres_with_code.connect()
        wait_until_looked(observer)
        observer.close()
        postgres_with_code.restart(mode)
        for number, client in enumerate(clients):
            seen = rows(client, "select current_setting('app.tenant'), current_schemas(true)::text,"
                                " current_setting('application_name')")  # fmt: skip
            assert seen == [(f"tenant {number}", "{pg_catalog}", f"client {number}")]
            assert value(client, "show search_path") == f"path_{number}"


def test_loss_in_a_pipeline_lets_the_next_one_run(postgres_with_code, proxy):
    twins = Twins(proxy, postgres_with_code)
    twins.query("set app.tenant to 'kept'")
    pipeline = b"".join(extended(text) + SYNC for text in ["show app.tenant", "select 1/0"] * 3)
    for _ in range(3):
        end_backends(postgres_with_code)
        twins.ask(pipeline)


def test_loss_and_a_role_that_has_gone_is_the_clients_error(postgres_with_code, proxy):
    owner = postgres_with_code.connect()
    run(owner, "create role lost; grant lost to app")
    run(owner, "drop table if exists rights_lost; create table rights_lost (who text)")
    run(owner, "grant all on rights_lost to app")
    client = proxy.raw()
    client.query("set role lost")
    end_backends(postgres_with_code)
    run(owner, "drop role lost")
    client.send(query("insert into rights_lost values (current_user)"))
    assert error_of(client.read_to_end()[0])["C"] in ("22023", "42704")
    assert rows(owner, "select from rights_lost") == []


def test_loss_spares_whoever_was_promised_nothing_more(postgres_with_code, proxy):
    """A client that has only logged in."""
    client = proxy.raw(application_name="new")
    end_backends(postgres_with_code, looked=False)
    assert first_column(client.query("show application_name")) == ["new"]
