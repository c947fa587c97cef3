"""Mode auto: what a client sets is its own, though others use the same backend.

Each client has a twin on a direct connection, which tells what it should see, and somebody
who soils the backend between any two of its steps.
"""

import threading

import psycopg2
import pytest
from backends import wait_until_looked
from plainclient import SYNC, bind, error_of, execute, extended, first_column, parse, query
from queries import rows, run, value
from twins import SOIL, SOIL_SETUP, Twins, mirrored, take_turns

SETUP = """
    drop schema if exists settings cascade;
    create schema settings;
    grant all on schema settings to app;
    create function settings.be(name text) returns void language plpgsql as
        $$ begin perform set_config('app.tenant', name, false); end $$;
    create function settings.be_by_set() returns void language plpgsql as
        $$ begin set app.tenant to 'by set'; set work_mem to '8MB'; end $$;
    create function settings.be_in_sql(text) returns text language sql as
        $$ select set_config('app.tenant', $1, false) $$;
    create function settings.be_nested(name text) returns void language plpgsql as
        $$ begin perform settings.be(name); end $$;
    create function settings.be_for_now() returns text language plpgsql
        set app.tenant to 'for now' as $$ begin return current_setting('app.tenant'); end $$;
    create table settings.logins (who text);
    create function settings.on_login() returns trigger language plpgsql as
        $$ begin perform set_config('app.tenant', new.who, false); return new; end $$;
    create trigger on_login before insert on settings.logins
        for each row execute function settings.on_login();
    create view settings.viewed as select settings.be_in_sql('through a view') as tenant;
    grant all on all tables in schema settings to app;
"""

