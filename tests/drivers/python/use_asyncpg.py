"""The steps with asyncpg."""

import asyncio
import io

import asyncpg
from steps import *


async def words(connection, first, last):
    # What is asked with arguments, asyncpg prepares and keeps: 100 statements of a connection.
    text = "select id, word from driver_steps where id between $1 and $2"
    return [tuple(row) for row in await connection.fetch(text, first, last)]


async def fails_async(asking, error_class):
    try:
        got = await asking
    except error_class:
        return
    raise AssertionError(f"got {got!r}, not an error")


async def heard():
    await asyncio.get_running_loop().run_in_executor(None, hear)


async def suspended():
    say(step="ready-for-suspend")
    await heard()


async def main():
    say(driver=f"asyncpg {asyncpg.__version__}")

    with step("connect"):
        connection = await asyncpg.connect()

    with step("simple query"):
        expect(await connection.execute("select 1"), "SELECT 1")

    await suspended()

    with step("query after a suspend"):
        expect(await connection.execute("select 2"), "SELECT 1")

    with step("prepared statement"):
        doubled = await connection.prepare("select $1::int * 2")
        for number in range(10):
            expect(await doubled.fetchval(number), 2 * number)

    with step("commit"):
        async with connection.transaction():
            await connection.execute("insert into driver_steps values (1, 'kept')")
        expect(await words(connection, 1, 1), [(1, "kept")])

    with step("rollback"):
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("insert into driver_steps values (2, 'dropped')")
        await transaction.rollback()
        expect(await words(connection, 2, 2), [])

    with step("savepoint"):
        async with connection.transaction():
            await connection.execute("insert into driver_steps values (3, 'kept')")
            try:
                async with connection.transaction():  # which is a savepoint
                    await connection.execute("insert into driver_steps values (3, 'twice')")
            except asyncpg.UniqueViolationError:
                await connection.execute("insert into driver_steps values (4, 'kept')")
        expect(await words(connection, 3, 4), [(3, "kept"), (4, "kept")])

    with step("error"):
        await fails_async(connection.fetchval("select 1 / 0"), asyncpg.DivisionByZeroError)
        expect(await connection.fetchval("select 1"), 1)

    with step("copy in"):
        await connection.copy_records_to_table("driver_steps", records=COPIED)
        expect(await words(connection, 1001, 2000), COPIED)

    with step("copy out"):
        copied = io.BytesIO()
        await connection.copy_from_query(
            "select * from driver_steps where id > 1000", output=copied
        )
        expect(copied.getvalue().decode(), COPIED_TEXT)

    with step("10000 rows"):
        async with connection.transaction():  # for a cursor
            rows = [row async for row in connection.cursor("select generate_series(1, 10000)")]
        expect(sum(row[0] for row in rows), 50005000)

    with step("large value"):
        assert await connection.fetchval("select $1::text", LARGE_VALUE) == LARGE_VALUE

    with step("cancel"):
        running = asyncio.ensure_future(connection.execute("select pg_sleep(60)"))
        say(step="ready-for-cancel")
        await heard()
        running.cancel()
        await fails_async(running, asyncio.CancelledError)
        expect(await connection.fetchval("select 1"), 1)

    await suspended()

    with step("prepared statement after a suspend"):
        expect(await doubled.fetchval(21), 42)
        expect(await words(connection, 1, 1), [(1, "kept")])

    with step("close"):
        await connection.close()


asyncio.run(main())
