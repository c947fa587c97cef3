"""An open block whose backend is lost: what its client is told, when, and how it goes on, on the
same connection. aborted_block_walk_test.py compares what comes later with PostgreSQL.
"""

import pytest
from losing import (
    KEPT, MODES, Lock, answers, asked, begin_anew, done, interrupted, lose_idle, noticed, prepare,
    terminate, victim_of, wait_until_blocked, wait_until_quiet,
)  # fmt: skip
from losses import wait_for_losses
from neonsim import wait_until
from plainclient import (
    FLUSH, SYNC, TERMINATE, bind, describe_statement, error_of, execute, extended, first_column,
    parse, query, types,
)  # fmt: skip
from postgres import DATABASE, Postgres
from psycopg2.extensions import make_dsn

# The key of `retry` that says what becomes of the client of a lost block: abort or close.
LOST_TRANSACTION = "lost_transaction"

SETUP = """
    create schema blocks authorization app;
    set role app;
    create table blocks.written (x int);
    create table blocks.rows (id int, n int);
    insert into blocks.rows values (1, 0);
"""
CODED = "coded"
CODE = """
    create function blocks.wait() returns trigger language plpgsql as $$ begin
        perform from blocks.rows for update;
        return null;
    end $$;
    create constraint trigger wait after insert on blocks.written
        deferrable initially deferred for each row execute function blocks.wait();
"""
ROWS = "select from blocks.rows for update"
WRITE = "insert into blocks.written values (1)"
UPDATE = "update blocks.rows set n = n + 1"


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


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


@pytest.fixture
def proxy(postgres, start_pgballast, mode, io):
    return start_pgballast(postgres.dsn, mode=mode, io=io, pool={"max": 2}, admin=True)


@pytest.fixture
def cuttable(postgres, relay, start_pgballast, mode, io):
    """One whose connections `relay` can cut."""
    dsn = relay.dsn_of(postgres.dsn)
    return start_pgballast(dsn, mode=mode, io=io, pool={"max": 2}, admin=True)


def in_block(proxy, opening: str = "begin"):
    """A client that has written something in a block."""
    client = victim_of(proxy)
    client.send(parse("rollback", "r") + parse("commit", "c") + parse(WRITE, "w") + SYNC)
    assert types(client.read_until_ready()) == "111Z"
    for text in [opening, WRITE]:
        assert client.query(text)[-1].body == b"T"
    return client


def status(told: list) -> bytes:
    return told[-1].body


def check_goes_on(postgres, client) -> None:
    """Outside a block; and of the lost one nothing is there."""
    assert first_column(client.query("select 'goes on'")) == ["goes on"]
    assert count(postgres) == 0
    client.query(f"begin; {WRITE}; commit")
    assert count(postgres) == 1


def count(postgres, dbname: str = DATABASE) -> int:
    return asked(postgres, "select count(*) from blocks.written", dbname)[0][0]


# Lost between two requests. What the next one is told: types, SQLSTATE, and whether the client
# is still in the block.

