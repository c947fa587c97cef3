"""A statement outside a block that its lost backend has certainly rolled back (FATAL 57P01
before anything has completed) is run again on another one: its client is told what it would
have been told, and what it writes is there once.

Each waits for a lock when its backend is terminated, and gets the lock on the next.
"""

import pytest
from losing import (
    KEPT, WAYS, Lock, answers, asked, backend_of, begin_anew, done, interrupted, noticed,
    prepare, stop_fast, terminate, victim_of, wait_until_blocked, wait_until_quiet,
)  # fmt: skip
from losses import RESTORED, ROLLED_BACK, wait_for_losses
from plainclient import (
    FLUSH, SYNC, bind, describe_statement, error_of, execute, extended, first_column, parse,
    query, types,
)  # fmt: skip
from postgres import Postgres

SETUP = """
    create schema rerun authorization app;
    create role other;
    grant other to app;
    set role app;
    create table rerun.rows (id int, n int);
    create table rerun.written (x int, who text);
    create function rerun.write(x int) returns int language plpgsql as $$ begin
        insert into rerun.written values (x);
        perform from rerun.rows where id = 1 for update;
        return x;
    end $$;
    grant all on schema rerun to other;
    grant all on rerun.rows, rerun.written to other;
"""
FRESH = """
    truncate rerun.rows, rerun.written;
    insert into rerun.rows select id, 0 from generate_series(1, 3) id;
"""
ROWS = "select from rerun.rows for update"

# How much has been done: rows written, sum of all n, rows that are left.
EFFECT = """select (select count(*) from rerun.written),
    (select sum(n) from rerun.rows)::int, (select count(*) from rerun.rows)"""
WRITTEN, ADDED, DELETED, NOTHING = (1, 0, 3), (0, 1, 3), (0, 0, 2), (0, 0, 3)

INSERT = "insert into rerun.written select {} from rerun.rows where id = 1 for update"

# Statements that wait for a row, and what they do.
STATEMENTS = {
    INSERT.format(7): WRITTEN,
    INSERT.format(7) + " returning x": WRITTEN,
    "update rerun.rows set n = n + 1 where id = 1": ADDED,
    "update rerun.rows set n = n + 1 where id = 1 returning n, 'x'": ADDED,
    "delete from rerun.rows where id = 3": DELETED,
    "merge into rerun.rows r using (values (2)) v (id) on r.id = v.id"
    " when matched then update set n = r.n + 1": ADDED,
    f"with new as ({INSERT.format(8)} returning x) select x from new": WRITTEN,
    "select n from rerun.rows where id = 1 for update": NOTHING,
    "select rerun.write(9)": WRITTEN,
}


@pytest.fixture(scope="module")
def shared_postgres():
    """One of our own: whether it has functions, and of which languages, is the matter here."""
    with Postgres() as postgres:
        done(postgres, SETUP)
        yield postgres


@pytest.fixture
def postgres(shared_postgres):
    begin_anew(shared_postgres, FRESH)
    return shared_postgres


def undisturbed(client, octets: bytes) -> list:
    client.send(octets)
    return client.read_until_ready()


def disturbed(postgres, client, octets: bytes, lose=terminate) -> list:
    return interrupted(postgres, client, octets, ROWS, lose)


@pytest.mark.parametrize("way", WAYS)
def test_a_statement_that_was_rolled_back_is_run_again_unseen(postgres, proxy, way):
    client = victim_of(proxy)
    for text, effect in STATEMENTS.items():
        print(text)  # shown when it fails
        if KEPT.encode() in WAYS[way](text):
            prepare(client, text)
        expected = undisturbed(client, WAYS[way](text))
        done(postgres, FRESH)
        assert disturbed(postgres, client, WAYS[way](text)) == expected
        assert asked(postgres, EFFECT) == [effect]
        done(postgres, FRESH)
    assert first_column(client.query("select 'goes on'")) == ["goes on"]
    wait_for_losses(proxy, **{ROLLED_BACK: len(STATEMENTS)})


