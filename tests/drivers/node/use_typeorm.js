// The steps with TypeORM.
'use strict';

const { Between, DataSource, EntitySchema } = require('typeorm');
const steps = require('./steps');
const { assert, fails, step } = steps;

const Row = new EntitySchema({
    name: 'driver_steps',
    columns: { id: { type: 'int', primary: true }, word: { type: 'text' } },
});

steps.main(async () => {
    steps.say({ driver: `TypeORM ${steps.version('typeorm')}, pg ${steps.version('pg')}` });

    const { host, port, user, password, database, ssl } = steps.connection;
    const whileIdle = [];
    const source = new DataSource({
        type: 'postgres',
        host, port, username: user, password, database, ssl,
        installExtensions: false,
        poolSize: 1,
        poolErrorHandler: (error) => whileIdle.push(error),
        entities: [Row],
    });

    const ask = async (text, values) => Object.values((await source.query(text, values))[0])[0];
    const words = async (first, last) => {
        const found = await source.getRepository(Row)
            .find({ where: { id: Between(first, last) }, order: { id: 'asc' } });
        return found.map((row) => [row.id, row.word]);
    };

    await step('connect', () => source.initialize());
    await step('simple query', async () => assert.equal(await ask('select 1'), 1));

    await steps.suspended();
    await step('query after a suspend', async () => {
        assert.equal(await ask('select 2'), 2);
        assert.deepEqual(whileIdle, []);
    });

    await step('commit', async () => {
        await source.transaction((manager) => manager.insert(Row, { id: 1, word: 'kept' }));
        assert.deepEqual(await words(1, 1), [[1, 'kept']]);
    });

    await step('rollback', async () => {
        const dropped = source.transaction(async (manager) => {
            await manager.insert(Row, { id: 2, word: 'dropped' });
            throw Object.assign(new Error('on purpose'), { code: 'ours' });
        });
        await fails(dropped, 'ours');
        assert.deepEqual(await words(2, 2), []);
    });

    await step('savepoint', async () => {
        await source.transaction(async (manager) => {
            await manager.insert(Row, { id: 3, word: 'kept' });
            const twice = manager.transaction((sp) => sp.insert(Row, { id: 3, word: 'twice' }));
            await fails(twice, '23505');
            await manager.insert(Row, { id: 4, word: 'kept' });
        });
        assert.deepEqual(await words(3, 4), [[3, 'kept'], [4, 'kept']]);
    });

    await step('error', async () => {
        await fails(ask('select 1 / 0'), '22012');
        assert.equal(await ask('select 1'), 1);
    });

    await step('10000 rows', async () => {
        const rows = await source.query('select generate_series(1, 10000) as n');
        assert.equal(rows.reduce((sum, row) => sum + row.n, 0), 50005000);
    });

    await step('large value', async () => {
        const value = steps.largeValue();
        assert(value === (await ask('select $1::text', [value])));
    });

    await step('close', () => source.destroy());
});
