"""A day of an application in miniature: it is busy, it rests, the compute sleeps."""

import random
import threading
import time
from typing import Callable, List

import psycopg2
import pytest
from queries import value

CLIENTS = 50
SEED = 1729

# A burst of requests, then a pause; the compute suspends after 2 s without any.
AUTOSUSPEND_S = 2
BURSTS = 4
PAUSE_S = 4.0
SPREAD_S = 0.5


def schedule(client: int) -> List[float]:
    """When that client asks, in seconds from the start: the same in every run."""
    chance = random.Random(SEED + client)
    return [burst * PAUSE_S + chance.uniform(0, SPREAD_S) for burst in range(BURSTS)]


def run_day(ask: Callable[[int, int], int]) -> list:
    """Lets all clients keep their schedule; what went wrong is returned."""
    wrong = []
    begun = time.monotonic()

    def one(number: int) -> None:
        for turn, at in enumerate(schedule(number)):
            time.sleep(max(0, begun + at - time.monotonic()))  # polls: nothing; it is a schedule
            try:
                answer = ask(number, turn)
                if answer != turn:
                    wrong.append((number, turn, answer))
            except psycopg2.Error as error:
                wrong.append((number, turn, error))

    threads = [threading.Thread(target=one, args=[number]) for number in range(CLIENTS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return wrong


def awake_ms_of(neonsim, day: Callable[[], None]) -> int:
    neonsim.suspend()
    neonsim.reset_stats()
    day()
    return neonsim.wait_for(lambda stats: stats["state"] == "suspended")["awake_ms"]


def test_a_day_keeps_the_compute_awake_no_longer_than_direct_connections_do(
    neonsim, start_pgballast
):
    neonsim.set(autosuspend=AUTOSUSPEND_S, wake=300)

    def directly(number: int, turn: int) -> int:
        connection = neonsim.connect()
        try:
            return value(connection, f"select {turn}")
        finally:
            connection.close()

    proxy = start_pgballast(neonsim.dsn, pool={"min": 2, "max": 10})
    clients = [proxy.connect() for _ in range(CLIENTS)]

    def through_pgballast(number: int, turn: int) -> int:
        return value(clients[number], f"select {turn}")

    wrong = []
    direct = awake_ms_of(neonsim, lambda: run_day(directly))  # may meet a suspend and fail
    proxied = awake_ms_of(neonsim, lambda: wrong.extend(run_day(through_pgballast)))
    assert wrong == []
    assert not any(each.closed for each in clients)
    assert proxied <= direct * 1.1
