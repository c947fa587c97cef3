<?php
// The steps with PDO.

require __DIR__ . '/steps.php';

say(['driver' => 'PDO pgsql ' . phpversion('pdo_pgsql')]);

step('connect', function () use (&$db) {
    $db = new PDO('pgsql:', getenv('PGUSER'), getenv('PGPASSWORD'), [
        // Or each query would be prepared by a name.
        PDO::ATTR_EMULATE_PREPARES => true,
    ]);
});
$ask = fn ($text) => $db->query($text)->fetchColumn();
$words = fn ($first, $last) => $db->query(sprintf(WORDS, $first, $last))->fetchAll(PDO::FETCH_NUM);

step('simple query', fn () => expect($ask('select 1'), 1));

hear('ready-for-suspend');
step('query after a suspend', fn () => expect($ask('select 2'), 2));

$doubled = null;
$double = function ($number) use (&$doubled) {
    $doubled->execute([$number]);
    return $doubled->fetchColumn();
};
step('prepared statement', function () use ($db, $double, &$doubled) {
    $doubled = $db->prepare('select ?::int * 2', [PDO::ATTR_EMULATE_PREPARES => false]);
    for ($number = 0; $number < 10; ++$number) {
        expect($double($number), 2 * $number);
    }
});

step('commit', function () use ($db, $words) {
    $db->beginTransaction();
    $db->exec("insert into driver_steps values (1, 'kept')");
    $db->commit();
    expect($words(1, 1), [[1, 'kept']]);
});

step('rollback', function () use ($db, $words) {
    $db->beginTransaction();
    $db->exec("insert into driver_steps values (2, 'dropped')");
    $db->rollBack();
    expect($words(2, 2), []);
});

step('savepoint', function () use ($db, $words) {
    $db->beginTransaction();
    $db->exec("insert into driver_steps values (3, 'kept')");
    $db->exec('savepoint here');
    fails(fn () => $db->exec("insert into driver_steps values (3, 'twice')"), 'duplicate key');
    $db->exec('rollback to savepoint here');
    $db->exec("insert into driver_steps values (4, 'kept')");
    $db->commit();
    expect($words(3, 4), [[3, 'kept'], [4, 'kept']]);
});

step('error', function () use ($ask) {
    fails(fn () => $ask('select 1 / 0'), 'Division by zero');
    expect($ask('select 1'), 1);
});

step('copy in', function () use ($db, $ask) {
    $db->pgsqlCopyFromArray('driver_steps', copied());
    expect($ask("select count(*) from driver_steps where word = 'copied'"), 1000);
});

step('copy out', function () use ($db) {
    expect(array_slice($db->pgsqlCopyToArray('driver_steps'), -1000), copied());
});

step('10000 rows', function () use ($db) {
    $rows = $db->query('select generate_series(1, 10000)')->fetchAll(PDO::FETCH_COLUMN);
    expect(array_sum($rows), 50005000);
});

step('large value', function () use ($db) {
    $value = str_repeat('x', (int) getenv('VALUE_BYTES'));
    $asked = $db->prepare('select ?::text', [PDO::ATTR_EMULATE_PREPARES => false]);
    $asked->execute([$value]);
    $asked->fetchColumn() === $value or throw new Exception('another value came back');
});

hear('ready-for-suspend');
step('prepared statement after a suspend', fn () => expect($double(21), 42));

step('close', function () use (&$db) {
    $db = null;
});
