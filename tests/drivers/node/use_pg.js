// The steps with node-postgres: a Client, or with `pool` a Pool of one.
'use strict';

const { Client, Pool } = require('pg');
const steps = require('./steps');
const { assert, fails, step } = steps;

const ofPool = process.argv[2] === 'pool';

steps.main(async () => {
    steps.say({ driver: `pg ${steps.version('pg')}, ${ofPool ? 'Pool' : 'Client'}` });

    // Both have query(); a transaction is begun on what `lent` returns.
    const db = ofPool ? new Pool({ ...steps.connection, max: 1 }) : new Client(steps.connection);
    const lent = async (use) => {
        const client = ofPool ? await db.connect() : db;
        try {
            return await use(client);
        } finally {
            if (ofPool) client.release();
        }
    };
    // Without it, an error while idle ends the program.
    const whileIdle = [];
    db.on('error', (error) => whileIdle.push(error));

    const ask = async (query) => Object.values((await db.query(query)).rows[0])[0];
    const double = (number) =>
        ask({ name: 'doubled', text: 'select $1::int * 2', values: [number] });
    const words = async (first, last) => {
        const text = 'select id, word from driver_steps where id between $1 and $2 order by id';
        const found = await db.query({ text, values: [first, last], rowMode: 'array' });
        return found.rows;
    };

    await step('connect', () => (ofPool ? lent(async () => {}) : db.connect()));
    await step('simple query', async () => assert.equal(await ask('select 1'), 1));

    await steps.suspended();
    await step('query after a suspend', async () => {
        assert.equal(await ask('select 2'), 2);
        assert.deepEqual(whileIdle, []);
    });

    await step('prepared statement', async () => {
        for (let number = 0; number < 10; ++number)
            assert.equal(await double(number), 2 * number);
    });

    await step('commit', async () => {
        await lent(async (client) => {
            await client.query('begin');
            await client.query("insert into driver_steps values (1, 'kept')");
            await client.query('commit');
        });
        assert.deepEqual(await words(1, 1), [[1, 'kept']]);
    });

    await step('rollback', async () => {
        await lent(async (client) => {
            await client.query('begin');
            await client.query("insert into driver_steps values (2, 'dropped')");
            await client.query('rollback');
        });
        assert.deepEqual(await words(2, 2), []);
    });

    await step('savepoint', async () => {
        await lent(async (client) => {
            await client.query('begin');
            await client.query("insert into driver_steps values (3, 'kept')");
            await client.query('savepoint here');
            await fails(client.query("insert into driver_steps values (3, 'twice')"), '23505');
            await client.query('rollback to savepoint here');
            await client.query("insert into driver_steps values (4, 'kept')");
            await client.query('commit');
        });
        assert.deepEqual(await words(3, 4), [[3, 'kept'], [4, 'kept']]);
    });

    await step('error', async () => {
        await fails(ask('select 1 / 0'), '22012');
        assert.equal(await ask('select 1'), 1);
    });

    await step('10000 rows', async () => {
        const { rows } = await db.query('select generate_series(1, 10000) as n');
        assert.equal(rows.reduce((sum, row) => sum + row.n, 0), 50005000);
    });

    await step('large value', async () => {
        const value = steps.largeValue();
        assert(value === (await ask({ text: 'select $1::text', values: [value] })));
    });

    if (!ofPool)
        await step('cancel', async () => {
            // A query of its own kind, for cancel() wants to know it.
            const { Query } = require('pg');
            const query = new Query('select pg_sleep(60)');
            const done = new Promise((resolve, reject) => {
                query.on('end', resolve);
                query.on('error', reject);
            });
            db.query(query);
            await steps.canceled(done, () => new Client(steps.connection).cancel(db, query));
            assert.equal(await ask('select 1'), 1);
        });

    await step('prepared statement after a suspend', async () => {
        await double(0); // prepared anew where a pool has closed a connection for an error
        await steps.suspended();
        assert.equal(await double(21), 42);
    });

    await step('close', () => db.end());
});
