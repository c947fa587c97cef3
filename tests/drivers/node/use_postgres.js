// The steps with postgres.js.
'use strict';

const { Readable } = require('stream');
const { pipeline } = require('stream/promises');
const postgres = require('postgres');
const steps = require('./steps');
const { assert, fails, step } = steps;

steps.main(async () => {
    steps.say({ driver: `postgres.js ${steps.version('postgres')}` });

    const sql = postgres({ ...steps.connection, max: 1 });
    // What has parameters, postgres.js prepares and keeps; `simple` goes as one text.
    const ask = async (text) => Object.values((await sql.unsafe(text).simple())[0])[0];
    const double = async (number) => (await sql`select ${number}::int * 2 as n`)[0].n;
    const words = async (first, last) => {
        const found = await sql`select id, word from driver_steps
                                where id between ${first} and ${last} order by id`;
        return found.map((row) => [row.id, row.word]);
    };

    // It connects with the first query.
    await step('connect', () => ask('select 0'));
    await step('simple query', async () => assert.equal(await ask('select 1'), 1));

    await steps.suspended();
    await step('query after a suspend', async () => assert.equal(await ask('select 2'), 2));

    await step('prepared statement', async () => {
        for (let number = 0; number < 10; ++number)
            assert.equal(await double(number), 2 * number);
    });

    await step('commit', async () => {
        await sql.begin((tx) => tx`insert into driver_steps values (1, 'kept')`);
        assert.deepEqual(await words(1, 1), [[1, 'kept']]);
    });

    await step('rollback', async () => {
        const dropped = sql.begin(async (tx) => {
            await tx`insert into driver_steps values (2, 'dropped')`;
            throw Object.assign(new Error('on purpose'), { code: 'ours' });
        });
        await fails(dropped, 'ours');
        assert.deepEqual(await words(2, 2), []);
    });

    await step('savepoint', async () => {
        await sql.begin(async (tx) => {
            await tx`insert into driver_steps values (3, 'kept')`;
            const twice = tx.savepoint((sp) => sp`insert into driver_steps values (3, 'twice')`);
            await fails(twice, '23505');
            await tx`insert into driver_steps values (4, 'kept')`;
        });
        assert.deepEqual(await words(3, 4), [[3, 'kept'], [4, 'kept']]);
    });

    await step('error', async () => {
        await fails(ask('select 1 / 0'), '22012');
        assert.equal(await ask('select 1'), 1);
    });

    await step('copy in', async () => {
        const lines = steps.COPIED.map(([number, word]) => `${number}\t${word}\n`);
        await pipeline(Readable.from(lines), await sql`copy driver_steps from stdin`.writable());
        assert.deepEqual(await words(1001, 2000), steps.COPIED);
    });

    await step('copy out', async () => {
        const out = await sql`copy (select * from driver_steps where id > 1000) to stdout`.readable();
        let text = '';
        for await (const chunk of out) text += chunk;
        assert.equal(text, steps.COPIED.map(([number, word]) => `${number}\t${word}\n`).join(''));
    });

    await step('10000 rows', async () => {
        let sum = 0;
        await sql`select generate_series(1, 10000) as n`.cursor(1000, (rows) =>
            rows.forEach((row) => (sum += row.n)));
        assert.equal(sum, 50005000);
    });

    await step('large value', async () => {
        const value = steps.largeValue();
        assert(value === (await sql`select ${value}::text as value`)[0].value);
    });

    await step('cancel', async () => {
        const query = sql`select pg_sleep(60)`.execute();
        await steps.canceled(query, () => query.cancel());
        assert.equal(await ask('select 1'), 1);
    });

    await step('prepared statement after a suspend', async () => {
        await double(0);
        await steps.suspended();
        assert.equal(await double(21), 42);
    });

    await step('close', () => sql.end({ timeout: 5 }));
});
