"""The steps with psycopg 3."""

import psycopg
from psycopg import errors
from steps import *

say(driver=f"psycopg {psycopg.__version__}, libpq {psycopg.pq.version()}")

with step("connect"):
    connection = psycopg.connect("", autocommit=True)


def ask(text, *arguments, **keywords):
    return connection.execute(text, arguments, **keywords).fetchone()[0]


def words(first, last):
    text = "select id, word from driver_steps where id between %s and %s"
    return connection.execute(text, [first, last]).fetchall()


with step("simple query"):
    expect(connection.execute("select 1").fetchall(), [(1,)])

wait_for_suspend()

with step("query after a suspend"):
    expect(ask("select 2"), 2)

with step("prepared statement"):
    for number in range(10):
        expect(ask("select %s::int * 2", number, prepare=True), 2 * number)

with step("commit"):
    with connection.transaction():
        connection.execute("insert into driver_steps values (1, 'kept')")
    expect(words(1, 1), [(1, "kept")])

with step("rollback"):
    with connection.transaction():
        connection.execute("insert into driver_steps values (2, 'dropped')")
        raise psycopg.Rollback()
    expect(words(2, 2), [])

with step("savepoint"):
    with connection.transaction():
        connection.execute("insert into driver_steps values (3, 'kept')")

        def twice():
            with connection.transaction():  # which is a savepoint
                connection.execute("insert into driver_steps values (3, 'twice')")

        fails(twice, errors.UniqueViolation)
        connection.execute("insert into driver_steps values (4, 'kept')")
    expect(words(3, 4), [(3, "kept"), (4, "kept")])

with step("error"):
    fails(lambda: ask("select 1 / 0"), errors.DivisionByZero)
    expect(ask("select 1"), 1)

with step("copy in"):
    with connection.cursor().copy("copy driver_steps from stdin") as copy:
        for row in COPIED:
            copy.write_row(row)
    expect(words(1001, 2000), COPIED)

with step("copy out"):
    text = "copy (select * from driver_steps where id > 1000) to stdout"
    with connection.cursor().copy(text) as copy:
        expect(b"".join(copy).decode(), COPIED_TEXT)

with step("10000 rows"):
    rows = connection.execute("select generate_series(1, 10000)")
    expect(sum(row[0] for row in rows), 50005000)

with step("large value"):
    assert ask("select %s::text", LARGE_VALUE) == LARGE_VALUE

with step("cancel"):
    canceled(lambda: ask("select pg_sleep(60)"), connection.cancel, errors.QueryCanceled)
    expect(ask("select 1"), 1)

with step("prepared statement after a suspend"):
    # Prepared anew, for psycopg 3 forgets what it has prepared when something is rolled back.
    expect(ask("select %s::int * 2", 20, prepare=True), 40)
    wait_for_suspend()
    expect(ask("select %s::int * 2", 21, prepare=True), 42)

with step("close"):
    connection.close()