def test_a_restart_in_the_midst_of_a_statement_is_not_seen(postgres, proxy):
    client = victim_of(proxy)
    for octets in [query(INSERT.format(1)), extended(INSERT.format(2)) + SYNC]:
        told = disturbed(postgres, client, octets, stop_fast)
        assert types(told) in ("CZ", "12CZ")
    assert asked(postgres, "select x from rerun.written order by x") == [(1,), (2,)]


def test_what_is_lost_again_is_run_again_once_more(postgres, proxy):
    client = victim_of(proxy)
    lock = Lock(postgres, ROWS)
    client.send(query(INSERT.format(7)))
    for _ in range(3):
        terminate(postgres, wait_until_blocked(postgres))
    lock.release()
    assert types(client.read_until_ready()) == "CZ"
    assert asked(postgres, EFFECT) == [WRITTEN]


def test_an_error_of_the_second_run_is_its_answer(postgres, proxy):
    """Nothing of the first run shows: not even that there has been one."""
    client = victim_of(proxy)
    text = "update rerun.rows set n = 1 / (2 - id) where id in (1, 2)"
    expected = undisturbed(client, query(text))
    assert error_of(expected)["C"] == "22012"
    assert disturbed(postgres, client, query(text)) == expected
    assert asked(postgres, EFFECT) == [NOTHING]


def test_the_second_run_is_the_one_that_is_cancelled(postgres, proxy):
    client = victim_of(proxy)
    lock = Lock(postgres, ROWS)
    client.send(query(INSERT.format(7)))
    terminate(postgres, wait_until_blocked(postgres))
    wait_until_blocked(postgres)
    client.send_cancel()
    assert error_of(client.read_until_ready())["C"] == "57014"
    lock.release()
    assert asked(postgres, EFFECT) == [NOTHING]
    assert types(client.query("select 1")) == "TDCZ"


def test_another_client_is_served_while_one_waits_to_be_run_again(postgres, proxy):
    client, other = victim_of(proxy), proxy.raw()
    lock = Lock(postgres, ROWS)
    client.send(query(INSERT.format(7)))
    terminate(postgres, wait_until_blocked(postgres))
    assert first_column(other.query("select 'other'")) == ["other"]
    lock.release()
    assert types(client.read_until_ready()) == "CZ"


# A driver that describes a statement before it binds (asyncpg does) expects nothing between.


def described(postgres, proxy, client, text: str) -> None:
    """Its backend is lost when that has been described, and no more."""
    client.send(parse(text) + describe_statement() + FLUSH)
    assert [client.read().type for _ in "1tT"] == ["1", "t", "T"]
    with noticed(proxy):
        terminate(postgres, backend_of(postgres))
    assert client.is_silent(0.1)


def test_a_loss_between_Describe_and_Bind_is_not_seen(postgres, proxy):
    client = victim_of(proxy)
    for n in [1, 2]:
        described(postgres, proxy, client, f"insert into rerun.written values ({n}) returning x")
        client.send(bind() + execute() + SYNC)
        told = client.read_until_ready()
        assert (types(told), first_column(told)) == ("2DCZ", [str(n)])
    assert asked(postgres, "select x from rerun.written") == [(1,), (2,)]


def test_a_loss_between_Describe_and_Bind_in_a_block_is_told_with_the_Bind(postgres, proxy):
    client = victim_of(proxy)
    client.query("begin")
    described(postgres, proxy, client, "insert into rerun.written values (1) returning x")
    client.send(bind() + execute() + SYNC)
    told = client.read_until_ready()
    assert (types(told), error_of(told)["C"], told[-1].body) == ("EZ", "40001", b"E")
    assert client.query("rollback")[-1].body == b"I"
    assert asked(postgres, EFFECT) == [NOTHING]


# A session is the same in the second run.


@pytest.mark.parametrize("mode", ["auto", "session"], indirect=True)
def test_the_second_run_has_the_settings_and_the_role_of_the_first(postgres, proxy):
    client = victim_of(proxy)
    client.query("set app.tenant to 'acme'; set search_path to rerun; set role other")
    wait_until_quiet(postgres)
    text = (
        "insert into written select 1, concat_ws('/', current_user, current_setting('app.tenant'))"
        " from rows where id = 1 for update"
    )
    assert types(disturbed(postgres, client, query(text))) == "CZ"
    assert asked(postgres, "select who from rerun.written") == [("other/acme",)]


