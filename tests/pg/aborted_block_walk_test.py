"""A block whose backend is lost is answered as PostgreSQL answers in a block that has failed:
clients send seeded sequences of requests into both, and each message that comes back must be
the same, but for what is documented: ROLLBACK TO, PREPARE TRANSACTION and what cannot be parsed
are 25P02 like everything else. Tables and settings are compared, too.
"""

import random
import struct
from typing import List

import pytest
from losing import MODES, asked, begin_anew, done, lose_idle, wait_until_quiet
from plainclient import (
    FLUSH, SYNC, bind, close_statement, describe_portal, describe_statement, error_of, execute,
    extended, parse, query, types,
)  # fmt: skip
from postgres import DATABASE, Postgres
from rawclient import Message, message
from twins import MIRROR, Differ, Twins, essence, mirrored

SEEDS, ROUNDS = [1, 2], 10

SETUP = """
    create schema aborted authorization app;
    create table aborted.kept (x int);
    create table aborted.never (x int);
    grant all on aborted.kept, aborted.never to app;
"""

OPENINGS = [
    "begin", "start transaction", "begin isolation level serializable, read only, deferrable",
    "begin read write", "begin; select 1", "begin transaction isolation level repeatable read",
]  # fmt: skip
WITHIN = [
    "savepoint a", "select 1", "set local work_mem to '9MB'", "set timezone to 'Asia/Tokyo'",
    "set application_name to 'within'", "select count(*) from aborted.kept", "show datestyle",
]  # fmt: skip

EMPTY = ["", ";", "  ", "-- rollback", "/* commit; */ ;;"]
FAILING = [
    "select 1", "insert into aborted.never values (1)", "savepoint a", "savepoint \"rollback\"",
    "release a", "release savepoint a", "begin", "start transaction read only", "show work_mem",
    "set timezone to 'CET'", "set local timezone to 'CET'", "set transaction read only",
    "reset all", "discard all", "deallocate all", "copy aborted.never from stdin",
    "copy (select 1) to stdout", "do $$ begin rollback; end $$", "select 'rollback'",
    "select $$;rollback;$$", "declare c cursor for select 1", "fetch c", "close all",
    "listen rollback", "notify commit", "lock table aborted.never", "commit prepared 'x'",
    "rollback prepared 'x'", "prepare p as select 1", "execute p", "vacuum", "explain select 1",
    "values (1)", "table aborted.kept", "call nosuch()", "create table aborted.made (x int)",
    "with w as (insert into aborted.never values (2) returning x) select * from w",
]  # fmt: skip
SEVERAL_FAILING = [
    "select 1; rollback", "insert into aborted.never values (3); commit", ";savepoint a; rollback",
    "select 1 /* ; */; rollback", "begin; rollback", "select ';'; commit; select 2",
    "release a; insert into aborted.never values (4)", "set timezone to 'CET'; rollback",
]  # fmt: skip
ENDING = [
    "rollback", "abort", "commit", "end", "rollback work", "commit transaction", "end work",
    "abort transaction", "rollback and no chain", "commit work and no chain",
    "rollback and chain", "commit and chain", "abort transaction and chain",
]  # fmt: skip
SEVERAL_ENDING = [
    "rollback; select 1", "commit; insert into aborted.kept values (1)", "rollback; select 1/0",
    "rollback; begin; select 1", "abort; savepoint a", "rollback; rollback",
    "end; begin read only; select current_setting('transaction_read_only')",
    "rollback and chain; select 2; rollback", "rollback; insert into aborted.kept values (2);"
    " insert into aborted.kept values (3)", "rollback; set timezone to 'CET'; show timezone",
    "commit; begin; insert into aborted.kept values (4); commit; select 5",
    "rollback; select nosuch",
    ";; rollback ;; select 'a;b' ;;",
]  # fmt: skip

# What is answered otherwise, with 25P02, as long as the block is the lost one.
OTHERWISE = [
    "rollback to a", "rollback to savepoint a", "rollback work to nosuch", "abort to a",
    "ROLLBACK  /* */ TO SAVEPOINT \"a\"", "prepare transaction 'x'", "selec", "rollback to",
    "rollback x", "rollback and", "rollbacks", "commit prepared", "\"rollback\"", "rollback 'x'",
    "rollback; selec", "rollback to a; rollback", "(rollback)", "rollback, commit",
]  # fmt: skip

# A client's named statements: what they were made from.
NAMED = {
    "s": "select 1", "i": "insert into aborted.never values (5)", "r": "rollback",
    "c": "COMMIT WORK", "p": "select $1::int", "t": "rollback to a",
}  # fmt: skip


def alike(said: Message) -> tuple:
    """What must be the same of it; of an error not the place in the server's source, nor in a
    text of which the server has seen only a part."""
    if said.type in "EN":
        return said.type, [said.fields().get(field) for field in "SVCM"]
    return essence(said)


