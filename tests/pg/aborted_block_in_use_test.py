"""An open block whose backend is lost in the middle of a request: a statement, which was rolled
back with the block, or COMMIT, of which nobody can know.
"""

import pytest
from blocks import CODE, CODED, ROWS, SETUP, UPDATE, WRITE, check_goes_on, count, in_block, status
from losing import (
    KEPT, Lock, asked, begin_anew, done, interrupted, prepare, terminate,
    wait_until_blocked, wait_until_quiet,
)  # fmt: skip
from losses import wait_for_losses
from neonsim import wait_until
from plainclient import SYNC, bind, error_of, execute, extended, first_column, query, types
from postgres import Postgres
from psycopg2.extensions import make_dsn


@pytest.fixture(scope="module")
def shared_postgres():
    """One of our own: a lost block may have called what functions there are."""
    with Postgres() as postgres:
        done(postgres, SETUP)
        done(postgres, f"create database {CODED} owner app")
        done(postgres, SETUP + CODE, CODED)
        yield postgres


@pytest.fixture
def postgres(shared_postgres):
    begin_anew(shared_postgres, "truncate blocks.written")
    done(shared_postgres, "truncate blocks.written", CODED)
    return shared_postgres


@pytest.mark.parametrize("way", ["simple", "extended", "named"])
@pytest.mark.parametrize("end", ["rollback", "commit"])
def test_a_statement_that_loses_its_block_is_told(postgres, proxy, way, end):
    client = in_block(proxy)
    if way == "named":
        client.query("rollback")
        prepare(client, UPDATE)
        client.query("begin")
        client.query(WRITE)
    octets = {"simple": query(UPDATE), "extended": extended(UPDATE) + SYNC,
              "named": bind(statement=KEPT) + execute() + SYNC}[way]  # fmt: skip
    told = interrupted(postgres, client, octets, ROWS)
    assert (error_of(told)["S"], error_of(told)["C"], status(told)) == ("ERROR", "40001", b"E")
    assert "C" not in types(told)
    assert error_of(client.query(WRITE))["C"] == "25P02"
    told = client.query(end)
    assert (types(told), told[0].body, status(told)) == ("CZ", b"ROLLBACK\0", b"I")
    check_goes_on(postgres, client)
    assert asked(postgres, "select n from blocks.rows") == [(0,)]
    wait_for_losses(proxy, told_40001=1)


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_statement_that_loses_its_block_by_a_cut_is_told(postgres, relay, cuttable, how):
    """The orphan may go on, but nobody commits what it does."""
    client = in_block(cuttable)
    lock = Lock(postgres, ROWS)
    client.send(query(UPDATE))
    wait_until_blocked(postgres)
    relay.cut(how)
    told = client.read_until_ready()
    lock.release()
    assert (types(told), error_of(told)["C"], status(told)) == ("EZ", "40001", b"E")
    assert status(client.query("rollback")) == b"I"
    wait_until_quiet(postgres)
    check_goes_on(postgres, client)


def test_rows_in_a_block_end_with_the_error(postgres, proxy):
    """Its client does not read, so its backend ends in the middle of a row."""
    client = in_block(proxy)
    client.send(query("select i, repeat('x', 1000) from generate_series(1, 30000) i"))
    terminate(postgres, wait_until_blocked(postgres, "wait_event = 'ClientWrite'"))
    told = client.read_until_ready()
    assert (error_of(told)["C"], status(told)) == ("40001", b"E")
    found = first_column(told)
    assert found == [str(n) for n in range(1, len(found) + 1)] and len(found) < 30000
    assert status(client.query("rollback")) == b"I"
    check_goes_on(postgres, client)


