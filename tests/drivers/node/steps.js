// How a driver's program tells the test what it did: see ../README.md.
'use strict';

const assert = require('assert');
const fs = require('fs');
const readline = require('readline');

const VALUE_BYTES = Number(process.env.VALUE_BYTES);
const COPIED = Array.from({ length: 1000 }, (_, number) => [number + 1001, 'copied']);

const env = process.env;
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const say = (what) => console.log(JSON.stringify(what));

/** Waits for the test's line. */
const hear = async () => assert(!(await lines.next()).done, 'the test has ended');

const step = async (name, act) => {
    try {
        await act();
        say({ step: name, ok: true });
    } catch (error) {
        const cause = error.cause ? `: ${error.cause}` : '';
        say({ step: name, ok: false, error: `${error.code || ''} ${error}${cause}` });
    }
};

/** The cause that an ORM wraps, or the error itself. */
const bare = (error) => error.driverError || error.cause || error;

/** What the promise must be rejected with: this SQLSTATE. */
const fails = async (promise, code) => {
    const outcome = await promise.then(() => null, bare);
    assert(outcome, 'it went well, and should not');
    if (outcome.code !== code) throw outcome;
};

/** Cancels what has been started, once the test has seen it run. */
const canceled = async (promise, cancel) => {
    const failed = fails(promise, '57014');
    failed.catch(() => {});
    say({ step: 'ready-for-cancel' });
    await hear();
    await cancel();
    await failed;
};

const suspended = async () => {
    say({ step: 'ready-for-suspend' });
    await hear();
};

const tls = env.PGSSLMODE === 'disable' ? false : { ca: fs.readFileSync(env.PGSSLROOTCERT) };

const connection = {
    host: env.PGHOST,
    port: Number(env.PGPORT),
    user: env.PGUSER,
    password: env.PGPASSWORD,
    database: env.PGDATABASE,
    ssl: tls,
};

/** Its version, from its own package.json, whether it exports that or not. */
const version = (name) => {
    const folder = require.resolve.paths(name).map((path) => `${path}/${name}/package.json`);
    return JSON.parse(fs.readFileSync(folder.find((path) => fs.existsSync(path)))).version;
};

/** Runs the program, and lets nothing it leaves open keep it alive. */
const main = (program) =>
    program().then(
        () => process.exit(0),
        (error) => {
            console.error(error);
            process.exit(1);
        },
    );

const largeValue = () => 'x'.repeat(VALUE_BYTES);

module.exports = {
    COPIED, assert, canceled, connection, env, fails, largeValue, main, say, step, suspended, version,
};
