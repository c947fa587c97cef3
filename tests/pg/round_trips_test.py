"""What a query costs on its way: one round trip between pgballast and PostgreSQL, whatever is
carried over in front of it; counted at the socket."""

from typing import List

import pytest
from plainclient import SYNC, bind, execute, first_column, parse
from queries import run
from relay import Relay


@pytest.fixture
def proxy(postgres, relay, start_shared, io):
    """One backend for all, behind the relay."""
    return start_shared(upstream=relay.dsn_of(postgres.dsn), io=io)


def trips_of(relay: Relay, asks: List) -> int:
    before = relay.trips
    for ask in asks:
        ask()
    return relay.trips - before


@pytest.mark.usefixtures("needs_sharing")
@pytest.mark.parametrize("what", ["nothing", "settings", "prepared statements", "both"])
def test_what_is_carried_over_costs_no_round_trip(relay, proxy, what):
    clients = [proxy.raw(application_name=f"client {number}") for number in range(3)]
    for number, each in enumerate(clients):
        if what in ("settings", "both"):
            each.query(f"set app.tenant to 'tenant {number}'")
            each.query(f"set timezone to 'Etc/GMT+{number}'")
        if what in ("prepared statements", "both"):
            each.send(parse(f"select {number} + $1::int", "s") + SYNC)
            each.read_until_ready()

    def ask(number: int) -> None:
        client = clients[number]
        if what in ("prepared statements", "both"):
            client.send(bind("1", statement="s") + execute() + SYNC)
            assert first_column(client.read_until_ready()) == [str(number + 1)]
        elif what == "settings":
            said = client.query("select current_setting('app.tenant', true)")
            assert first_column(said) == [f"tenant {number}"]
        else:
            client.query("select 1")

    asks = [lambda number=number: ask(number) for number in range(3)] * 10
    trips_of(relay, asks[:6])  # values and statements that the backend has never had
    assert trips_of(relay, asks) == len(asks)


@pytest.mark.usefixtures("needs_sharing")
def test_a_role_is_waited_for(postgres, relay, proxy, io):
    """… and taken off again for the next client, which must not run anything as somebody else."""
    run(postgres.connect(), f"create role carried_{io}; grant carried_{io} to app")
    clients = [proxy.raw() for _ in range(2)]
    clients[0].query(f"set role carried_{io}")
    asks = [lambda each=each: each.query("select 1") for each in clients] * 5
    trips_of(relay, asks)
    assert trips_of(relay, asks) == 2 * len(asks)
    assert first_column(clients[0].query("select current_user")) == [f"carried_{io}"]