SCRIPTS = {
    "reported": [
        "set timezone to 'Asia/Tokyo'", "show timezone",
        "set application_name to 'it''s \\\\ mine'", "set datestyle to 'SQL, MDY'",
        "select now()::date = current_date, '2024-02-01'::date::text", "set time zone 'UTC'",
        "set intervalstyle to sql_standard", "select interval '1 day 2 hours'",
    ],
    "unreported": [
        "set work_mem to '7MB'", "set statement_timeout to '77s'", "set enable_seqscan to off",
        "set search_path to 'Weird, \"Name', settings, public", "select be_in_sql('found')",
        "set extra_float_digits to 0", "select 0.1::float8 + 0.2", "set bytea_output to escape",
        "select 'x'::bytea, '\\\\001'::bytea", "set lock_timeout to '5s'; set jit to off",
        "set default_text_search_config to 'pg_catalog.german'", "select to_tsvector('die Tests')",
    ],
    "zone as an interval": [
        "set time zone interval '+05:30' hour to minute", "select '2024-01-01 0:00Z'::timestamptz",
        "set time zone -3.5", "select '2024-01-01 0:00Z'::timestamptz", "set time zone local",
    ],
    "session characteristics": [
        "set session characteristics as transaction isolation level serializable",
        "show transaction_isolation", "set session characteristics as transaction read only",
        "insert into settings.logins values ('nobody')", "begin read write; commit",
        "set session characteristics as transaction read write, deferrable",
    ],
    "encoding": [
        "set client_encoding to 'latin1'", "select 'é', length('é')", "select chr(233)",
        "set names 'win1252'", "select chr(8364)", "reset client_encoding", "select 'é'",
    ],
    "strings as they were": [
        "set standard_conforming_strings to off; set escape_string_warning to off",
        "set app.tenant to 'a\\\\\\\\b''c'", "select 'a\\\\\\\\b', current_setting('app.tenant')",
        "set backslash_quote to on", "select 'it\\\\'s'",
    ],
    "custom, by set": [
        "set app.tenant to 'acme'", "show app.tenant", "set app.user_id = 7",
        "select nullif(current_setting('app.user_id', true), '')::int", 'set "app"."tenant" to \'Case\'',
        "set session app.tenant = 'other'", "reset app.user_id",
    ],
    "custom, by set_config": [
        "select set_config('app.tenant', 'acme', false)", "show app.tenant",
        "select pg_catalog.set_config('app.user_id', '7', false)",
        "select set_config('app.tenant', 'local', true), current_setting('app.tenant')",
        "select count(set_config('app.tenant', 'row ' || n, false)) from generate_series(1, 3) n",
        "with c as materialized (select set_config('app.tenant', 'cte', false)) select from c",
        "select 1 where set_config('app.tenant', 'where', false) is null",
    ],
    "custom, by a parameter": [
        extended("select set_config('app.tenant', $1, false)", "acme") + SYNC, "show app.tenant",
        extended("select set_config('app.tenant', $1, $2::bool)", "b", "f") + SYNC, "select 1",
        extended("select set_config('app.tenant', $1, $2::bool)", "c", "t") + SYNC, "select 2",
        parse("select set_config('app.user_id', $1, false)", name="set") + SYNC,
        bind("8", statement="set") + execute() + bind("9", statement="set") + execute() + SYNC,
    ],
    "custom, by a function": [
        "select settings.be('acme')", "show app.tenant", "select settings.be_nested('nested')",
        "select settings.be_in_sql('in sql')", "select settings.be_by_set()", "show work_mem",
        extended("select settings.be($1)", "with a parameter") + SYNC,
        "select settings.be_for_now()", "show app.tenant",
        "insert into settings.logins values ('by a trigger')", "table settings.viewed",
    ],
    "custom, by a block": [
        "do $$ begin perform set_config('app.tenant', 'done', false); end $$", "show app.tenant",
        "do $$ begin set app.tenant to 'done again'; set work_mem to '6MB'; end $$",
        "do $$ begin perform settings.be('by do'); end $$",
        "do $$ begin set local app.tenant to 'local'; end $$",
        "do $$ begin set app.tenant to 'undone'; raise 'no'; end $$",
        "do $$ begin begin set app.tenant to 'caught'; raise 'no'; exception when others then"
        " null; end; end $$",
    ],
    "undone": [
        "set work_mem to '5MB'", "begin; set work_mem to '9MB'; rollback", "show work_mem",
        "begin; set local work_mem to '9MB'; set app.tenant to 'kept'; commit",
        "begin; savepoint a; set work_mem to '9MB'; rollback to a; commit",
        "begin; savepoint a; set work_mem to '10MB'; release a; commit", "show work_mem",
        "set work_mem to '12MB'; set app.tenant to 'gone'; select 1/0", "show work_mem",
        "begin; select settings.be('gone'); rollback", "show app.tenant",
        "set work_mem to '13MB'; set work_mem to 'nonsense'", "set nosuch to 1", "show work_mem",
    ],
    "role": [
        "set role soil", "select current_user, session_user", "create table public.no (x int)",
        "set role none", "set role 'app'", "begin; set local role soil; commit",
        "begin; set role soil; rollback", "set role soil", "reset role", "set role nosuch",
        "set session authorization soil", "set session authorization default",
    ],
    "returned to": [
        "set work_mem to '7MB'", "reset work_mem", "set search_path to public",
        "reset search_path", "set statement_timeout to 0; set timezone to 'CET'", "reset all",
        "set app.tenant to 'x'", "set search_path to default", "set work_mem to '7MB'",
        "discard all", "set statement_timeout to default", "set role soil", "discard all",
    ],
}  # fmt: skip

# Whose steps leave a block open, and so hold their backend.
BLOCK_SCRIPT = [
    "begin", "set work_mem to '9MB'", "savepoint a", "set app.tenant to 'a'",
    "select settings.be('b')", "rollback to a", "show app.tenant", "commit", "show work_mem",
    "begin", "select set_config('app.tenant', 'c', false)", "commit", "show app.tenant",
    "begin; set app.tenant to 'gone'; select 1/0; commit", "rollback", "show app.tenant",
    "begin", "set work_mem to '10MB'", "nonsense", "set work_mem to '11MB'", "commit",
    "begin", "set role soil", "rollback and chain", "set local role soil", "commit", "select 1",
]  # fmt: skip

STARTUPS = {
    "plain": {},
    "options": {"options": "-c search_path=settings -c statement_timeout=5s -c app.tenant=own"},
    "parameters": {"application_name": "shop", "DateStyle": "ISO, DMY", "TimeZone": "CET"},
}


@pytest.fixture(scope="module")
def prepared_postgres(shared_postgres):
    return mirrored(shared_postgres, SOIL_SETUP, SETUP)


@pytest.fixture
def shared(prepared_postgres, start_shared):
    return start_shared()


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("startup", STARTUPS)
def test_settings_are_a_clients_own(prepared_postgres, shared, script, startup):
    twins = Twins(shared, prepared_postgres, **STARTUPS[startup])
    soiler = Twins(shared, prepared_postgres, application_name="soiler")
    take_turns((twins, SCRIPTS[script]), (soiler, ["select 1", *SOIL]))


