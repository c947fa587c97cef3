"""Random walks over everything that changes a session. After each step a client asks what
its session looks like, and it must be what its own steps have made of it: nothing lost,
nothing of another client's.

What a mode does not promise is left out of the walk: `transaction` keeps what the server
reports, and no more; `auto` keeps all, but lists prepared statements as it likes.
"""

import collections
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

from sessions import Lost
from workloads import Violation, Workload

SETUP = """
    create role walker;
    grant walker to app;
    create sequence walked;
    grant usage on sequence walked to walker;
    create function set_tenant(name text) returns void language plpgsql as
        $$ begin perform set_config('app.' || 'tenant', name, false); end $$;
    create function be_tenant(name text) returns void language plpgsql as
        $$ begin perform set_config('app.tenant', name, false); end $$;
"""

# What is looked at, in the order of LOOK.
NAMES = [
    "timezone", "datestyle", "application_name", "work_mem", "search_path", "tenant", "role",
    "prepared", "temporary", "locks", "cursors", "channels",
]  # fmt: skip

# None where there is nothing.
State = Dict[str, Optional[str]]

REPORTED = ["timezone", "datestyle", "application_name"]

LOOK = """select current_setting('timezone'), current_setting('datestyle'),
    current_setting('application_name'), current_setting('work_mem'),
    current_setting('search_path'), coalesce(current_setting('app.tenant', true), ''),
    current_user::text,
    (select string_agg(name, ',' order by name) from pg_prepared_statements),
    (select string_agg(relname, ',') from pg_class
        where relnamespace = pg_my_temp_schema() and relkind = 'r'),
    (select string_agg(objid::text, ',' order by objid) from pg_locks
        where locktype = 'advisory' and pid = pg_backend_pid()),
    (select string_agg(name, ',') from pg_cursors where is_holdable),
    (select string_agg(name, ',') from pg_listening_channels() name)"""


def look(session: Any) -> State:
    return dict(zip(NAMES, session.run(LOOK)[0]))


