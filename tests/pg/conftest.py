"""Fixtures of all tests against a real PostgreSQL."""

import os
from typing import Any, Callable, Iterator

import pytest
from authority import Authority
from losing import MODES
from neonsim import NeonSim
from pgballast import CannotServe, Pgballast
from postgres import Postgres
from relay import Relay
from unshared import Unshared


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


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[Postgres]:
    with Postgres() as postgres:
        yield postgres


@pytest.fixture
def postgres(shared_postgres: Postgres) -> Iterator[Postgres]:
    """An ordinary PostgreSQL that runs. One serves all tests of a run: tables outlive
    their test."""
    yield shared_postgres
    if shared_postgres.process is None:
        shared_postgres.start()


@pytest.fixture
def relay(postgres: Postgres) -> Iterator[Relay]:
    made = Relay(postgres.port)
    yield made
    made.end()


@pytest.fixture
def start_pgballast() -> Iterator[Callable[..., Pgballast]]:
    """Starts pgballasts as the test wants them; each must end well when the test ends."""
    started = []

    def start(*upstream: str, **options: Any) -> Pgballast:
        try:
            started.append(Pgballast(*upstream, **options))
        except CannotServe as error:
            if "io_uring cannot be used here" in str(error):
                pytest.skip(str(error).splitlines()[-1])
            raise
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture(params=MODES)
def mode(request: Any) -> str:
    return request.param


@pytest.fixture
def proxy(postgres: Postgres, start_pgballast: Callable[..., Pgballast], mode: str, io: str) -> Pgballast:
    return start_pgballast(postgres.dsn, mode=mode, io=io, pool={"max": 2}, admin=True)


@pytest.fixture
def cuttable(
    postgres: Postgres, relay: Relay, start_pgballast: Callable[..., Pgballast], mode: str, io: str
) -> Pgballast:
    """One whose connections `relay` can cut."""
    dsn = relay.dsn_of(postgres.dsn)
    return start_pgballast(dsn, mode=mode, io=io, pool={"max": 2}, admin=True)


# Tests of clients that share backends can themselves be tested: with this set, each client
# connects to PostgreSQL itself, and what they ask for must hold all the same.
UNSHARED = bool(os.environ.get("PGBALLAST_UNSHARED"))


@pytest.fixture
def start_shared(start_pgballast, postgres) -> Callable[..., Pgballast]:
    """Starts pgballasts whose clients share `max` backends."""

    def start(most: int = 1, mode: str = "auto", **options: Any) -> Pgballast:
        upstream = options.pop("upstream", postgres.dsn)
        if UNSHARED:
            return Unshared(upstream)
        options.setdefault("retry", {"wait_timeout": "20s"})
        return start_pgballast(upstream, mode=mode, pool={"max": most}, **options)

    return start


@pytest.fixture
def needs_sharing() -> None:
    """For what cannot be seen where each client has a backend of its own."""
    if UNSHARED:
        pytest.skip("each client has a backend of its own")


@pytest.fixture(params=["epoll", "io_uring"])
def io(request: pytest.FixtureRequest) -> str:
    """Both engines, one after the other, for what the data plane does."""
    return request.param


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.issue("localhost", "server")
    made.issue("app", "client")
    made.issue("somebody", "stranger")
    return made
