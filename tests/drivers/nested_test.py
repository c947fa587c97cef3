"""Nested transactions of Django and SQLAlchemy, whose inner ones are savepoints, over a backend
that is lost within them: nothing is written outside of a transaction, the application hears of
it once, as its framework's OperationalError, and goes on with the same connection.

Both send ROLLBACK TO SAVEPOINT when the inner one fails. Who takes that for ROLLBACK has left
the transaction that the framework is still in.
"""

import contextlib
import itertools
import threading
from typing import Any, Callable, Iterator, List

import pytest
from losing import MODES, Lock, asked, begin_anew, done, lose_idle, terminate
from neonsim import wait_until
from pgballast import Pgballast
from postgres import Postgres

django = pytest.importorskip("django")
sqlalchemy = pytest.importorskip("sqlalchemy")

import django.conf  # noqa: E402
import django.db  # noqa: E402
from django.db import transaction  # noqa: E402
from sqlalchemy import text  # noqa: E402

SETUP = """
    set role app;
    create table nested (n int);
    create table gate (n int);
    insert into gate values (9);
"""

# Where the backend is lost: behind the step of that name.
POINTS = ["outer", "savepoint", "first", "second", "released", "last"]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as made:
        done(made, SETUP)
        yield made


@pytest.fixture(params=MODES)
def proxy(request, postgres) -> Iterator[Pgballast]:
    begin_anew(postgres, "truncate nested")
    with Pgballast(postgres.dsn, mode=request.param, pool={"max": 2}, admin=True) as made:
        yield made


def written(postgres) -> List[int]:
    return [n for (n,) in asked(postgres, "select n from nested order by n")]


class Frame:
    """A framework's one connection, and its words for the same things."""

    def insert(self, n: int) -> None:
        self.run(f"insert into nested values ({n})")

    def run(self, words: str) -> None:
        raise NotImplementedError

    def outer(self) -> Any:
        raise NotImplementedError

    def inner(self) -> Any:
        raise NotImplementedError

    def socket(self) -> Any:
        """What must stay the same."""
        raise NotImplementedError


