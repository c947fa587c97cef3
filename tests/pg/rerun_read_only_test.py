"""A SELECT outside a block that can only read is run again after any loss. One that writes, or
of which nobody can tell, is not, and nor is any write whose backend has ended without a word.

What can only read: ordinary tables, PostgreSQL's own functions. Each waits for a table that a
direct connection has locked when its backend is lost. Rows that a client has had before:
rerun_rows_test.py.
"""

from typing import List

import pytest
from losing import (
    KEPT, WAYS, Lock, asked, begin_anew, check_unknown, done, interrupted, kill,
    prepare, stop_at_once, times_run, victim_of, wait_until_blocked,
)  # fmt: skip
from losses import READ_ONLY, wait_for_losses
from neonsim import wait_until
from plainclient import SYNC, error_of, extended, first_column, query, types
from postgres import Postgres
from psycopg2.extensions import make_dsn

SETUP = """
    create schema readonly authorization app;
    set role app;
    create table readonly.held (x int primary key, word text);
    create materialized view readonly.stored as select x from generate_series(1, 3) x;
    create table readonly.parted (x int) partition by range (x);
    create table readonly.part partition of readonly.parted for values from (0) to (9);
    create table readonly.written (x int);
    insert into readonly.held select x, 'word ' || x from generate_series(1, 3) x;
    insert into readonly.parted values (1), (2);
"""
HELD = "lock table readonly.held, readonly.part"

# In a database of its own: whether there are functions, and what they do, may be the matter.
CODED = "coded"
CODE = """
    create view readonly.seen as select * from readonly.held;
    alter table readonly.parted enable row level security;
    alter table readonly.parted force row level security;
    create policy own on readonly.parted using (true);
    create sequence readonly.numbers;
    create function readonly.peek(x int) returns int language sql as 'select x';
    create function readonly.lower(x int) returns int language sql as 'select x';
    create function readonly.same(a int, b int) returns bool language sql as 'select a = b';
    create operator readonly.=== (leftarg = int, rightarg = int, function = readonly.same);
    create type readonly.odd as (x int);
    create function readonly.odd_of(x int) returns readonly.odd language sql as 'select row(x)';
    create cast (int as readonly.odd) with function readonly.odd_of(int);
"""
FRESH = "truncate readonly.written"

READS = [
    "select * from readonly.held order by x",
    "select count(*), sum(x), string_agg(upper(word), ',' order by x) from readonly.held",
    "with a as (select x + 1 as y from readonly.held where word like 'w%')"
    " select * from a order by y",
    "select h.x, coalesce(s.x, 0) from readonly.held h left join readonly.stored s using (x)"
    " order by 1",
    "select x from readonly.parted where x between 1 and 3 order by x",
    "select x from readonly.held union all select x from readonly.stored order by x limit 4",
]

# Nobody but the server can tell what they do, or they do something. Each waits for HELD.
OTHERS = {
    "a function": "select readonly.peek(x) from readonly.held",
    "a view": "select x from readonly.seen",
    "row-level security": "select x from readonly.parted",
    "a sequence": "select nextval('readonly.numbers') from readonly.held",
    "a lock": "select x from readonly.held for update",
    "an insert": "with w as (insert into readonly.written values (1) returning x)"
    " select w.x from w, readonly.held",
    "into": "select x into readonly.made from readonly.held",
    "an operator": "select x from readonly.held where x operator(readonly.===) 1",
    "an overload": "select lower(x) from readonly.held",
    "a cast": "select (x::readonly.odd)::text from readonly.held",
    "a text that is run": "select query_to_xml('select nextval(''readonly.numbers'')', true,"
    " true, '') from readonly.held",
    "a notification": "select pg_notify('readonly', 'x') from readonly.held",
    "a large object": "select lo_create(0) from readonly.held",
}


@pytest.fixture(scope="module")
def shared_postgres():
    """One of our own, which tells of each statement that it runs."""
    with Postgres(log_statement="all") as postgres:
        done(postgres, SETUP)
        done(postgres, f"create database {CODED} owner app")
        done(postgres, SETUP + CODE, CODED)
        yield postgres


@pytest.fixture
def postgres(shared_postgres):
    begin_anew(shared_postgres, FRESH)
    done(shared_postgres, FRESH, CODED)
    return shared_postgres


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_what_only_reads_is_run_again_after_a_cut(postgres, relay, cuttable, how, way):
    client = victim_of(cuttable)
    for text in READS:
        print(text)  # shown when it fails
        if KEPT.encode() in WAYS[way](text):
            prepare(client, text)
        octets = WAYS[way](text)
        client.send(octets)
        expected = client.read_until_ready()
        lock = Lock(postgres, HELD)
        client.send(octets)
        wait_until_blocked(postgres)
        relay.cut(how)
        lock.release()
        assert client.read_until_ready() == expected
        wait_until(lambda: not asked_for_locks(postgres), 20)
    assert first_column(client.query("select 'goes on'")) == ["goes on"]
    wait_for_losses(cuttable, **{READ_ONLY: len(READS)})


