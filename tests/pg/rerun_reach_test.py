"""Where a statement can reach out of its database, a rollback proves nothing: with foreign
servers, dblink, or languages that are not trusted, nothing is run again because of FATAL 57P01.
What has been done elsewhere is counted there.
"""

import pytest
from losing import (
    KEPT, Lock, asked, backend_of, begin_anew, check_unknown, done, interrupted, prepare,
    terminate, victim_of, wait_until_blocked, wait_until_quiet,
)  # fmt: skip
from losses import wait_for_losses
from plainclient import SYNC, bind, execute, extended, query, types
from postgres import DATABASE, PASSWORD, USER, Postgres
from psycopg2.extensions import make_dsn

SETUP = """
    create schema reach authorization app;
    set role app;
    create table reach.rows (id int, n int);
    create table reach.written (x int);
    insert into reach.rows values (1, 0);
    reset role;
"""
ROWS = "select from reach.rows for update"
FRESH = "truncate reach.written"


@pytest.fixture(scope="module")
def shared_postgres():
    """One of our own, for its databases' sake."""
    with Postgres() as postgres:
        done(postgres, SETUP)
        yield postgres


@pytest.fixture
def postgres(shared_postgres):
    begin_anew(shared_postgres, FRESH)
    return shared_postgres


def serve(postgres, start_pgballast, mode: str, dbname: str = DATABASE):
    dsn = make_dsn(postgres.dsn, dbname=dbname)
    return start_pgballast(dsn, mode=mode, pool={"max": 2}, admin=True)


def count(postgres, table: str = "reach.written", dbname: str = DATABASE) -> int:
    return asked(postgres, f"select count(*) from {table}", dbname)[0][0]


HAZARDS = {
    "dblink": "create extension dblink",
    "a foreign server": """
        create extension postgres_fdw;
        create server elsewhere foreign data wrapper postgres_fdw
            options (host '127.0.0.1', port '{port}', dbname 'elsewhere')""",
    "an untrusted language": """
        create language untrusted handler plpgsql_call_handler;
        create function reach.reach() returns int language untrusted as 'begin return 1; end'""",
}
WAITS = "insert into reach.written select 7 from reach.rows for update"


def hazardous(postgres, what: str) -> str:
    """A database with that; its name."""
    name = f"hazard_{list(HAZARDS).index(what)}"
    if not asked(postgres, f"select from pg_database where datname = '{name}'"):
        done(postgres, f"create database {name} owner app")
        done(postgres, SETUP, name)
        done(postgres, HAZARDS[what].format(port=postgres.port), name)
    done(postgres, FRESH, name)
    return name


@pytest.fixture
def without_hazards(postgres):
    """Drops what a test has made of the database app itself."""
    yield
    done(postgres, "alter role app nosuperuser; drop extension if exists dblink")


@pytest.mark.parametrize("what", HAZARDS)
def test_where_a_statement_can_reach_out_nothing_is_run_again(
    postgres, start_pgballast, mode, what
):
    name = hazardous(postgres, what)
    proxy = serve(postgres, start_pgballast, mode, name)
    client = victim_of(proxy)
    prepare(client, WAITS)
    named = bind(statement=KEPT) + execute() + SYNC
    for octets in [query(WAITS), extended(WAITS) + SYNC, named]:
        check_unknown(client, interrupted(postgres, client, octets, ROWS, dbname=name))
    assert count(postgres, dbname=name) == 0
    wait_for_losses(proxy, told_08007=3)


@pytest.mark.usefixtures("without_hazards")
def test_what_can_reach_out_is_known_from_when_it_was_made(postgres, start_pgballast, mode):
    """By a client, after it has been found that there is nothing of the kind."""
    proxy = serve(postgres, start_pgballast, mode)
    done(postgres, "alter role app superuser")
    client = victim_of(proxy)
    assert types(interrupted(postgres, client, query(WAITS), ROWS)) == "CZ"
    client.query("create extension dblink")
    wait_until_quiet(postgres)
    check_unknown(client, interrupted(postgres, client, query(WAITS), ROWS))
    assert count(postgres) == 1


