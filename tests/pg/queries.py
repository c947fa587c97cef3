"""Short words for what tests do to a psycopg2 connection, and how long things take."""

import time
from typing import Any, Callable, List


def run(connection: Any, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


def rows(connection: Any, text: str) -> List[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


def value(connection: Any, text: str) -> Any:
    return rows(connection, text)[0][0]


class Stopwatch:
    """`with Stopwatch() as watch: …`, then `watch.seconds`."""

    def __enter__(self) -> "Stopwatch":
        self.begun = time.monotonic()
        self.seconds = 0.0
        return self

    def __exit__(self, *_: Any) -> None:
        self.seconds = time.monotonic() - self.begun


def stays(what: Callable[[], bool], for_s: float, every_s: float = 0.05) -> bool:
    """Whether `what` is true all that time. Only for what must never happen."""
    deadline = time.monotonic() + for_s
    while what():
        if time.monotonic() >= deadline:
            return True
        time.sleep(every_s)  # polls: for what must not happen
    return False