@pytest.mark.parametrize("text", [READS[0], "table readonly.held"])
def test_what_only_reads_is_run_again_though_it_is_all_that_was_asked(
    postgres, relay, cuttable, text
):
    """By a client of which nothing more is known."""
    client = victim_of(cuttable)
    lock = Lock(postgres, HELD)
    client.send(query(text))
    wait_until_blocked(postgres)
    relay.cut("fin")
    lock.release()
    assert types(client.read_until_ready()).replace("D", "") == "TCZ"


def asked_for_locks(postgres) -> List[tuple]:
    """Orphans of the cut go on for a moment."""
    return asked(postgres, "select from pg_locks where relation = 'readonly.held'::regclass")


@pytest.mark.parametrize("lose", [kill, stop_at_once], ids=["killed", "immediate stop"])
def test_what_only_reads_is_run_again_after_a_crash(postgres, proxy, lose):
    client = victim_of(proxy)
    for octets in [query(READS[0]), extended(READS[0]) + SYNC]:
        told = interrupted(postgres, client, octets, HELD, lose)
        assert first_column(told) == ["1", "2", "3"]
    wait_for_losses(proxy, **{READ_ONLY: 2})


# What may do more than read.


@pytest.mark.parametrize("what", OTHERS)
def test_what_may_write_is_not_run_again_after_a_cut(postgres, relay, start_pgballast, mode, what):
    dsn = make_dsn(relay.dsn_of(postgres.dsn), dbname=CODED)
    proxy = start_pgballast(dsn, mode=mode, pool={"max": 2})
    text = OTHERS[what]
    path = {"search_path": "readonly, pg_catalog"} if what == "an overload" else {}
    client = victim_of(proxy, **path)
    known = times_run(postgres, text)
    lock = Lock(postgres, HELD, CODED)
    client.send(query(text))
    wait_until_blocked(postgres)
    relay.cut("fin")
    lock.release()
    check_unknown(client, client.read_until_ready())
    assert times_run(postgres, text) == known + 1
    done(postgres, "drop table if exists readonly.made", CODED)


def test_a_write_whose_answer_is_lost_is_not_done_again(postgres, relay, cuttable):
    """It has committed before the cut."""
    client = victim_of(cuttable)
    client.query("select 1")
    for n in [0, 1]:
        text = f"insert into readonly.written values ({n})"
        relay.mute()
        client.send([query(text), extended(text) + SYNC][n])
        wait_until(lambda: asked(postgres, f"select from readonly.written where x = {n}"))
        relay.cut(["fin", "rst"][n])
        check_unknown(client, client.read_until_ready())
    assert asked(postgres, "select x from readonly.written") == [(0,), (1,)]
    wait_for_losses(cuttable, told_08007=2)


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_writes_in_a_pipeline_are_each_unknown_after_a_cut(postgres, relay, cuttable, how):
    """The first has been answered, and the second waits; the third may have got through."""
    client = victim_of(cuttable)
    texts = [
        "insert into readonly.written values (1)",
        "insert into readonly.written select 2 from readonly.held where x = 1",
        "insert into readonly.written values (3)",
    ]
    lock = Lock(postgres, HELD)
    client.send(b"".join(extended(text) + SYNC for text in texts))
    assert types(client.read_until_ready()) == "12CZ"
    wait_until_blocked(postgres)
    relay.cut(how)
    lock.release()
    for told in [client.read_until_ready() for _ in texts[1:]]:
        assert (error_of(told)["C"], told[-1].body) == ("08007", b"I")
    assert first_column(client.query("select 'goes on'")) == ["goes on"]
    wait_until(lambda: not asked_for_locks(postgres), 20)
    found = [x for (x,) in asked(postgres, "select x from readonly.written")]
    assert len(found) == len(set(found)) and 1 in found


def test_reads_in_a_pipeline_are_answered_or_told_of_after_a_cut(postgres, relay, cuttable):
    """Each as before, or by one clear error: that all of a pipeline only reads need not be
    found out."""
    client = victim_of(cuttable)
    texts = ["select 1", READS[0], "select 2", READS[1]]
    octets = b"".join(extended(text) + SYNC for text in texts)
    client.send(octets)
    expected = [client.read_until_ready() for _ in texts]
    lock = Lock(postgres, HELD)
    client.send(octets)
    wait_until_blocked(postgres)
    relay.cut("fin")
    lock.release()
    for should in expected:
        told = client.read_until_ready()
        assert told == should or (error_of(told)["C"], told[-1].body) == ("08007", b"I")
    assert first_column(client.query("select 'goes on'")) == ["goes on"]
