"""The steps with SQLAlchemy's engine over psycopg2; `--pre-ping` asks before each checkout
whether a pooled connection lives."""

import io
import sys

import sqlalchemy
from sqlalchemy import exc, text
from steps import *

PRE_PING = "--pre-ping" in sys.argv

say(driver=f"SQLAlchemy {sqlalchemy.__version__}{', pool_pre_ping' if PRE_PING else ''}")

# One connection in the pool: each `begin` is given the same.
engine = sqlalchemy.create_engine(
    "postgresql+psycopg2://", future=True, pool_size=1, max_overflow=0, pool_pre_ping=PRE_PING
)


def ask(statement, **arguments):
    with engine.begin() as connection:
        return connection.execute(text(statement), arguments).scalar_one()


def words(first, last):
    with engine.begin() as connection:
        found = connection.execute(
            text("select id, word from driver_steps where id between :first and :last"),
            {"first": first, "last": last},
        )
        return [tuple(row) for row in found]


def insert(connection, number, word):
    connection.execute(
        text("insert into driver_steps values (:id, :word)"), {"id": number, "word": word}
    )


with step("connect"):
    engine.connect().close()

with step("simple query"):
    expect(ask("select 1"), 1)

wait_for_suspend()

with step("query after a suspend"):
    expect(ask("select 2"), 2)

with step("prepared statement"):
    with engine.begin() as connection:
        connection.execute(text("prepare doubled(int) as select $1 * 2"))
    for number in range(10):
        expect(ask("execute doubled(:number)", number=number), 2 * number)

with step("commit"):
    with engine.begin() as connection:
        insert(connection, 1, "kept")
    expect(words(1, 1), [(1, "kept")])

with step("rollback"):
    with engine.connect() as connection:
        insert(connection, 2, "dropped")
        connection.rollback()
    expect(words(2, 2), [])

with step("savepoint"):
    with engine.begin() as connection:
        insert(connection, 3, "kept")
        savepoint = connection.begin_nested()
        fails(lambda: insert(connection, 3, "twice"), exc.IntegrityError)
        savepoint.rollback()
        insert(connection, 4, "kept")
    expect(words(3, 4), [(3, "kept"), (4, "kept")])

with step("error"):
    fails(lambda: ask("select 1 / 0"), exc.DataError)
    expect(ask("select 1"), 1)

with step("copy in"):
    with engine.begin() as connection:
        cursor = connection.connection.cursor()
        cursor.copy_expert("copy driver_steps from stdin", io.StringIO(COPIED_TEXT))
    expect(words(1001, 2000), COPIED)

with step("copy out"):
    copied = io.StringIO()
    with engine.begin() as connection:
        cursor = connection.connection.cursor()
        cursor.copy_expert("copy (select * from driver_steps where id > 1000) to stdout", copied)
    expect(copied.getvalue(), COPIED_TEXT)

with step("10000 rows"):
    with engine.begin() as connection:
        rows = connection.execute(text("select generate_series(1, 10000)"))
        expect(sum(row[0] for row in rows), 50005000)

with step("large value"):
    assert ask("select cast(:value as text)", value=LARGE_VALUE) == LARGE_VALUE

with step("cancel"):
    with engine.connect() as connection:
        canceled(
            lambda: connection.execute(text("select pg_sleep(60)")),
            connection.connection.cancel,
            exc.OperationalError,
        )
    expect(ask("select 1"), 1)

wait_for_suspend()

with step("prepared statement after a suspend"):
    expect(ask("execute doubled(21)"), 42)

with step("close"):
    engine.dispose()
