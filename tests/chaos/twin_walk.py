"""Random walks of a client through pgballast and of its twin on a direct connection: both do
the same, and must be told the same and find their sessions alike.

The twin works on a mirror, a database of its own, so that their sequences, locks and tables
do not meet; walkers do not meet either, for each has a schema.
"""

import collections
from typing import Any, Callable, Deque, List, Tuple, Union

from sessions import Lost, Row, SimpleSession
from walk import LOOK, NAMES
from workloads import Violation, Workload

# Those of plpgsql are there once a backend has run some of it, for whomever.
SETTINGS = "select name, setting from pg_settings where name not like 'plpgsql.%' order by name"


def setup_of(number: int) -> str:
    """What a walker finds, in the database and in the mirror."""
    return f"""
        create schema walk_{number} authorization app;
        set role app;
        create table walk_{number}.kept (id serial, number int);
        create table walk_{number}.owned as select 'of {number}' as whose;
        create function walk_{number}.whoami() returns text language sql as
            $$ select '{number}' $$;
        create function walk_{number}.on_insert() returns trigger language plpgsql as
            $$ begin perform set_config('app.tenant', 'row ' || new.number, false); return new; end $$;
        create trigger on_insert before insert on walk_{number}.kept for each row
            when (new.number % 3 = 0) execute function walk_{number}.on_insert();
        grant usage on schema walk_{number} to walker;
        reset role;
    """


STARTUPS = [
    "", "-c search_path=public", "-c work_mem=6MB -c app.tenant=born", "-c timezone=Asia/Tokyo",
    "-c datestyle=German -c statement_timeout=60s",
]  # fmt: skip

# Sessions of one kind keep their backend; the others pass theirs on.
KEEPS_BACKEND = 0.25