class Pair:
    """A client of pgballast and a direct connection, in blocks that have failed."""

    def __init__(self, postgres, proxy, seed: int) -> None:
        self.postgres, self.proxy = postgres, proxy
        self.dice = random.Random(seed)
        self.twins = Twins(proxy, postgres)
        self.twins.client.connection.socket.settimeout(20)
        self.history: List[bytes] = []
        self.lost = False

    def play(self) -> None:
        self.open()
        self.lose()
        for _ in range(self.dice.randint(1, 20)):
            if self.lost:
                self.request()
        for octets in [extended("select 6") + SYNC, query("show datestyle"), query("rollback")]:
            self.compare(octets)
        self.twins.check()
        wait_until_quiet(self.postgres)  # what nobody has looked at would not be carried over

    def open(self) -> None:
        self.history.clear()
        for name, text in NAMED.items():
            self.compare(close_statement(name) + parse(text, name) + SYNC)
        self.compare(query(self.dice.choice(OPENINGS)))
        self.compare(close_statement("w") + parse("select 'within'", "w") + SYNC)
        for text in self.dice.sample(WITHIN, self.dice.randint(0, 3)):
            self.compare(query(text))

    def lose(self) -> None:
        """After the first answer both are told alike."""
        lose_idle(self.postgres, self.proxy)
        self.lost = True
        octets = self.dice.choice([query("select 'first'"), extended("select 'first'") + SYNC])
        heard = self.twins.client.ask(octets)
        assert (types(heard), error_of(heard)["C"], heard[-1].body) == ("EZ", "40001", b"E")
        self.twins.direct.ask(query("select 1/0"))

    def request(self) -> None:
        kind = self.dice.random()
        if kind < 0.2:
            self.ask_otherwise(self.dice.choice(OTHERWISE))
        elif kind < 0.6:
            self.compare(query(self.any_text()))
        else:
            self.compare(self.any_messages())

    def compare(self, octets: bytes) -> None:
        heard, expected = self.hear(octets), self.twins.direct.ask(octets)
        if list(map(alike, heard)) != list(map(alike, expected)):
            raise Differ(f"after {self.history}\ntold   {heard}\ninstead of {expected}")
        self.lost = self.lost and expected[-1].body == b"E"

    def hear(self, octets: bytes) -> List[Message]:
        self.history.append(octets)
        try:
            return self.twins.client.ask(octets)
        except TimeoutError:
            raise Differ(f"after {self.history}\nnothing came, or not all") from None

    def ask_otherwise(self, text: str) -> None:
        octets = self.dice.choice([query(text), extended(text) + SYNC])
        heard = self.hear(octets)
        if (types(heard), error_of(heard)["C"], heard[-1].body) != ("EZ", "25P02", b"E"):
            raise Differ(f"after {self.history}\ntold   {heard}\ninstead of 25P02")

    # Requests.

    def any_text(self) -> str:
        if self.dice.random() < 0.1:
            return self.decorated(self.dice.choice(ENDING + SEVERAL_ENDING))
        return self.decorated(self.dice.choice(EMPTY + FAILING + SEVERAL_FAILING))

    def decorated(self, text: str) -> str:
        """The same, as others may write it."""
        text = self.dice.choice([text, text, text.replace(" ", "\n\t /* ; */ ")])
        if "'" not in text and "$" not in text:
            text = self.dice.choice([str, str.upper, str.title])(text)
        before = self.dice.choice(["", "", " ", "-- rollback\n", "/* /* nested */ commit */"])
        return before + text + self.dice.choice(["", "", ";", " ; ", " -- rollback"])

    def any_messages(self) -> bytes:
        end, fail = extended(self.dice.choice(ENDING)), extended(self.dice.choice(FAILING))
        name = self.dice.choice([*NAMED, "w", "new", "nosuch"])
        values = ["7"] if name == "p" else []
        return self.dice.choice(
            self.ending_messages(end, fail) if self.dice.random() < 0.15
            else [fail + SYNC, fail + SYNC, fail + end + SYNC, *self.failing_messages(name, values)]
        )  # fmt: skip

    def failing_messages(self, name: str, values: List[str]) -> List[bytes]:
        """Some of them only for the name of a statement that does not end the block."""
        bound = bind(*values, statement=name)
        runs = [bound + execute() + SYNC, bound + describe_portal() + execute() + SYNC]
        return [
            *(runs if name not in ("r", "c", "t") else []),
            bind(statement="r") + describe_portal() + SYNC,
            bind(*values, statement=name if name != "t" else "s") + SYNC,
            describe_statement(self.dice.choice("srcpw")) + SYNC,
            close_statement(name) + SYNC,
            parse("select 1", "new") + SYNC,
            parse("rollback", name) + SYNC,
            parse("") + SYNC,
            extended("") + SYNC,
            message("F", struct.pack("!ihhh", 1598, 0, 0, 0)),  # random()
            SYNC,
            SYNC + FLUSH + SYNC,
        ]

    def ending_messages(self, end: bytes, fail: bytes) -> List[bytes]:
        return [
            end + SYNC,
            parse("abort") + describe_statement() + bind() + describe_portal() + execute() + SYNC,
            bind(statement="r") + execute() + SYNC,
            bind(statement="c") + describe_portal() + execute() + SYNC,
            bind(statement="r") + SYNC + execute() + SYNC,
            parse("end", "new") + SYNC + bind(statement="new") + execute() + SYNC,
            end + extended("select 5") + SYNC,
            fail + SYNC + end + SYNC + extended("select 2") + SYNC,
            fail + FLUSH + SYNC + query("rollback") + query("select 3"),
            query("select 1") + query("commit") + query("select 2"),
        ]


@pytest.fixture(scope="module")
def shared_postgres():
    """One of our own: without functions that a lost block may have called."""
    with Postgres() as postgres:
        yield mirrored(postgres, SETUP)


@pytest.fixture
def postgres(shared_postgres):
    tables = "truncate aborted.kept, aborted.never; drop table if exists aborted.made"
    begin_anew(shared_postgres, tables)
    done(shared_postgres, tables, MIRROR)
    return shared_postgres


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mode", MODES)
def test_a_lost_block_is_answered_as_one_that_has_failed(postgres, start_pgballast, mode, io, seed):
    proxy = start_pgballast(postgres.dsn, mode=mode, io=io, pool={"max": 1}, log_level="info")
    pair = Pair(postgres, proxy, seed)
    for _ in range(ROUNDS):
        pair.play()
    assert asked(postgres, "select from aborted.never") == []
    kept = "select x from aborted.kept"
    assert asked(postgres, kept, DATABASE) == asked(postgres, kept, MIRROR)