class Django(Frame):
    error = django.db.OperationalError
    other_errors = django.db.DatabaseError
    numbers = itertools.count()

    def __init__(self, proxy: Pgballast) -> None:
        if not django.conf.settings.configured:
            django.conf.settings.configure(DATABASES={}, USE_TZ=True)
        self.alias = f"nested {next(self.numbers)}"
        own = proxy.upstream
        django.db.connections.databases[self.alias] = {
            "ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": proxy.port,
            "USER": own["user"], "PASSWORD": own["password"], "NAME": own["dbname"],
            "CONN_MAX_AGE": None,
        }  # fmt: skip
        self.connection = django.db.connections[self.alias]

    def run(self, words: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(words)

    def outer(self) -> Any:
        return transaction.atomic(using=self.alias)

    inner = outer

    def socket(self) -> Any:
        return self.connection.connection

    def close(self) -> None:
        self.connection.close()


class SqlAlchemy(Frame):
    error = sqlalchemy.exc.OperationalError
    other_errors = sqlalchemy.exc.DBAPIError

    def __init__(self, proxy: Pgballast) -> None:
        url = proxy.url().replace("postgresql:", "postgresql+psycopg2:")
        self.engine = sqlalchemy.create_engine(url, future=True, pool_size=1, max_overflow=0)
        self.connection = self.engine.connect()

    def run(self, words: str) -> None:
        self.connection.execute(text(words))

    def outer(self) -> Any:
        return self.connection.begin()

    def inner(self) -> Any:
        return self.connection.begin_nested()

    def socket(self) -> Any:
        return self.connection.connection.dbapi_connection

    def close(self) -> None:
        self.connection.close()
        self.engine.dispose()


@pytest.fixture(params=[Django, SqlAlchemy])
def frame(request, proxy) -> Iterator[Frame]:
    made = request.param(proxy)
    yield made
    made.close()


def play(frame: Frame, behind: Callable[[str], None]) -> None:
    """What an application does, and tells of each step when it is done."""
    with frame.outer():
        frame.insert(1)
        behind("outer")
        with frame.inner():
            behind("savepoint")
            frame.insert(2)
            behind("first")
            frame.insert(3)
            behind("second")
        behind("released")
        frame.insert(4)
        behind("last")


def told_of(error: BaseException) -> List[str]:
    """The SQLSTATEs of an error and of those that it came of, the first at the end."""
    codes = []
    while error is not None:
        code = getattr(error, "pgcode", None)
        if code:
            codes.append(code)
        error = error.__cause__ or error.__context__
    return codes


def check_goes_on(frame: Frame, postgres, socket: Any) -> None:
    """On the same connection, and of what was lost nothing is there."""
    assert written(postgres) == []
    with frame.outer():
        frame.insert(5)
        with frame.inner():
            frame.insert(6)
    assert frame.socket() is socket and not socket.closed
    assert written(postgres) == [5, 6]


def test_nothing_is_lost_where_nothing_is(frame, postgres):
    play(frame, lambda step: None)
    assert written(postgres) == [1, 2, 3, 4]


@pytest.mark.parametrize("point", POINTS)
def test_a_loss_is_told_once_and_nothing_is_written(frame, postgres, proxy, point):
    play(frame, lambda step: None)
    done(postgres, "truncate nested")
    socket = frame.socket()

    with pytest.raises(frame.other_errors) as told:
        play(frame, lambda step: step == point and lose_idle(postgres, proxy))
    assert told_of(told.value)[-1] == "40001"
    assert told_of(told.value).count("40001") == 1
    check_goes_on(frame, postgres, socket)


@pytest.mark.parametrize("point", POINTS)
def test_the_error_is_an_operational_one(postgres, proxy, point):
    """Of Django's; SQLAlchemy tells of the ROLLBACK TO that has failed in its course."""
    frame = Django(proxy)
    with pytest.raises(frame.error) as told:
        play(frame, lambda step: step == point and lose_idle(postgres, proxy))
    assert told.value.__cause__.pgcode == "40001"
    frame.close()


@pytest.mark.parametrize("point", ["savepoint", "first", "second"])
def test_an_application_that_goes_on_behind_the_inner_one_writes_nothing(
    frame, postgres, proxy, point
):
    """It takes the inner failure for its own, as one would a unique violation, and writes more.
    In the lost transaction that fails; outside of it, it would be there."""
    play(frame, lambda step: None)
    done(postgres, "truncate nested")
    socket = frame.socket()

    with contextlib.suppress(Exception):  # each framework has its own way to say no
        with frame.outer():
            frame.insert(1)
            with contextlib.suppress(frame.other_errors):
                with frame.inner():
                    frame.insert(2)
                    if point != "savepoint":
                        frame.insert(3)
                    lose_idle(postgres, proxy)
                    if point != "second":
                        frame.insert(4)
            for n in [7, 8]:
                with contextlib.suppress(Exception):
                    frame.insert(n)
    check_goes_on(frame, postgres, socket)


def test_an_application_that_nests_once_more_behind_the_inner_one_writes_nothing(
    frame, postgres, proxy
):
    socket_before = []
    with contextlib.suppress(Exception):
        with frame.outer():
            frame.insert(1)
            socket_before.append(frame.socket())
            for n in [2, 3, 4]:
                with contextlib.suppress(Exception):
                    with frame.inner():
                        if n == 2:
                            lose_idle(postgres, proxy)
                        frame.insert(n)
    check_goes_on(frame, postgres, socket_before[0])


def test_a_loss_in_the_middle_of_an_inner_statement_is_told_once(frame, postgres):
    play(frame, lambda step: None)
    done(postgres, "truncate nested")
    socket = frame.socket()

    with pytest.raises(frame.other_errors) as told:
        with frame.outer():
            frame.insert(1)
            with frame.inner():
                frame.insert(2)
                with lost_while_it_waits(postgres):
                    frame.run("insert into nested select n from gate")
    assert told_of(told.value)[-1] == "40001"
    check_goes_on(frame, postgres, socket)


@contextlib.contextmanager
def lost_while_it_waits(postgres) -> Iterator[None]:
    """Whoever waits for the table `gate`."""
    lock = Lock(postgres, "lock table gate")
    waits = "select pid from pg_stat_activity where wait_event_type = 'Lock'"

    def end() -> None:
        wait_until(lambda: asked(postgres, waits))
        ((pid,),) = asked(postgres, waits)
        terminate(postgres, pid)
        lock.release()

    ending = threading.Thread(target=end)
    ending.start()
    try:
        yield
    finally:
        ending.join()