def test_a_pipeline_in_a_block_fails_from_where_it_was_lost(postgres, proxy):
    client = in_block(proxy)
    texts = [WRITE, UPDATE, WRITE, "rollback", "select 5"]
    told = [
        interrupted(postgres, client, b"".join(extended(text) + SYNC for text in texts), ROWS),
        *(client.read_until_ready() for _ in texts[1:]),
    ]
    assert types(told[1]) in ("EZ", "1EZ", "12EZ")
    assert [types(each) for each in told[:1] + told[2:]] == ["12CZ", "EZ", "12CZ", "12DCZ"]
    assert [error_of(each)["C"] for each in told[1:3]] == ["40001", "25P02"]
    assert [status(each) for each in told] == [b"T", b"E", b"E", b"I", b"I"]
    check_goes_on(postgres, client)


# Lost while COMMIT is under way, or may be.


@pytest.mark.parametrize(
    "commit", ["commit", "end and chain", "prepare transaction 'x'", f"{WRITE}; commit"]
)
@pytest.mark.parametrize("how", ["simple", "extended"])
def test_a_commit_under_way_is_unknown(postgres, start_pgballast, mode, commit, how):
    """Even where it has said FATAL 57P01, and so is none."""
    if how == "extended" and ";" in commit:
        pytest.skip("several statements are for the simple protocol")
    dsn = make_dsn(postgres.dsn, dbname=CODED)
    proxy = start_pgballast(dsn, mode=mode, pool={"max": 2}, admin=True)
    client = in_block(proxy)
    octets = query(commit) if how == "simple" else extended(commit) + SYNC
    told = interrupted(postgres, client, octets, ROWS, dbname=CODED)
    assert (error_of(told)["S"], error_of(told)["C"], status(told)) == ("ERROR", "08007", b"I")
    assert first_column(client.query("select 'goes on'")) == ["goes on"]
    assert count(postgres, CODED) == 0
    wait_for_losses(proxy, told_08007=1)


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_commit_whose_answer_is_lost_is_unknown(postgres, relay, cuttable, how):
    client = in_block(cuttable)
    relay.mute()
    client.send(query("commit"))
    wait_until(lambda: count(postgres) == 1)
    relay.cut(how)
    told = client.read_until_ready()
    assert (types(told), error_of(told)["C"], status(told)) == ("EZ", "08007", b"I")
    assert first_column(client.query("select 'goes on'")) == ["goes on"]
    assert count(postgres) == 1


def test_a_commit_that_stands_behind_in_a_pipeline_is_unknown_after_a_cut(
    postgres, relay, cuttable
):
    """It has got through and commits once the lock is free. Nobody may be told 40001, which
    says that nothing was done."""
    client = in_block(cuttable)
    lock = Lock(postgres, ROWS)
    client.send(b"".join(extended(text) + SYNC for text in [UPDATE, "commit", "select 5"]))
    wait_until_blocked(postgres)
    relay.cut("fin")
    told = [client.read_until_ready() for _ in range(3)]
    lock.release()
    wait_until(lambda: count(postgres) == 1)
    errors = [each.fields()["C"] for each in sum(told, []) if each.type == "E"]
    assert errors and set(errors) == {"08007"}
    assert b"COMMIT\0" not in [each.body for each in sum(told, [])]
    assert first_column(client.query("select 'goes on'")) == ["goes on"]
    done(postgres, "update blocks.rows set n = 0")


def test_a_commit_that_stands_behind_in_a_pipeline_was_not_read_before_FATAL(postgres, proxy):
    """What comes behind FATAL 57P01 was not begun: whatever the client is told of it, the
    transaction is rolled back, and it goes on."""
    client = in_block(proxy)
    octets = b"".join(extended(text) + SYNC for text in [UPDATE, "commit", "select 5"])
    told = interrupted(postgres, client, octets, ROWS)
    assert error_of(told)["C"] in ("40001", "08007")
    committed = client.read_until_ready()
    assert b"COMMIT\0" not in [each.body for each in committed]
    assert status(committed) == b"I"
    assert types(client.read_until_ready())[-1] == "Z"
    check_goes_on(postgres, client)
