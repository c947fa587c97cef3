"""What pgballast counts and tells of lost backends, on its admin port."""

import re
from collections import Counter
from typing import Any, Dict, List

import http_port
from neonsim import wait_until

RESTORED = "restored"
UNSENT, ROLLED_BACK, READ_ONLY = (
    "run_again_unsent", "run_again_rolled_back", "run_again_read_only",
)  # fmt: skip
TOLD_40001, TOLD_08007, TOLD_57P03 = "told_40001", "told_08007", "told_57P03"
CLOSED = "closed_57P01"
OUTCOMES = [
    RESTORED, UNSENT, ROLLED_BACK, READ_ONLY, TOLD_40001, TOLD_08007, TOLD_57P03, CLOSED,
]  # fmt: skip

SAMPLE = r'^pgballast_losses_total\{database="[^"]*",outcome="(\w+)"\} (\S+)$'


def losses(admin_port: int) -> Dict[str, int]:
    """By outcome, of all databases; those that have happened."""
    found: Counter = Counter()
    for outcome, number in re.findall(SAMPLE, http_port.ask(admin_port, "/metrics").body, re.M):
        found[outcome] += int(float(number))
    return dict(+found)


def wait_for_losses(proxy: Any, **expected: int) -> None:
    """All that has happened since it was started. A client may have its answer before that
    is counted."""
    wait_until(
        lambda: losses(proxy.admin_port) == expected,
        5,
        lambda: f"{losses(proxy.admin_port)} instead of {expected}",
    )


def stories(admin_port: int) -> List[Dict[str, Any]]:
    reply = http_port.ask(admin_port, "/api/v1/stories")
    assert reply.status == 200, reply
    return reply.json()["stories"]