class TwinWalk(Workload):
    def __init__(self, number: int, seed: int, url: str, mirror_url: str) -> None:
        super().__init__(number, seed)
        self.number = number
        self.urls = url, mirror_url
        self.history: Deque[str] = collections.deque(maxlen=20)

    def connect(self) -> SimpleSession:
        """A session that begins as its twin does."""
        startup = self.dice.choice(STARTUPS)
        encoded = startup.replace(" ", "%20").replace("=", "%3D")
        session, self.twin = [SimpleSession(f"{url}?options={encoded}") for url in self.urls]
        self.history.append(f"(connected with {startup!r})")
        self.keeps_backend = self.dice.random() < KEEPS_BACKEND
        self.steps_left = self.dice.randint(5, 60)
        return session

    def step(self, session: SimpleSession) -> None:
        self.session = session
        self.dice.choice(self.moves())()
        self.look()
        self.steps_left -= 1
        if self.steps_left <= 0:
            session.close()
            self.twin.close()

    # What is compared.

    def both(self, how: Union[str, Callable[[SimpleSession], List[Row]]], shown: str = "") -> None:
        """Lets both run a text, or do something else that `shown` tells."""
        if isinstance(how, str):
            text = shown = how
            how = lambda session: session.run(text)  # noqa: E731
        self.history.append(shown)
        heard, expected = outcome(self.session, how), outcome(self.twin, how)
        if heard != expected:
            raise Violation(
                f"walker {self.number}: {shown!r} gave {differing(heard, expected)}"
                f" after {list(self.history)}"
            )

    def look(self) -> None:
        for text, shown in [(WATCHED, "(look)"), (SETTINGS, "(settings)")]:
            self.both(lambda session, text=text: session.run(text), shown)
            self.history.pop()

    # Moves.

    def moves(self) -> List[Callable[[], None]]:
        common = [
            self.set_something, self.set_something, self.reset_something, self.set_tenant,
            self.set_tenant, self.set_role, self.fail, self.write, self.block, self.use_path,
            self.prepare_by_sql, self.prepare, self.prepare, self.freeze, self.several,
            self.rest, self.rest,
        ]  # fmt: skip
        keeping = [self.make_table, self.lock, self.open_cursor, self.listen, self.set_oddly]
        return [*common, *keeping] if self.keeps_backend else common

    def set_something(self) -> None:
        self.both(self.any_set())

    def any_set(self) -> str:
        name, settings = self.dice.choice(SETTABLE)
        return f"set {name} to {self.dice.choice(settings)}"

    def reset_something(self) -> None:
        names = [name for name, _ in SETTABLE]
        self.both(
            self.dice.choice(
                [f"reset {self.dice.choice(names)}", f"set {self.dice.choice(names)} to default",
                 "reset all", "discard all", "reset session authorization"]
            )
        )  # fmt: skip

    def tenant(self) -> str:
        return f"{self.number}/{self.dice.randint(0, 99)}"

    def set_tenant(self) -> None:
        tenant = self.tenant()
        texts = [
            f"set app.tenant to '{tenant}'", f"select set_config('app.tenant', '{tenant}', false)",
            f"select public.be_tenant('{tenant}')",
            f"do $$ begin perform set_config('app.tenant', '{tenant}', false); end $$",
            f"begin; set local app.tenant to '{tenant}'; commit",
            f"begin; select public.be_tenant('{tenant}'); rollback",
            f"select public.be_tenant('{tenant}') from generate_series(1, 0)",
        ]  # fmt: skip
        if self.dice.random() < 0.3:
            text = "select set_config('app.tenant', $1, false)"
            self.both(lambda session: session.run_with(text, tenant), text)
        else:
            self.both(self.dice.choice(texts))

    def set_role(self) -> None:
        role = self.dice.choice(["walker", "app", "none", "nosuch"])
        self.both(self.dice.choice([f"set role {role}", "reset role"]))

    def fail(self) -> None:
        self.both(
            self.dice.choice(
                ["select 1/0", "selec", "set nosuch to 1", "table nosuch", "set work_mem to 'x'",
                 "begin; select 1/0; commit", "vacuum nosuch", "rollback to nowhere"]
            )
        )  # fmt: skip
        self.both("rollback")

    def write(self) -> None:
        number = self.dice.randint(0, 99)
        text = f"insert into walk_{self.number}.kept (number) values ($1) returning id, number"
        if self.dice.random() < 0.5:
            self.both(text.replace("$1", str(number)))
        else:
            self.both(lambda session: session.run_with(text, str(number)), text)

    def use_path(self) -> None:
        """A name means what the search_path of its own client says."""
        self.both(f"set search_path to walk_{self.number}, public")
        self.both(lambda session: session.run_with("select whoami(), whose from owned"), "whoami()")

    def block(self) -> None:
        self.both("begin")
        for _ in range(self.dice.randint(1, 5)):
            self.both(
                self.dice.choice(
                    [self.any_set(), f"select public.be_tenant('{self.tenant()}')", "savepoint a",
                     "rollback to a", "release a", "select 1", "set local role walker",
                     "set local work_mem to '9MB'", "select 1/0", "set role walker",
                     f"insert into walk_{self.number}.kept (number) values (3)"]
                )
            )  # fmt: skip
        self.both(self.dice.choice(["commit", "rollback"]))

    def several(self) -> None:
        parts = [self.any_set(), "select 1", f"select public.be_tenant('{self.tenant()}')"]
        self.dice.shuffle(parts)
        ending = self.dice.choice(["", "; select 1/0", "; rollback"])
        self.both("; ".join(parts) + ending)

    def prepare_by_sql(self) -> None:
        """Names are few, so that clients take the same for different things."""
        name = self.dice.choice(["p1", "p2"])
        self.both(f"prepare {name} (int) as select $1 + {self.number}")
        self.both(f"execute {name} ({self.dice.randint(0, 9)})")
        if self.dice.random() < 0.3:
            self.both(self.dice.choice([f"deallocate {name}", "deallocate all", "discard plans"]))
        self.both(f"execute {name} (1)")

    def prepare(self) -> None:
        name = self.dice.choice(["s1", "s2", "s3"])
        text = self.dice.choice(
            ["select $1::int + 1", f"select $1::text || '{self.number}'", "select x from $1",
             "select current_user, $1::text", f"table walk_{self.number}.owned"]
        )  # fmt: skip
        if self.dice.random() < 0.6:
            self.both(lambda session: session.prepare(name, text), f"Parse {name} {text}")
        if self.dice.random() < 0.1:
            self.both(f"deallocate {name}")
        self.both(lambda session: session.run_prepared(name, "7"), f"Bind {name}")

    def freeze(self) -> None:
        """Parse makes a constant of the literal, by the time zone: the same text means what it
        does to this client only."""
        zone = self.dice.choice(["UTC", "CET", "Asia/Tokyo"])
        text = "select '2024-01-01'::timestamptz = '2024-01-01 00:00+00'::timestamptz, $1::text"
        self.both(f"set timezone to '{zone}'")
        self.both(lambda session: session.prepare("frozen", text), f"Parse frozen {text}")
        self.both(lambda session: session.run_prepared("frozen", "7"), "Bind frozen")
        self.both("deallocate frozen")

    def rest(self) -> None:
        """Nothing but a look."""

    # What keeps a backend.

    def make_table(self) -> None:
        self.both(f"create temp table mine as select {self.number} as number")
        self.both("select number from mine")
        if self.dice.random() < 0.3:
            self.both(self.dice.choice(["drop table mine", "discard temp"]))

    def lock(self) -> None:
        number = self.dice.randint(1, 3) + 10 * self.number
        self.both(self.dice.choice(LOCKS).format(number))

    def open_cursor(self) -> None:
        self.both(
            self.dice.choice(
                ["declare held cursor with hold for select * from generate_series(1, 9)",
                 "fetch 2 held", "close held", "close all"]
            )
        )  # fmt: skip

    def listen(self) -> None:
        channel = f"of_{self.number}"
        self.both(self.dice.choice([f"listen {channel}", f"unlisten {channel}", "unlisten *"]))

    def set_oddly(self) -> None:
        self.both(f"select public.set_tenant('{self.tenant()}')")

    @staticmethod
    def judge(server: Any, clients: List[Workload]) -> None:
        """All was judged on the way."""