REACHES_OUT = f"""
    create function reach.reach_out() returns trigger language plpgsql as $$ begin
        perform dblink_exec('host=127.0.0.1 port={{port}} dbname={DATABASE} user={USER}'
            ' password={PASSWORD}', 'insert into reach.written values (42)');
        perform from reach.rows for update;
        return new;
    end $$;
    create table reach.reaching (x int);
    grant all on reach.reaching to app;
    create trigger reach_out before insert on reach.reaching
        for each row execute function reach.reach_out();
"""


def test_what_a_trigger_did_by_dblink_is_done_once(postgres, start_pgballast, mode):
    name = hazardous(postgres, "dblink")
    if not asked(postgres, "select from pg_class where relname = 'reaching'", name):
        done(postgres, REACHES_OUT.format(port=postgres.port), name)
    proxy = serve(postgres, start_pgballast, mode, name)
    client = victim_of(proxy)
    octets = query("insert into reach.reaching values (1)")
    told = interrupted(postgres, client, octets, ROWS, dbname=name)
    check_unknown(client, told)
    assert asked(postgres, "select x from reach.written") == [(42,)]
    assert count(postgres, "reach.reaching", name) == 0


# Two servers elsewhere, both this one: the first to commit takes the advisory lock 1, and so
# the other waits for 2, with the local transaction not committed.
ELSEWHERE = """
    create table kept (x int);
    create function wait() returns trigger language plpgsql as $$ begin
        if not pg_try_advisory_lock(1) then
            perform pg_advisory_xact_lock(2);
        end if;
        return null;
    end $$;
    create constraint trigger wait after insert on kept
        deferrable initially deferred for each row execute function wait();
    grant all on kept to app;
"""
FOREIGN = """
    create extension postgres_fdw;
    {servers}
    create table reach.local (x int);
    create function reach.spread() returns trigger language plpgsql as $$ begin
        insert into reach.kept_1 values (new.x);
        insert into reach.kept_2 values (new.x);
        return new;
    end $$;
    create trigger spread before insert on reach.local
        for each row execute function reach.spread();
    grant all on reach.local, reach.kept_1, reach.kept_2 to app;
"""
SERVER = f"""
    create server elsewhere_{{n}} foreign data wrapper postgres_fdw
        options (host '127.0.0.1', port '{{port}}', dbname 'elsewhere');
    create user mapping for app server elsewhere_{{n}}
        options (user '{USER}', password '{PASSWORD}');
    create foreign table reach.kept_{{n}} (x int) server elsewhere_{{n}}
        options (schema_name 'public', table_name 'kept');
"""


def with_foreign_tables(postgres) -> str:
    """A database whose table `local` has a trigger that writes elsewhere, twice; its name."""
    if not asked(postgres, "select from pg_database where datname = 'elsewhere'"):
        for name in ["elsewhere", "near"]:
            done(postgres, f"create database {name}")
        done(postgres, ELSEWHERE, "elsewhere")
        done(postgres, SETUP, "near")
        servers = "".join(SERVER.format(n=n, port=postgres.port) for n in [1, 2])
        done(postgres, FOREIGN.format(servers=servers), "near")
    done(postgres, "truncate kept", "elsewhere")
    done(postgres, "truncate reach.local", "near")
    return "near"


def test_what_a_trigger_wrote_to_a_foreign_table_is_written_once(postgres, start_pgballast, mode):
    """One server keeps its row, though the local transaction is rolled back."""
    name = with_foreign_tables(postgres)
    proxy = serve(postgres, start_pgballast, mode, name)
    client = victim_of(proxy)
    lock = Lock(postgres, "select pg_advisory_xact_lock(2)", "elsewhere")
    client.send(query("insert into reach.local values (7)"))
    wait_until_blocked(postgres, "exists (select from pg_locks where not granted)")
    terminate(postgres, backend_of(postgres))
    assert count(postgres, "kept", "elsewhere") == 1
    lock.release()
    check_unknown(client, client.read_until_ready())
    assert count(postgres, "reach.local", name) == 0
    # The other one may have heard of COMMIT.
    assert count(postgres, "kept", "elsewhere") in (1, 2)
