"""A client of pgballast and a direct connection that do the same, and must be told the same.

    twins = Twins(proxy, mirrored(postgres, "create table t (x int)"))
    twins.query("set work_mem to '9MB'")
    twins.check()

The direct one works on a mirror, a second database, so that their tables, sequences and
advisory locks do not meet.
"""

import re
import struct
from typing import Callable, Dict, List, Sequence, Tuple, Union

from plainclient import PlainClient, query
from postgres import DATABASE, Postgres
from queries import rows, run
from rawclient import Message

MIRROR = "mirror"

# All there is, but what must differ: plpgsql's are there once a backend has run some of it,
# for whomever; a custom setting is empty instead of unknown once its backend has known it.
SETTINGS = "select name, setting from pg_settings where name not like 'plpgsql.%' order by name"
IDENTITY = """select current_user, session_user, current_schemas(true)::text,
    coalesce(current_setting('app.tenant', true), ''),
    coalesce(current_setting('app.user_id', true), '')"""

# A simple query, messages of the extended protocol, or something else to be done.
Step = Union[str, bytes, Callable[[], object]]


class Differ(AssertionError):
    """Twins were told different things."""


def mirrored(postgres: Postgres, *setup: str) -> Postgres:
    """Runs the texts in the database and in its mirror, as the superuser."""
    server = postgres.connect()
    if not rows(server, f"select from pg_database where datname = '{MIRROR}'"):
        run(server, f"create database {MIRROR} owner app")
    server.close()
    for dbname in [DATABASE, MIRROR]:
        server = postgres.connect(dbname=dbname)
        for text in setup:
            run(server, text)
        server.close()
    return postgres


class Twins:
    """`parameters` are those of the startup packet."""

    def __init__(self, proxy, postgres: Postgres, password: str = "", **parameters: str) -> None:
        parameters.setdefault("user", proxy.upstream["user"])
        password = password or proxy.upstream["password"]
        parameters["database"] = MIRROR
        self.direct = _Listener(PlainClient(postgres.port), password, parameters)
        parameters["database"] = proxy.upstream["dbname"]
        self.client = _Listener(PlainClient(proxy.port), password, parameters)
        self._compare("login", [], [])

    def query(self, text: str) -> List[Message]:
        return self.ask(query(text))

    def ask(self, octets: bytes) -> List[Message]:
        """Sends that, and compares all that answers it."""
        return self.ask_apart(octets, octets)

    def ask_apart(self, to_client: bytes, to_direct: bytes) -> List[Message]:
        """Where what is sent has to differ: names that a whole cluster shares."""
        heard = self.client.ask(to_client)
        expected = self.direct.ask(to_direct)
        self._compare(to_client, heard, expected)
        return heard

    def check(self) -> None:
        """Their sessions are alike."""
        self.query(IDENTITY)
        self.query(SETTINGS)

    def do(self, step: Step) -> None:
        if isinstance(step, str):
            self.query(step)
        elif isinstance(step, bytes):
            self.ask(step)
        else:
            step()

    def close(self) -> None:
        self.client.connection.close()
        self.direct.connection.close()

    def _compare(self, asked: object, heard: List[Message], expected: List[Message]) -> None:
        one, other = [list(map(essence, each)) for each in (heard, expected)]
        for told, should in zip(one, other):
            if told != should:
                raise Differ(f"after {asked!r}\ntold   {told}\ninstead of {should}")
        if len(one) != len(other):
            raise Differ(f"after {asked!r}\ntold   {one}\ninstead of {other}")
        if self.client.parameters != self.direct.parameters:
            raise Differ(
                f"after {asked!r}\nparameters {self.client.parameters}"
                f"\ninstead of {self.direct.parameters}"
            )


def take_turns(*scripts: Tuple[Twins, Sequence[Step]]) -> None:
    """Each does one of its steps and looks around, then the next one its. Who has done all
    begins anew, until the longest script is done."""
    for turn in range(max(len(steps) for _, steps in scripts)):
        for twins, steps in scripts:
            twins.do(steps[turn % len(steps)])
        for twins, _ in scripts:
            twins.check()


# Whoever does these steps leaves a backend as different as can be.
SOIL: List[Step] = [
    "set timezone to 'America/New_York'; set datestyle to 'German, DMY'; set work_mem to '11MB';"
    " set search_path to soil, public; set app.tenant to 'soil'; set statement_timeout to '59s'",
    "set application_name to 'soil'; set intervalstyle to iso_8601; set role soil",
    "select public.become('soiled'); set client_encoding to 'latin1'",
    "set standard_conforming_strings to off; set bytea_output to escape",
    "reset all",
    "set session characteristics as transaction read only, isolation level serializable",
    "discard all",
]
SOIL_SETUP = """
    do $$ begin
        if not exists (select from pg_roles where rolname = 'soil') then
            create role soil;
            grant soil to app;
        end if;
    end $$;
    create or replace function public.become(name text) returns void language plpgsql as
        $$ begin perform set_config('app.tenant', name, false); end $$;
"""


class _Listener:
    """Keeps the parameters as it is told them."""

    def __init__(self, connection: PlainClient, password: str, parameters: Dict[str, str]) -> None:
        self.connection = connection
        self.parameters: Dict[str, str] = {}
        self._note(connection.log_in(password, **parameters))

    def ask(self, octets: bytes) -> List[Message]:
        self.connection.send(octets)
        return self.read(answers_to(octets))

    def read(self, answers: int) -> List[Message]:
        """Up to that many times ReadyForQuery, or the end of the connection."""
        messages: List[Message] = []
        while answers and not self.connection.end:
            try:
                messages.append(self.connection.read())
            except EOFError:
                return [*messages, Message("", b"the end")]
            answers -= messages[-1].type == "Z"
        return self._note(messages)

    def _note(self, messages: List[Message]) -> List[Message]:
        for each in messages:
            if each.type == "S":
                name, setting = each.body[:-1].decode().split("\0")
                self.parameters[name] = setting
        return [each for each in messages if each.type != "S"]


def answers_to(octets: bytes) -> int:
    """How many times ReadyForQuery: once for each Query, FunctionCall and Sync."""
    at, count = 0, 0
    while at < len(octets):
        count += octets[at : at + 1] in (b"Q", b"F", b"S")
        at += 1 + struct.unpack_from("!i", octets, at + 1)[0]
    return count


def essence(said: Message) -> tuple:
    """What must be the same of it."""
    if said.type == "A":
        return said.type, said.body[4:]  # without the process id
    if said.type in "EN":
        return said.type, sorted(said.fields().items())
    if said.type == "T":
        return said.type, described(said.body)
    if said.type == "D":
        return said.type, re.sub(rb"pg_temp_\d+|pg_toast_temp_\d+", b"pg_temp", said.body)
    return said.type, said.body


def described(body: bytes) -> List[Tuple[bytes, bytes]]:
    """The columns of a RowDescription, without the OIDs of their tables: name, and the rest."""
    columns, at = [], 2
    while at < len(body):
        end = body.index(b"\0", at)
        columns.append((body[at:end], body[end + 5 : end + 19]))
        at = end + 19
    return columns