FAILS, COMMITS = ("EZ", "40001", b"E"), ("EZ", "40001", b"I")
NEXT = {
    **{text: (query(text), FAILS) for text in [
        "select 1", WRITE, "savepoint a", "rollback to a", "rollback to savepoint a", "release a",
        "prepare transaction 'x'", "begin", "selec", "select 1; rollback", "copy blocks.written"
        " from stdin", "savepoint a; commit", "rollback prepared 'x'", "rollback to a; commit",
    ]},
    **{text: (query(text), COMMITS) for text in [
        "commit", "END", "commit work;", "/* ; */ Commit -- rollback", "commit; select 1",
        "commit and chain", "end transaction and no chain",
    ]},
    **{text: (query(text), ("CZ", None, b"I")) for text in [
        "rollback", "ABORT", "rollback work ;", "-- commit\nrollback and no chain",
    ]},
    "rollback and chain": (query("rollback and chain"), ("CZ", None, b"T")),
    "rollback; select 7": (query("rollback; select 7"), ("CTDCZ", None, b"I")),
    "rollback; begin": (query("rollback; begin"), ("CCZ", None, b"T")),
    "extended select": (extended("select 1") + SYNC, FAILS),
    "extended rollback to": (extended("rollback to a") + SYNC, FAILS),
    "extended savepoint": (extended("savepoint a") + SYNC, FAILS),
    "extended rollback": (extended("rollback") + SYNC, ("12CZ", None, b"I")),
    "named insert": (bind(statement="w") + execute() + SYNC, FAILS),
    "named rollback": (bind(statement="r") + execute() + SYNC, ("2CZ", None, b"I")),
    "select and rollback before one Sync": (
        extended("select 1") + extended("rollback") + SYNC, FAILS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("octets, expected", NEXT.values(), ids=NEXT)
def test_the_next_request_after_the_loss_is_told(
    postgres, start_pgballast, mode, octets, expected
):
    proxy = start_pgballast(postgres.dsn, mode=mode, pool={"max": 2}, admin=True)
    client = in_block(proxy)
    lose_idle(postgres, proxy)
    assert client.is_silent()
    client.send(octets)
    told = client.read_until_ready()
    sqlstate = error_of(told)["C"] if "E" in types(told) else None
    assert (types(told), sqlstate, status(told)) == expected
    if status(told) != b"I":
        assert status(client.query("select 1")) == status(told)
        told = client.query("rollback")
    assert client.is_silent()
    if "E" not in types(told) and "C" in types(told):
        assert b"ROLLBACK\0" in [each.body for each in told if each.type == "C"]
    check_goes_on(postgres, client)


@pytest.mark.parametrize("by_name", [False, True])
def test_a_commit_in_the_extended_protocol_is_told(postgres, proxy, by_name):
    """At which of its messages is not said."""
    client = in_block(proxy)
    lose_idle(postgres, proxy)
    client.send((bind(statement="c") + execute() if by_name else extended("commit")) + SYNC)
    told = client.read_until_ready()
    assert types(told) in ("EZ", "1EZ", "12EZ", "2EZ")
    assert (error_of(told)["C"], error_of(told)["S"], status(told)) == ("40001", "ERROR", b"I")
    check_goes_on(postgres, client)
    wait_for_losses(proxy, told_40001=1)


# Drivers that describe a statement before they bind it (asyncpg) do so with ROLLBACK, too.


def describe(client, text: str) -> str:
    client.send(parse(text) + describe_statement() + FLUSH)
    return "".join(client.read().type for _ in "1tn")


@pytest.mark.parametrize("when", ["before Parse", "before Bind"])
@pytest.mark.parametrize("failed", [False, True])
def test_a_rollback_that_is_described_first_is_one(postgres, proxy, when, failed):
    client = in_block(proxy)
    if failed:
        assert error_of(client.query("selec"))["C"] == "42601"
    if when == "before Parse":
        lose_idle(postgres, proxy)
    assert describe(client, "rollback") == "1tn"
    if when == "before Bind":
        lose_idle(postgres, proxy)
        assert client.is_silent(0.1)
    client.send(bind() + execute() + SYNC)
    told = client.read_until_ready()
    assert (types(told), told[1].body, status(told)) == ("2CZ", b"ROLLBACK\0", b"I")
    check_goes_on(postgres, client)


def test_nothing_is_said_of_the_loss_before_the_next_request(postgres, proxy):
    client = in_block(proxy)
    lose_idle(postgres, proxy)
    assert client.is_silent(0.3)
    assert error_of(client.query("select 1"))["C"] == "40001"
    assert client.is_silent()
    assert error_of(client.query("select 1"))["C"] == "25P02"
    assert status(client.query("commit")) == b"I"
    check_goes_on(postgres, client)


def test_a_block_that_has_failed_before_is_lost_without_a_word(postgres, proxy):
    """Its client knows already that it has to be rolled back."""
    client = in_block(proxy)
    assert error_of(client.query("select 1/0"))["C"] == "22012"
    lose_idle(postgres, proxy)
    assert error_of(client.query("select 1"))["C"] in ("25P02", "40001")
    told = client.query("commit")
    assert (types(told), told[0].body, status(told)) == ("CZ", b"ROLLBACK\0", b"I")
    check_goes_on(postgres, client)


def test_a_block_that_the_server_ends_for_being_idle_is_as_lost_as_any(postgres, proxy):
    """FATAL 25P03."""
    client = in_block(proxy)
    with noticed(proxy):
        client.query("set local idle_in_transaction_session_timeout to '50ms'")
    told = client.query("select 1")
    assert (error_of(told)["C"], status(told)) == ("40001", b"E")
    assert status(client.query("rollback")) == b"I"
    check_goes_on(postgres, client)


# What is written in the block that is lost is not there, whatever stands around it.

INTO_THE_VOID = [
    WRITE, "rollback to a", f"rollback to savepoint a; {WRITE}", "savepoint b", WRITE, "release b",
    f"release a; {WRITE}; commit", f"{WRITE}; commit", "rollback to b", WRITE,
    f"begin; {WRITE}; commit", "prepare transaction 'void'", f"select 1; {WRITE}", "rollbac", WRITE,
]  # fmt: skip


def test_what_is_written_after_the_loss_is_not_there(postgres, proxy):
    client = in_block(proxy)
    client.query("savepoint a")
    lose_idle(postgres, proxy)
    told = [client.query(text) for text in INTO_THE_VOID]
    client.send(b"".join(extended(text) + SYNC for text in INTO_THE_VOID if ";" not in text))
    told += [client.read_until_ready() for text in INTO_THE_VOID if ";" not in text]
    assert [error_of(each)["C"] for each in told] == ["40001"] + ["25P02"] * (len(told) - 1)
    assert {status(each) for each in told} == {b"E"}
    told = client.query("commit")
    assert (types(told), told[0].body) == ("CZ", b"ROLLBACK\0")
    check_goes_on(postgres, client)


def test_a_message_may_be_large_or_come_octet_by_octet(postgres, proxy):
    client = in_block(proxy)
    lose_idle(postgres, proxy)
    large = f"select '{'x' * 3_000_000}'"
    for octets in [query(large), extended(large), extended("select $1", "y" * 3_000_000)]:
        client.send(octets if octets[:1] == b"Q" else octets + SYNC)
        assert error_of(client.read_until_ready())["C"] in ("40001", "25P02")
    for octet in extended(WRITE) + SYNC + query("select 'slow'") + query("rollback"):
        client.send(bytes([octet]))
    assert types(answers(client, 3)) == "EZEZCZ"
    check_goes_on(postgres, client)


def test_the_client_may_leave(postgres, proxy):
    client = in_block(proxy)
    lose_idle(postgres, proxy)
    client.query("select 1")
    client.send(TERMINATE)
    assert client.read_to_end() == ([], "fin")


# Characteristics that AND CHAIN carries over.

CHARACTERISTICS = (
    "select concat_ws(' ', current_setting('transaction_isolation'),"
    " current_setting('transaction_read_only'), current_setting('transaction_deferrable'))"
)
OPENINGS = {
    "plain": ["begin"],
    "serializable": ["begin isolation level serializable, read only, deferrable"],
    "start": ["start transaction isolation level repeatable read"],
    "several": ["begin read only; select 1"],
    "set transaction": ["begin", "set transaction isolation level serializable, read only"],
    "by default": ["set default_transaction_isolation to 'repeatable read'", "begin"],
    "a word": ["begin read only", "select 'a transaction'"],
}


@pytest.mark.parametrize("chain", ["rollback and chain", "commit and chain"])
@pytest.mark.parametrize("opening", OPENINGS)
def test_and_chain_opens_a_block_of_the_same_kind(postgres, proxy, mode, opening, chain):
    if mode == "transaction" and opening == "by default":
        pytest.skip("this mode carries no such setting to another backend")
    for lost in [False, True]:
        client = victim_of(proxy)
        for text in OPENINGS[opening]:
            client.query(text)
        if lost:
            lose_idle(postgres, proxy)
        assert error_of(client.query("select 1/0"))["C"] == ("40001" if lost else "22012")
        told = client.query(chain)
        assert (types(told), told[0].body, status(told)) == ("CZ", b"ROLLBACK\0", b"T")
        found = first_column(client.query(CHARACTERISTICS))
        assert status(client.query("rollback")) == b"I"
        if lost:
            assert found == expected
        expected = found
        client.close()


def test_a_chained_block_commits(postgres, proxy):
    client = in_block(proxy)
    lose_idle(postgres, proxy)
    assert status(client.query("rollback and chain")) == b"T"
    client.query("insert into blocks.written values (2)")
    assert types(client.query("commit")) == "CZ"
    assert asked(postgres, "select x from blocks.written") == [(2,)]


# It takes no backend.


@pytest.mark.parametrize("mode", ["auto", "transaction"])
def test_others_are_served_while_a_client_is_in_its_lost_block(
    postgres, start_pgballast, mode, io
):
    proxy = start_pgballast(postgres.dsn, mode=mode, io=io, pool={"max": 1})
    client, other = in_block(proxy), proxy.raw()
    lose_idle(postgres, proxy)
    assert error_of(client.query("select 1"))["C"] == "40001"
    other.query("begin")
    assert error_of(client.query("select 1"))["C"] == "25P02"
    assert status(client.query("rollback")) == b"I"
    client.send_query("select 'mine'")
    assert client.is_silent(0.1)
    other.query("commit")
    assert first_column(client.read_until_ready()) == ["mine"]


def test_a_lost_block_wakes_no_compute(neonsim, start_pgballast, mode):
    proxy = start_pgballast(neonsim.dsn, mode=mode, pool={"max": 1})
    client = proxy.raw()
    client.query("begin")
    with noticed(proxy):
        neonsim.suspend()
    wakes = neonsim.stats()["wakes"]
    told = [client.query(text) for text in ["select 1", "savepoint a", "rollback to a", "rollback"]]
    assert [types(each) for each in told] == ["EZ"] * 3 + ["CZ"]
    assert neonsim.stats()["wakes"] == wakes
    assert first_column(client.query("select 'goes on'")) == ["goes on"]
    assert neonsim.stats()["wakes"] == wakes + 1


# Lost while a statement runs.


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


# What cannot be carried over ends the session, and the option ends it always.

PINS = {
    "advisory lock": "select pg_advisory_lock(42)",
    "temporary table": "create temp table mine as select 1 as x",
    "cursor": "declare held cursor with hold for select 1",
}


def farewell(client, *texts: str) -> dict:
    """What it is told before its connection ends: at once, or in answer to one of these."""
    told = []
    try:
        for text in texts:
            client.send_query(text)
            told.append(client.read())
            while told[-1].type != "Z":
                told.append(client.read())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        told += client.read_to_end()[0]
    assert client.end in ("fin", "rst")
    assert "D" not in types(told)
    return [each.fields() for each in told if each.type == "E"][-1]


@pytest.mark.parametrize("what", PINS)
@pytest.mark.parametrize("mode", ["auto", "session"])
def test_what_a_session_had_pinned_before_its_block_is_named(postgres, start_pgballast, mode, what):
    """The block may be told of first."""
    proxy = start_pgballast(postgres.dsn, mode=mode, pool={"max": 2}, admin=True)
    client = victim_of(proxy)
    client.query(PINS[what])
    wait_until_quiet(postgres)
    client.query("begin")
    lose_idle(postgres, proxy)
    told = farewell(client, "select 1", "rollback", "select 1")
    assert (told["S"], told["C"]) == ("FATAL", "57P01")
    assert what in told["D"]
    check_others_go_on(proxy)


def check_others_go_on(proxy) -> None:
    assert first_column(proxy.raw().query("select 'goes on'")) == ["goes on"]


def closing(postgres, start_pgballast, mode):
    return start_pgballast(
        postgres.dsn, mode=mode, pool={"max": 2}, retry={LOST_TRANSACTION: "close"}, admin=True
    )


@pytest.mark.parametrize("text", ["select 1", "commit", "rollback", "savepoint a"])
def test_the_option_closes_instead(postgres, start_pgballast, mode, text):
    proxy = closing(postgres, start_pgballast, mode)
    client = in_block(proxy)
    lose_idle(postgres, proxy)
    told = farewell(client, text)
    assert (told["S"], told["C"]) == ("FATAL", "57P01")
    assert count(postgres) == 0
    check_others_go_on(proxy)
    wait_for_losses(proxy, closed_57P01=1)


def test_the_option_closes_in_the_middle_of_a_statement_too(postgres, start_pgballast, mode):
    proxy = closing(postgres, start_pgballast, mode)
    client = in_block(proxy)
    lock = Lock(postgres, ROWS)
    client.send(query(UPDATE))
    terminate(postgres, wait_until_blocked(postgres))
    lock.release()
    messages, end = client.read_to_end()
    told = error_of(messages)
    assert (told["S"], told["C"], end) == ("FATAL", "57P01", "fin")
    assert count(postgres) == 0


def test_the_option_changes_nothing_outside_of_blocks(postgres, start_pgballast, mode):
    proxy = closing(postgres, start_pgballast, mode)
    client = victim_of(proxy)
    client.query("select 1")
    wait_until_quiet(postgres)
    lose_idle(postgres, proxy)
    assert types(client.query(WRITE)) == "CZ"
    assert types(interrupted(postgres, client, query(UPDATE), ROWS)) == "CZ"
    done(postgres, "update blocks.rows set n = 0")
