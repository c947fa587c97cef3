"""How a driver's program tells the test what it did: see ../README.md.

    with step("simple query"):
        expect(ask("select 1"), 1)
"""

import contextlib
import json
import os
import sys
import threading
from typing import Any, Callable, Iterator

VALUE_BYTES = int(os.environ["VALUE_BYTES"])
LARGE_VALUE = "x" * VALUE_BYTES
COPIED = [(number, "copied") for number in range(1001, 2001)]
COPIED_TEXT = "".join(f"{number}\t{word}\n" for number, word in COPIED)


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def hear() -> None:
    """Waits for the test's line."""
    assert sys.stdin.readline(), "the test has ended"


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        say(step=name, ok=False, error=f"{type(error).__name__}: {error}")
    else:
        say(step=name, ok=True)


def expect(got: Any, wanted: Any) -> None:
    assert got == wanted, f"got {got!r:.200}, not {wanted!r:.200}"


def fails(ask: Callable[[], Any], error_class: type) -> BaseException:
    """The error that ask() must raise."""
    try:
        got = ask()
    except error_class as error:
        return error
    raise AssertionError(f"got {got!r:.200}, not an error")


def canceled(ask: Callable[[], Any], cancel: Callable[[], Any], error_class: type) -> None:
    """Runs ask() in a thread, and cancel() once the test has seen the query run."""
    outcome = []

    def run() -> None:
        try:
            outcome.append(fails(ask, error_class))
        except Exception as error:
            outcome.append(error)

    running = threading.Thread(target=run)
    running.start()
    say(step="ready-for-cancel")
    hear()
    cancel()
    running.join()
    assert "canceling statement due to user request" in str(outcome[0]), repr(outcome[0])


def wait_for_suspend() -> None:
    say(step="ready-for-suspend")
    hear()
