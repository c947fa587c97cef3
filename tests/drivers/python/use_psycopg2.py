"""The steps with psycopg2."""

import io

import psycopg2
from psycopg2 import errors
from steps import *

say(driver=f"psycopg2 {psycopg2.__version__.split()[0]}, libpq {psycopg2.__libpq_version__}")

with step("connect"):
    connection = psycopg2.connect("")
    connection.autocommit = True


def run(text, *arguments):
    with connection.cursor() as cursor:
        cursor.execute(text, arguments or None)
        return cursor.fetchall() if cursor.description else None


def ask(text, *arguments):
    return run(text, *arguments)[0][0]


def words(first, last):
    return run("select id, word from driver_steps where id between %s and %s", first, last)


with step("simple query"):
    expect(ask("select 1"), 1)

wait_for_suspend()

with step("query after a suspend"):
    expect(ask("select 2"), 2)

with step("prepared statement"):
    run("prepare doubled(int) as select $1 * 2")
    for number in range(10):
        expect(ask("execute doubled(%s)", number), 2 * number)

with step("commit"):
    connection.autocommit = False
    run("insert into driver_steps values (1, 'kept')")
    connection.commit()
    expect(words(1, 1), [(1, "kept")])
    connection.commit()

with step("rollback"):
    run("insert into driver_steps values (2, 'dropped')")
    connection.rollback()
    expect(words(2, 2), [])
    connection.commit()

with step("savepoint"):
    run("insert into driver_steps values (3, 'kept')")
    run("savepoint here")
    fails(lambda: run("insert into driver_steps values (3, 'twice')"), errors.UniqueViolation)
    run("rollback to savepoint here")
    run("insert into driver_steps values (4, 'kept')")
    connection.commit()
    expect(words(3, 4), [(3, "kept"), (4, "kept")])
    connection.commit()
    connection.autocommit = True

with step("error"):
    fails(lambda: ask("select 1 / 0"), errors.DivisionByZero)
    expect(ask("select 1"), 1)

with step("copy in"):
    with connection.cursor() as cursor:
        cursor.copy_expert("copy driver_steps from stdin", io.StringIO(COPIED_TEXT))
    expect(words(1001, 2000), COPIED)

with step("copy out"):
    copied = io.StringIO()
    with connection.cursor() as cursor:
        cursor.copy_expert("copy (select * from driver_steps where id > 1000) to stdout", copied)
    expect(copied.getvalue(), COPIED_TEXT)

with step("10000 rows"):
    expect(sum(row[0] for row in run("select generate_series(1, 10000)")), 50005000)

with step("large value"):
    assert ask("select %s::text", LARGE_VALUE) == LARGE_VALUE

with step("cancel"):
    canceled(lambda: ask("select pg_sleep(60)"), connection.cancel, errors.QueryCanceled)
    expect(ask("select 1"), 1)

wait_for_suspend()

with step("prepared statement after a suspend"):
    expect(ask("execute doubled(21)"), 42)

with step("close"):
    connection.close()
