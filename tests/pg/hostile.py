"""What every attack must leave as it is: pgballast's memory, its descriptors, and the others.

    with unharmed(proxy):
        …what a hostile peer does…
"""

import contextlib
import os
import threading
import time
from typing import Iterator, List

from neonsim import wait_until
from pgballast import Pgballast
from queries import value

# What no message may say of its own length.
BAD_LENGTHS = [0, 3, 2**31 - 1, 2**32 - 1]

# By how much an attack may make pgballast's memory grow, in bytes.
GROWTH_MAX = 32 << 20

# The longest that another client's query may take meanwhile, on a machine that does other
# things, too; alone it takes less than a millisecond.
PATIENCE_S = 2


class Bystander:
    """A client that asks one query after the other, in a thread of its own."""

    def __init__(self, proxy: Pgballast) -> None:
        self.connection = proxy.connect()
        self.times: List[float] = []
        self.error: Exception = None
        self._done = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def leave(self) -> None:
        """Returns when a query that was asked after the attack has been answered, too."""
        answered = len(self.times)
        try:
            wait_until(lambda: self.error or len(self.times) > answered + 1, 10)
        finally:
            self._done = True
            self._thread.join()
            self.connection.close()

    def _run(self) -> None:
        try:
            while not self._done:
                begun = time.monotonic()
                assert value(self.connection, "select 1") == 1
                self.times.append(time.monotonic() - begun)
                time.sleep(0.002)  # polls: it leaves the attacker some of the machine
        except Exception as error:
            self.error = error


@contextlib.contextmanager
def unharmed(proxy: Pgballast, growth_max: int = GROWTH_MAX) -> Iterator[None]:
    """Another client is answered meanwhile, nothing is left open afterwards, and memory has
    not grown by more than `growth_max`, not even for a moment."""
    bystander = Bystander(proxy)
    wait_until(lambda: bystander.error or bystander.times)
    before, open_before = proxy.memory(), descriptors(proxy)
    try:
        yield
    finally:
        bystander.leave()
    assert bystander.error is None
    assert max(bystander.times) < PATIENCE_S
    assert proxy.peak_memory() - before < growth_max
    # One for each backend, too: the attack may have opened some that stay.
    spare = proxy.document["databases"]["*"].get("pool", {}).get("max", 10)
    wait_until(
        lambda: descriptors(proxy) <= open_before + spare,
        describe=lambda: f"descriptors: {descriptors(proxy)}, before: {open_before}",
    )


def descriptors(proxy: Pgballast) -> int:
    return len(os.listdir(f"/proc/{proxy.process.pid}/fd"))