# Pipelines: what has been answered is decided, what stands behind was not begun.

SEGMENTS = {
    "extended": [extended(INSERT.format(n)) + SYNC for n in range(5)],
    "simple": [query(INSERT.format(n)) for n in range(5)],
    "named": [bind(str(n), statement=KEPT) + execute() + SYNC for n in range(5)],
    "with reads between": [
        extended("select 1") + SYNC, extended(INSERT.format(0)) + SYNC,
        extended("select count(*) from rerun.written") + SYNC, query(INSERT.format(1)),
        extended("select x from rerun.written order by x") + SYNC,
    ],
}  # fmt: skip


@pytest.mark.parametrize("segments", SEGMENTS.values(), ids=SEGMENTS)
def test_a_pipeline_is_taken_up_where_it_was_lost(postgres, proxy, segments):
    client = victim_of(proxy)
    prepare(client, INSERT.format("$1::int"))
    client.send(b"".join(segments))
    expected = answers(client, len(segments))
    done(postgres, FRESH)

    lock = Lock(postgres, ROWS)
    client.send(b"".join(segments))
    terminate(postgres, wait_until_blocked(postgres))
    lock.release()
    assert answers(client, len(segments)) == expected
    found = [x for (x,) in asked(postgres, "select x from rerun.written")]
    assert found == list(range(len(found))) and len(found) in (2, 5)


def test_a_pipeline_that_is_half_done_is_not_done_again(postgres, proxy):
    """The second segment waits for a row that the first does not."""
    client = victim_of(proxy)
    texts = [
        "insert into rerun.written values (1)", INSERT.format(2),
        "insert into rerun.written values (3)", "update rerun.rows set n = n + 1 where id = 2",
    ]  # fmt: skip
    told = disturbed(postgres, client, b"".join(extended(text) + SYNC for text in texts))
    told += answers(client, len(texts) - 1)
    assert types(told) == "12CZ" * len(texts)
    assert asked(postgres, "select x from rerun.written") == [(1,), (2,), (3,)]
    assert asked(postgres, "select sum(n) from rerun.rows") == [(1,)]


def test_a_pipeline_that_opens_a_block_commits_all_of_it_or_nothing(postgres, proxy):
    """Whether it is run again is not said here; what is acknowledged is done, and no more
    than once."""
    client = victim_of(proxy)
    texts = [INSERT.format(1), "begin", INSERT.format(2), "commit", INSERT.format(3)]
    told = disturbed(postgres, client, b"".join(extended(text) + SYNC for text in texts))
    segments = [told, *([*client.read_until_ready()] for _ in texts[1:])]
    acknowledged = {n for n, said in zip([1, 0, 0, 2, 3], segments) if n and is_done(said)}
    found = [x for (x,) in asked(postgres, "select x from rerun.written")]
    assert sorted(found) == sorted(acknowledged)
    assert client.query("rollback")[-1].body == b"I"
    assert first_column(client.query("select 'goes on'")) == ["goes on"]


def is_done(said: list) -> bool:
    """Not so a COMMIT that is answered by ROLLBACK."""
    return any(each.type == "C" and each.body != b"ROLLBACK\0" for each in said)


def test_losses_between_statements_are_counted_apart(postgres, proxy, mode):
    """In mode transaction a client that thinks has no backend to lose."""
    client = victim_of(proxy)
    assert types(client.query(INSERT.format(1))) == "CZ"
    wait_until_quiet(postgres)
    with noticed(proxy):
        terminate(postgres, backend_of(postgres))
    assert types(client.query(INSERT.format(2))) == "CZ"
    assert types(disturbed(postgres, client, query(INSERT.format(3)))) == "CZ"
    restored = {} if mode == "transaction" else {RESTORED: 1}
    wait_for_losses(proxy, **restored, **{ROLLED_BACK: 1})