SETTABLE = [
    ("timezone", ["'UTC'", "'CET'", "'Asia/Tokyo'", "'nosuch'"]),
    ("datestyle", ["ISO", "German", "'SQL, MDY'"]),
    ("application_name", ["'a'", "'it''s \\ \"quoted\"'", "''"]),
    ("work_mem", ["'5MB'", "'64kB'", "'x'"]),
    ("search_path", ["public", "nosuch, public", "'Odd, \"Name', public", "''"]),
    ("statement_timeout", ["'60s'", "0"]),
    ("app.tenant", ["'set'", "''", "'it''s'"]),
    ("client_encoding", ["'UTF8'", "'LATIN1'"]),
    ("standard_conforming_strings", ["on", "off"]),
    ("bytea_output", ["hex", "escape"]),
    ("default_transaction_isolation", ["'serializable'", "'read committed'"]),
    ("extra_float_digits", ["0", "3", "99"]),
    ("enable_seqscan", ["on", "off"]),
]  # fmt: skip
LOCKS = [
    "select pg_advisory_lock({})", "select pg_advisory_unlock({})",
    "select pg_try_advisory_lock_shared({})", "select pg_advisory_unlock_all()",
    "begin; select pg_advisory_xact_lock({}); commit",
]  # fmt: skip

# A backend lists prepared statements of others, too; they are judged when they are run.
WATCHED = LOOK.replace(
    "(select string_agg(name, ',' order by name) from pg_prepared_statements)", "'prepared'"
)
assert WATCHED != LOOK and "prepared" in NAMES


def outcome(session: SimpleSession, how: Callable[[SimpleSession], List[Row]]) -> Tuple[str, Any]:
    try:
        return "rows", how(session)
    except Lost as error:
        return "error", error.sqlstate


def differing(heard: Tuple[str, Any], expected: Tuple[str, Any]) -> str:
    """Only that of it which is not alike."""
    if heard[0] == expected[0] == "rows":
        ours, theirs = [[row for row in one[1] if row not in other[1]]
                        for one, other in [(heard, expected), (expected, heard)]]  # fmt: skip
        return f"{ours} instead of {theirs}"
    return f"{heard} instead of {expected}"
