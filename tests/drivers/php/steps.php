<?php
// How a driver's program tells the test what it did: see ../README.md.

set_error_handler(function ($severity, $message) {
    throw new ErrorException($message, 0, $severity);
});
ini_set('memory_limit', '-1');  // for a large value

function say(array $what): void
{
    echo json_encode($what, JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}

function hear(string $request): void
{
    say(['step' => $request]);
    fgets(STDIN) !== false or exit(1);
}

function step(string $name, callable $act): void
{
    try {
        $act();
        say(['step' => $name, 'ok' => true]);
    } catch (Throwable $error) {
        say(['step' => $name, 'ok' => false, 'error' => $error->getMessage()]);
    }
}

function expect($got, $wanted): void
{
    if ($got != $wanted) {
        throw new Exception('got ' . substr(json_encode($got), 0, 200));
    }
}

/** The error that $act must raise, with this in its text. */
function fails(callable $act, string $text): void
{
    try {
        $act();
    } catch (Exception $error) {
        if (strpos($error->getMessage(), $text) === false) {
            throw $error;
        }
        return;
    }
    throw new Exception('it went well, and should not');
}

function copied(): array
{
    return array_map(fn ($number) => "$number\tcopied\n", range(1001, 2000));
}

const WORDS = 'select id, word from driver_steps where id between %d and %d order by id';