@pytest.mark.parametrize("script", SCRIPTS)
def test_settings_are_a_clients_own_on_both_engines(prepared_postgres, start_shared, io, script):
    proxy = start_shared(2, io=io)
    twins = [Twins(proxy, prepared_postgres) for _ in range(4)]
    steps = SCRIPTS[script]
    take_turns(*((each, [*steps[at:], *steps[:at]]) for at, each in enumerate(twins)))


def test_settings_in_a_block_are_a_clients_own(prepared_postgres, start_shared, io):
    proxy = start_shared(2, io=io)
    twins, *soilers = [Twins(proxy, prepared_postgres) for _ in range(3)]
    take_turns((twins, BLOCK_SCRIPT), *((each, ["select 1", *SOIL]) for each in soilers))


def test_settings_of_a_superuser_are_its_own(prepared_postgres, start_shared):
    owner = prepared_postgres.connect()
    if not rows(owner, "select from pg_roles where rolname = 'boss'"):
        run(owner, "create role boss superuser login password 'boss-password'")
    upstream = prepared_postgres.dsn.replace("app:app-password", "boss:boss-password")
    proxy = start_shared(upstream=upstream)
    twins, soiler = [Twins(proxy, prepared_postgres) for _ in range(2)]
    script = [
        "set session authorization app", "select session_user, current_user", "show is_superuser",
        "set role soil", "select session_user, current_user", "reset role", "reset all",
        "select pg_read_file('PG_VERSION')", "reset session authorization",
        "set session_replication_role to replica", "set log_min_messages to error",
        "begin; set local session authorization app; commit", "show is_superuser",
        "begin; set session authorization app; rollback", "discard all",
    ]  # fmt: skip
    soil = ["select 1", "set session authorization soil", "set role none", "discard all"]
    take_turns((twins, script), (soiler, soil))


def test_settings_return_to_what_the_client_began_with(prepared_postgres, shared):
    plain = shared.connect()
    client = shared.connect(options="-c search_path=app -c statement_timeout=5s")
    for text in ["reset all", "discard all", "reset search_path; reset statement_timeout"]:
        run(client, "set search_path to elsewhere")
        run(client, "set statement_timeout to '1h'")
        for each in text.split("; "):
            run(client, each)
        assert value(plain, "show search_path") == '"$user", public'
        assert value(client, "show search_path") == "app"
        assert value(client, "show statement_timeout") == "5s"
        assert value(plain, "show statement_timeout") == "0"


