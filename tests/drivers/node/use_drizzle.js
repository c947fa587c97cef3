// The steps with Drizzle over a Pool of node-postgres.
'use strict';

const { Pool } = require('pg');
const { asc, between, sql } = require('drizzle-orm');
const { drizzle } = require('drizzle-orm/node-postgres');
const { integer, pgTable, text } = require('drizzle-orm/pg-core');
const steps = require('./steps');
const { assert, fails, step } = steps;

const table = pgTable('driver_steps', { id: integer('id').primaryKey(), word: text('word') });

steps.main(async () => {
    steps.say({ driver: `Drizzle ${steps.version('drizzle-orm')}, pg ${steps.version('pg')}` });

    const pool = new Pool({ ...steps.connection, max: 1 });
    const whileIdle = [];
    pool.on('error', (error) => whileIdle.push(error));
    const db = drizzle(pool);

    const ask = async (query) => Object.values((await db.execute(query)).rows[0])[0];
    const words = async (first, last) => {
        const found = await db.select().from(table)
            .where(between(table.id, first, last)).orderBy(asc(table.id));
        return found.map((row) => [row.id, row.word]);
    };
    const prepared = db.select({ twice: sql`${sql.placeholder('number')}::int * 2` })
        .from(sql`(values (1)) as one`).prepare('doubled');
    const double = async (number) => (await prepared.execute({ number }))[0].twice;

    await step('connect', async () => (await pool.connect()).release());
    await step('simple query', async () => assert.equal(await ask(sql`select 1`), 1));

    await steps.suspended();
    await step('query after a suspend', async () => {
        assert.equal(await ask(sql`select 2`), 2);
        assert.deepEqual(whileIdle, []);
    });

    await step('prepared statement', async () => {
        for (let number = 0; number < 10; ++number)
            assert.equal(await double(number), 2 * number);
    });

    await step('commit', async () => {
        await db.transaction((tx) => tx.insert(table).values({ id: 1, word: 'kept' }));
        assert.deepEqual(await words(1, 1), [[1, 'kept']]);
    });

    await step('rollback', async () => {
        const dropped = db.transaction(async (tx) => {
            await tx.insert(table).values({ id: 2, word: 'dropped' });
            throw Object.assign(new Error('on purpose'), { code: 'ours' });
        });
        await fails(dropped, 'ours');
        assert.deepEqual(await words(2, 2), []);
    });

    await step('savepoint', async () => {
        await db.transaction(async (tx) => {
            await tx.insert(table).values({ id: 3, word: 'kept' });
            const twice = tx.transaction((sp) => sp.insert(table).values({ id: 3, word: 'twice' }));
            await fails(twice, '23505');
            await tx.insert(table).values({ id: 4, word: 'kept' });
        });
        assert.deepEqual(await words(3, 4), [[3, 'kept'], [4, 'kept']]);
    });

    await step('error', async () => {
        await fails(ask(sql`select 1 / 0`), '22012');
        assert.equal(await ask(sql`select 1`), 1);
    });

    await step('10000 rows', async () => {
        const { rows } = await db.execute(sql`select generate_series(1, 10000) as n`);
        assert.equal(rows.reduce((sum, row) => sum + row.n, 0), 50005000);
    });

    await step('large value', async () => {
        const value = steps.largeValue();
        assert(value === (await ask(sql`select ${value}::text`)));
    });

    await step('prepared statement after a suspend', async () => {
        await double(0); // prepared anew where a pool has closed a connection for an error
        await steps.suspended();
        assert.equal(await double(21), 42);
    });

    await step('close', () => pool.end());
});
