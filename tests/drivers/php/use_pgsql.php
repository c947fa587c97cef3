<?php
// The steps with PHP's pgsql extension.

require __DIR__ . '/steps.php';

say(['driver' => 'PHP pgsql ' . phpversion('pgsql')]);

step('connect', function () use (&$db) {
    $db = pg_connect('');
});
$ask = fn ($text) => pg_fetch_result(pg_query($db, $text), 0, 0);
$run = fn ($text) => pg_query($db, $text);
$words = fn ($first, $last) => pg_fetch_all(pg_query($db, sprintf(WORDS, $first, $last)), PGSQL_NUM);
$double = fn ($number) => pg_fetch_result(pg_execute($db, 'doubled', [$number]), 0, 0);

step('simple query', fn () => expect($ask('select 1'), 1));

hear('ready-for-suspend');
step('query after a suspend', fn () => expect($ask('select 2'), 2));

step('prepared statement', function () use ($db, $double) {
    pg_prepare($db, 'doubled', 'select $1::int * 2');
    for ($number = 0; $number < 10; ++$number) {
        expect($double($number), 2 * $number);
    }
});

step('commit', function () use ($run, $words) {
    $run('begin');
    $run("insert into driver_steps values (1, 'kept')");
    $run('commit');
    expect($words(1, 1), [[1, 'kept']]);
});

step('rollback', function () use ($run, $words) {
    $run('begin');
    $run("insert into driver_steps values (2, 'dropped')");
    $run('rollback');
    expect($words(2, 2), []);
});

step('savepoint', function () use ($run, $words) {
    $run('begin');
    $run("insert into driver_steps values (3, 'kept')");
    $run('savepoint here');
    fails(fn () => $run("insert into driver_steps values (3, 'twice')"), 'duplicate key');
    $run('rollback to savepoint here');
    $run("insert into driver_steps values (4, 'kept')");
    $run('commit');
    expect($words(3, 4), [[3, 'kept'], [4, 'kept']]);
});

step('error', function () use ($ask) {
    fails(fn () => $ask('select 1 / 0'), 'division by zero');
    expect($ask('select 1'), 1);
});

step('copy in', function () use ($db, $ask) {
    pg_copy_from($db, 'driver_steps', copied());
    expect($ask("select count(*) from driver_steps where word = 'copied'"), 1000);
});

step('copy out', function () use ($db) {
    expect(array_slice(pg_copy_to($db, 'driver_steps'), -1000), copied());
});

step('10000 rows', function () use ($run) {
    $rows = $run('select generate_series(1, 10000)');
    expect(array_sum(pg_fetch_all_columns($rows)), 50005000);
});

step('large value', function () use ($db) {
    $value = str_repeat('x', (int) getenv('VALUE_BYTES'));
    $got = pg_fetch_result(pg_query_params($db, 'select $1::text', [$value]), 0, 0);
    $got === $value or throw new Exception('another value came back');
});

step('cancel', function () use ($db, $ask) {
    pg_send_query($db, 'select pg_sleep(60)');
    hear('ready-for-cancel');
    pg_cancel_query($db) or throw new Exception('it was not canceled');
    expect($ask('select 1'), 1);
});

hear('ready-for-suspend');
step('prepared statement after a suspend', fn () => expect($double(21), 42));

step('close', fn () => pg_close($db));
