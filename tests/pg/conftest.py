"""Fixtures of all tests against a real PostgreSQL."""

from typing import Any, Callable, Iterator

import pytest
from neonsim import NeonSim


@pytest.fixture
def start_neonsim() -> Iterator[Callable[..., NeonSim]]:
    """Starts neonsims with options of the test's choice; they end with the test."""
    started = []

    def start(**options: Any) -> NeonSim:
        started.append(NeonSim(**options))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture(scope="session")
def shared_neonsim() -> Iterator[NeonSim]:
    with NeonSim(wake=100) as neonsim:
        yield neonsim


@pytest.fixture
def neonsim(shared_neonsim: NeonSim) -> Iterator[NeonSim]:
    """A Neon that sleeps, and is awake 100 ms after it is asked for. One serves all tests
    of a run, for starting takes longer than most of them: tables outlive their test."""
    yield shared_neonsim
    shared_neonsim.reset()