RESETS = {
    "of another setting": (
        "-c intervalstyle=postgres_verbose",
        ["set intervalstyle to postgres", "select 1", "reset enable_seqscan",
         "select interval '1 day 2:03'", "reset intervalstyle", "select interval '1 day 2:03'",
         "set intervalstyle to postgres", "reset all", "select interval '1 day 2:03'"],
    ),
    "of a time zone": (
        "-c timezone=PST8PDT -c work_mem=7MB",
        ["set timezone to 'Etc/UTC'", "reset work_mem", "show timezone", "set time zone default",
         "show timezone", "set timezone to 'GMT'", "discard all", "show timezone"],
    ),
    "where a role and an empty setting were asked for": (
        "-c role=soil -c app.x=1",
        ["set role none", "set app.x to ''", "reset work_mem", "select current_setting('app.x')",
         "reset role", "select current_user", "set role none", "reset all", "select current_user",
         "select current_setting('app.x')", "set role none", "discard all"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("options, script", RESETS.values(), ids=RESETS)
def test_a_reset_undoes_what_it_says(prepared_postgres, shared, options, script):
    twins = Twins(shared, prepared_postgres, options=options)
    take_turns((twins, script), (Twins(shared, prepared_postgres), ["select 1", *SOIL]))


def test_a_lock_on_a_table_holds_nobody_up_who_does_not_use_it(
    prepared_postgres, start_pgballast, io
):
    owner = prepared_postgres.connect()
    run(owner, "drop table if exists locked cascade; create table locked"
               " (a int default 1, b text default lower('B') check (length(b) > 0))")  # fmt: skip
    run(owner, "create or replace function of_locked() returns bigint language sql"
               " begin atomic select count(*) from locked; end")  # fmt: skip
    proxy = start_pgballast(prepared_postgres.dsn, io=io, mode="auto")
    owner.autocommit = False
    try:
        run(owner, "lock table locked in access exclusive mode")
        client = proxy.raw()
        client.query("set work_mem to '5MB'")
        wait_until_looked(prepared_postgres.connect())
        assert first_column(client.query("show work_mem")) == ["5MB"]
    finally:
        owner.rollback()
        owner.autocommit = True
        run(owner, "drop table locked cascade")


def test_settings_that_hide_in_views_and_defaults_are_no_secret(prepared_postgres, start_shared):
    owner = prepared_postgres.connect()
    run(owner, "create view sets as select set_config('app.tenant', 'hidden', false) as x;"
               " grant select on sets to app")  # fmt: skip
    try:
        proxy = start_shared(2, retry={"wait_timeout": "1s"})
        client, others = proxy.raw(), [proxy.raw() for _ in range(2)]
        assert first_column(client.query("select x from sets")) == ["hidden"]
        for each in others:  # who may have used the view, too, as far as anybody knows
            each.query("select 1")
        assert first_column(client.query("select current_setting('app.tenant')")) == ["hidden"]
    finally:
        run(owner, "drop view sets")


def test_settings_that_cannot_be_restored_fail_before_anything_runs(prepared_postgres, shared):
    """A role that was dropped meanwhile: nothing runs with the rights of another one."""
    owner = prepared_postgres.connect()
    run(owner, "create role doomed; grant doomed to app")
    run(owner, "drop table if exists rights; create table rights (who text)")
    run(owner, "grant all on rights to app")
    clients, other = [shared.raw() for _ in range(4)], shared.raw()
    for client in clients:
        client.query("set role doomed")
    assert first_column(other.query("select current_user")) == ["app"]
    run(owner, "drop role doomed")
    for client, request in zip(clients, [
        query("insert into rights values (current_user)"),
        query("select current_user"),
        extended("insert into rights values (current_user)") + SYNC,
        extended("select current_user") + SYNC,
    ]):  # fmt: skip
        client.send(request)
        assert error_of(client.read_to_end()[0])["C"] in ("22023", "42704")
    assert rows(owner, "select * from rights") == []
    assert first_column(other.query("select current_user")) == ["app"]


def test_settings_that_are_reported_are_what_the_driver_was_told(shared):
    one, other = shared.connect(), shared.connect()
    for zone, style in [("Asia/Tokyo", "German, DMY"), ("CET", "ISO, YMD"), ("UTC", "ISO, MDY")]:
        run(one, f"set timezone to '{zone}'; set datestyle to '{style}'")
        run(other, "set timezone to 'America/New_York'; set datestyle to 'SQL, DMY'")
        run(one, "set application_name to 'shop'")
        run(one, "select 1")
        told = [one.get_parameter_status(each) for each in ("TimeZone", "DateStyle")]
        assert told == [zone, style]
        assert one.get_parameter_status("application_name") == "shop"
        assert other.get_parameter_status("TimeZone") == "America/New_York"
    run(one, "discard all")
    assert one.get_parameter_status("TimeZone") == value(one, "show timezone")
    assert one.get_parameter_status("application_name") == ""


def test_settings_of_many_are_each_ones_own(prepared_postgres, start_shared, io):
    """20 clients on 3 backends, 200 transactions each."""
    proxy = start_shared(3, io=io, log_level="info")
    zones = ["UTC", "Asia/Tokyo", "Europe/Berlin", "America/New_York"]
    wrong = []

    def one(number: int) -> None:
        own = (f"client {number}", zones[number % 4], f"tenant {number}")
        client = proxy.connect(application_name=own[0])
        run(client, f"set timezone to '{own[1]}'")
        run(client, f"select settings.be('{own[2]}')")
        look = "select " + ", ".join(
            f"current_setting('{name}')" for name in ("application_name", "timezone", "app.tenant")
        )
        for turn in range(200):
            if turn % 20 == 19:
                own = (own[0], own[1], f"tenant {number}/{turn}")
                run(client, f"select set_config('app.tenant', '{own[2]}', false)")
            (seen,) = rows(client, look)
            if seen != own:
                wrong.append((own, seen))
        client.close()

    each_in_a_thread(one, range(20), wrong)
    assert wrong == []


def each_in_a_thread(what, numbers, wrong: list) -> None:
    def guarded(number: int) -> None:
        try:
            what(number)
        except (psycopg2.Error, AssertionError) as error:
            wrong.append((number, repr(error)))

    threads = [threading.Thread(target=guarded, args=[number]) for number in numbers]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
