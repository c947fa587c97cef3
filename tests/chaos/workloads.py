"""What clients do through pgballast, and how it is judged on a direct connection.

Each remembers what it was told of every write: acknowledged, unknown (08007, or an end
without a word), or an error, which promises that nothing of it was done.
"""

import random
from collections import Counter
from typing import Any, Dict, Iterable, List, Optional

from queries import rows, value
from sessions import Lost

ACCOUNTS, MONEY = 20, 1000
LISTS = 500

TABLES = f"""
    create table inserts (id bigint);
    create table counter (n bigint);
    insert into counter values (0);
    create table accounts (id int primary key, balance bigint);
    insert into accounts select id, {MONEY} from generate_series(1, {ACCOUNTS}) id;
    create table lists (id int primary key, items bigint[] not null default '{{}}');
    insert into lists select id from generate_series(1, {LISTS}) id;
"""


class Violation(Exception):
    """What must never be seen."""


class Told:
    """What a client was told of its writes, each a number of its own. One that is in neither
    list was answered by an error, 40001 in most cases, or never sent: it must be absent."""

    def __init__(self) -> None:
        self.acknowledged: List[int] = []
        self.unknown: List[int] = []
        # Of those outside a block: how many there were, and how many saw an error of any kind.
        self.alone = self.alone_failed = 0

    def settle(self, writes: Iterable[int], error: Optional[Lost]) -> None:
        if error is None:
            self.acknowledged += writes
        elif error.may_have_run:
            self.unknown += writes

    def settle_alone(self, write: int, error: Optional[Lost]) -> None:
        """A statement outside a block."""
        self.alone += 1
        self.alone_failed += error is not None
        self.settle([write], error)


class Workload:
    """The steps of one client. `number` is unique among all; a step takes a session."""

    def __init__(self, number: int, seed: int) -> None:
        self.dice = random.Random(f"{seed} {type(self).__name__} {number}")
        self.told = Told()
        self._next_write = number * 10**9

    def new_write(self) -> int:
        self._next_write += 1
        return self._next_write

    def step(self, session: Any) -> None:
        raise NotImplementedError

    def in_block(self, session: Any, writes: List[int], texts: List[str]) -> None:
        """All texts in one transaction. Only a COMMIT that was sent can have been done."""
        for text in ["begin", *texts]:
            session.run(text)
        try:
            session.run("commit")
        except Lost as error:
            self.told.settle(writes, error)
            raise
        self.told.settle(writes, None)

    def alone(self, session: Any, write: int, text: str) -> None:
        """The text that does the write, outside a block."""
        try:
            session.run(text)
        except Lost as error:
            self.told.settle_alone(write, error)
            raise
        self.told.settle_alone(write, None)


class Inserts(Workload):
    """Into a table without a unique index: nothing but pgballast keeps them from being
    doubled."""

    def step(self, session: Any) -> None:
        writes = [self.new_write() for _ in range(self.dice.randint(1, 5))]
        texts = [f"insert into inserts values ({write})" for write in writes]
        kind = self.dice.random()
        if kind < 0.2:
            self.in_block(session, writes, texts)
            return
        if kind < 0.4:
            self.nested(session, writes, texts)
            return
        outcomes = session.run_all(texts)
        for write, error in zip(writes, outcomes):
            self.told.settle_alone(write, error)
        for error in filter(None, outcomes):
            raise error

    def nested(self, session: Any, writes: List[int], texts: List[str]) -> None:
        """As frameworks do it."""
        try:
            self.in_block(session, writes, ["savepoint here", *texts, "release here"])
        except Lost as error:
            if error.sqlstate == "40001" and session.in_block:
                self.go_on_in_vain(session)
            raise

    def go_on_in_vain(self, session: Any) -> None:
        """Takes the loss of the block for a failure of the inner transaction. Whoever takes
        ROLLBACK TO for ROLLBACK lets the rest be written outside of any."""
        lost = f"insert into inserts values ({self.new_write()})"
        for text in ["rollback to savepoint here", lost, "release here"]:
            try:
                session.run(text)
            except Lost as error:
                if error.sqlstate == "25P02":
                    continue
                raise
            raise Violation(f"{text} was done in a block that is lost")

    @staticmethod
    def judge(server: Any, clients: List[Workload]) -> None:
        counts = {id: count for id, count in rows(
            server, "select id, count(*) from inserts group by id")}  # fmt: skip
        check_each_once("insert", counts, clients)


class Counting(Workload):
    def step(self, session: Any) -> None:
        write = self.new_write()
        text = "update counter set n = n + 1"
        if self.dice.random() < 0.3:
            self.in_block(session, [write], [text])
        else:
            self.alone(session, write, text)

    @staticmethod
    def judge(server: Any, clients: List[Workload]) -> None:
        n = value(server, "select n from counter")
        least = sum(len(client.told.acknowledged) for client in clients)
        most = least + sum(len(client.told.unknown) for client in clients)
        if not least <= n <= most:
            raise Violation(f"the counter is {n}, and should be {least} to {most}")


class Bank(Workload):
    """Moves money, and looks whether all of it is there."""

    def step(self, session: Any) -> None:
        if self.dice.random() < 0.3:
            check_money(int(session.run("select sum(balance)::bigint from accounts")[0][0]))
            return
        first, second = sorted(self.dice.sample(range(1, ACCOUNTS + 1), 2))  # no deadlocks
        amount = self.dice.randint(-50, 50)
        move = "update accounts set balance = balance + {} where id = {}"
        texts = [move.format(amount, first), move.format(-amount, second)]
        self.in_block(session, [self.new_write()], texts)

    @staticmethod
    def judge(server: Any, clients: List[Workload]) -> None:
        check_money(int(value(server, "select sum(balance)::bigint from accounts")))


class Appends(Workload):
    """To lists that are rewritten each time: a stale one would lose what others appended."""

    def step(self, session: Any) -> None:
        write, list_id = self.new_write(), self.dice.randint(1, LISTS)
        text = f"update lists set items = items || {write}::bigint where id = {list_id}"
        self.alone(session, write, text)

    @staticmethod
    def judge(server: Any, clients: List[Workload]) -> None:
        lists = [items for (items,) in rows(server, "select items from lists")]
        check_each_once("append", Counter(item for items in lists for item in items), clients)
        acknowledged = {write for client in clients for write in client.told.acknowledged}
        for items in lists:
            check_order([item for item in items if item in acknowledged])


def check_money(total: int) -> None:
    if total != ACCOUNTS * MONEY:
        raise Violation(f"there is {total} money, and should be {ACCOUNTS * MONEY}")


def check_order(items: List[int]) -> None:
    """Each client waited for the answer to one before it appended the next."""
    last: Dict[int, int] = {}
    for item in items:
        client = item // 10**9
        if item < last.get(client, 0):
            raise Violation(f"{item} was appended after {last[client]}")
        last[client] = item


def check_each_once(what: str, counts: Dict[int, int], clients: List[Workload]) -> None:
    unknown = {write for client in clients for write in client.told.unknown}
    acknowledged = {write for client in clients for write in client.told.acknowledged}
    for write, count in counts.items():
        if count > 1:
            raise Violation(f"{what} {write} is there {count} times")
        if write not in acknowledged and write not in unknown:
            raise Violation(f"{what} {write} was answered by an error, or not sent, and is there")
    for write in acknowledged - counts.keys():
        raise Violation(f"{what} {write} was acknowledged and is lost")