class Walk(Workload):
    """Ends its session after some steps and begins anew, so that backends change hands."""

    STEPS_A_SESSION = 12
    watched = NAMES

    # Where somebody reads currval, all who insert are pinned: 57P01 for them, too, in the end.
    draws = True

    def __init__(self, number: int, seed: int, fresh: State) -> None:
        """`fresh`: how a new session looks, on a direct connection."""
        super().__init__(number, seed)
        self.number = number
        self.fresh = fresh
        self.session: Any = None
        # Values of steps whose outcome is unknown, since the session was last looked at.
        self.doubts: List[Tuple[str, str]] = []
        self.history: Deque[str] = collections.deque(maxlen=12)

    def step(self, session: Any) -> None:
        if session is not self.session:
            self.session, self.steps, self.state = session, 0, dict(self.fresh)
            self.doubts.clear()
            self.check()
        moves = [move for move in self.moves() if self.draws or move != self.draw_number]
        self.dice.choice(moves)()
        self.check()
        self.steps += 1
        if self.steps >= self.STEPS_A_SESSION:
            session.close()

    def moves(self) -> List[Callable[[], None]]:
        return [
            *self.reported_moves(), self.set_work_mem, self.set_search_path, self.set_tenant,
            self.set_role, self.prepare, self.make_table, self.lock, self.open_cursor,
            self.listen, self.draw_number, self.reset,
        ]  # fmt: skip

    def reported_moves(self) -> List[Callable[[], None]]:
        return [self.set_timezone, self.set_datestyle, self.set_name]

    def check(self) -> None:
        seen = look(self.session)
        for name, value in self.doubts:
            if seen[name] == value:
                self.state[name] = value
        self.doubts.clear()
        for name in self.watched:
            if seen[name] != self.state[name]:
                raise Violation(
                    f"walker {self.number}: {name} is {seen[name]!r}"
                    f" and should be {self.state[name]!r} after {list(self.history)}"
                )

    # Moves. Each changes the state that is expected once the server has agreed.

    def _set(self, name: str, text: str, value: str) -> None:
        self.history.append(text)
        try:
            self.session.run(text)
        except Lost as error:
            self.history.append(str(error.sqlstate))
            self.doubts.append((name, value))
            raise
        self.state[name] = value
        self.doubts = [doubt for doubt in self.doubts if doubt[0] != name]

    def _add(self, name: str, text: str, value: str) -> None:
        before = self.state[name]
        all_of_them = sorted([*before.split(","), value]) if before else [value]
        self._set(name, text, ",".join(all_of_them))

    def set_timezone(self) -> None:
        zone = self.dice.choice(["UTC", "CET", "Asia/Tokyo"])
        self._set("timezone", f"set timezone = '{zone}'", zone)

    def set_datestyle(self) -> None:
        style = self.dice.choice(["ISO, DMY", "SQL, MDY", "German, DMY"])
        self._set("datestyle", f"set datestyle = {style}", style)

    def set_name(self) -> None:
        name = f"walker {self.number} {self.dice.randint(0, 99)}"
        self._set("application_name", f"set application_name = '{name}'", name)

    def set_work_mem(self) -> None:
        size = f"{self.dice.randint(5, 99)}MB"
        self._set("work_mem", f"set work_mem = '{size}'", size)

    def set_search_path(self) -> None:
        path = f"walker_{self.number}"
        self._set("search_path", f"set search_path = {path}, public", f"{path}, public")

    def set_tenant(self) -> None:
        """Through a function: nothing of it stands in the text."""
        tenant = f"{self.number}/{self.dice.randint(0, 99)}"
        self._set("tenant", f"select public.set_tenant('{tenant}')", tenant)

    def set_role(self) -> None:
        role = self.dice.choice(["walker", "app"])
        self._set("role", f"set role {role}", role)

    def reset(self) -> None:
        name = self.dice.choice(["timezone", "datestyle", "work_mem", "search_path"])
        self._set(name, f"reset {name}", self.fresh[name])

    def prepare(self) -> None:
        """Names are few, so that clients take the same for different things."""
        name = self.dice.choice(["p1", "p2"])
        if name not in (self.state["prepared"] or ""):
            self._add("prepared", f"prepare {name} as select {self.number}", name)
        if self.session.run(f"execute {name}") != [(str(self.number),)]:
            raise Violation(f"walker {self.number}: {name} is another client's statement")

    def make_table(self) -> None:
        if self.state["temporary"] or self.state["role"] != "app":
            return
        text = f"create temp table mine as select {self.number} as number"
        self._set("temporary", text, "mine")
        if self.session.run("select number from mine") != [(str(self.number),)]:
            raise Violation(f"walker {self.number}: sees another client's table")

    def lock(self) -> None:
        if not self.state["locks"]:
            self._set("locks", f"select pg_advisory_lock({self.number})", str(self.number))

    def open_cursor(self) -> None:
        if not self.state["cursors"]:
            text = "declare held cursor with hold for select generate_series(1, 3)"
            self._set("cursors", text, "held")

    def listen(self) -> None:
        channel = f"of_{self.number}"
        self._set("channels", f"listen {channel}", channel)

    def draw_number(self) -> None:
        drawn = self.session.run("select nextval('public.walked')")
        if self.session.run("select currval('public.walked')") != drawn:
            raise Violation(f"walker {self.number}: currval is another client's")

    @staticmethod
    def judge(server: Any, clients: List[Workload]) -> None:
        """All was judged on the way."""


class ReportedWalk(Walk):
    """As far as `transaction` mode promises."""

    watched = REPORTED

    def moves(self) -> List[Callable[[], None]]:
        return self.reported_moves()


class SharedWalk(Walk):
    """On backends that change hands within a session, as in mode `auto`. Most sessions do
    nothing that would keep one."""

    watched = [name for name in NAMES if name != "prepared"]

    def step(self, session: Any) -> None:
        if session is not self.session:
            self.keeps_its_backend = self.dice.random() < 0.3
        super().step(session)

    def moves(self) -> List[Callable[[], None]]:
        if self.keeps_its_backend:
            return super().moves()
        return [
            *self.reported_moves(), self.set_work_mem, self.set_search_path, self.be_tenant,
            self.set_tenant_with_text, self.set_role, self.prepare, self.draw_number, self.reset,
            self.rest, self.rest,
        ]  # fmt: skip

    def be_tenant(self) -> None:
        """Through a function whose body says which setting it sets."""
        tenant = f"{self.number}/{self.dice.randint(0, 99)}"
        self._set("tenant", f"select public.be_tenant('{tenant}')", tenant)

    def set_tenant_with_text(self) -> None:
        tenant = f"{self.number}/{self.dice.randint(0, 99)}"
        text = self.dice.choice(
            ["select set_config('app.tenant', '{}', false)", "set app.tenant to '{}'"]
        )
        self._set("tenant", text.format(tenant), tenant)

    def draw_number(self) -> None:
        """Who has not asked for one before is told that there is none, never another's."""
        both = "select nextval('public.walked'); select currval('public.walked')"
        drawn, current = self.session.run(both)
        try:
            later = self.session.run("select currval('public.walked')")[0]
        except Lost as error:
            if error.sqlstate != "55000":
                raise
            later = drawn
        if not drawn == current == later:
            raise Violation(f"walker {self.number}: currval is another client's")

    def rest(self) -> None:
        """Looks around, which others may use to take its backend."""
