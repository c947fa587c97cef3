"""Clients in a block of which nothing may be left when its backend is lost."""

from losing import asked, victim_of
from plainclient import SYNC, first_column, parse, types
from postgres import DATABASE

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
