"""One client's connection, the same for every driver: what it ran was acknowledged, or
`Lost` says what it was told.

    session = SimpleSession(url)
    session.run("insert into inserts values (7)")
"""

import asyncio
from typing import Any, List, Optional, Sequence, Tuple

import asyncpg
import psycopg

OUTCOME_UNKNOWN = "08007"  # transaction_resolution_unknown

# Nobody waits longer for an answer: a client that does is stuck.
PATIENCE_S = 30


# Whatever their type, values are what the server writes.
Row = Tuple[Optional[str], ...]


class Lost(Exception):
    """An error. `sqlstate` is None where the connection ended without one."""

    def __init__(self, sqlstate: Optional[str], message: str) -> None:
        super().__init__(f"{sqlstate}: {message}")
        self.sqlstate = sqlstate
        self.message = message

    @property
    def may_have_run(self) -> bool:
        return self.sqlstate in (None, OUTCOME_UNKNOWN)


class Stuck(Exception):
    """There was no answer at all."""


class SimpleSession:
    """libpq, the simple protocol. It is asked for every result: of those that PQexec would
    merge into one, drivers lose the SQLSTATE of an error that ends the connection."""

    def __init__(self, url: str) -> None:
        parameter = f"{'&' if '?' in url else '?'}connect_timeout={PATIENCE_S}"
        self._libpq = psycopg.pq.PGconn.connect(f"{url}{parameter}".encode())
        if self.closed:
            raise Lost(None, self._libpq.error_message.decode(errors="replace"))

    @property
    def closed(self) -> bool:
        return self._libpq.status != psycopg.pq.ConnStatus.OK

    @property
    def in_block(self) -> bool:
        """As the last ReadyForQuery said."""
        return self._libpq.transaction_status != psycopg.pq.TransactionStatus.IDLE

    @property
    def in_failed_block(self) -> bool:
        return self._libpq.transaction_status == psycopg.pq.TransactionStatus.INERROR

    def run(self, text: str) -> List[Row]:
        self._send(self._libpq.send_query, text.encode())
        return self._answer()

    # The extended protocol, one request at a time.

    def run_with(self, text: str, *values: str) -> List[Row]:
        self._send(self._libpq.send_query_params, text.encode(), _encoded(values))
        return self._answer()

    def prepare(self, name: str, text: str) -> List[Row]:
        self._send(self._libpq.send_prepare, name.encode(), text.encode())
        return self._answer()

    def run_prepared(self, name: str, *values: str) -> List[Row]:
        self._send(self._libpq.send_query_prepared, name.encode(), _encoded(values))
        return self._answer()

    def _answer(self) -> List[Row]:
        error: Optional[Lost] = None
        found: List[Row] = []
        while result := self._libpq.get_result():
            error = error or _error_in(result)
            found += _rows_of(result)
        if error:
            raise error
        return found

    def run_all(self, texts: Sequence[str]) -> List[Optional[Lost]]:
        """One after the other, until one fails; the error of each, or None."""
        return _one_by_one(self, texts)

    def close(self) -> None:
        self._libpq.finish()

    def _send(self, how: Any, *arguments: Any) -> None:
        try:
            how(*arguments)
        except psycopg.Error as error:
            raise Lost(None, str(error)) from None


class PipelinedSession(SimpleSession):
    """libpq's pipeline mode: `run_all` sends everything, a Sync behind each, and then
    listens."""

    def run_all(self, texts: Sequence[str]) -> List[Optional[Lost]]:
        """The error of each, or None. What ends the connection is the error of all behind."""
        outcomes: List[Optional[Lost]] = []
        try:
            self._send(self._libpq.enter_pipeline_mode)
            for text in texts:
                self._send(self._libpq.send_query_params, text.encode(), [])
                self._send(self._libpq.pipeline_sync)
            for _ in texts:
                outcomes.append(self._next_outcome())
            self._libpq.get_result()  # None: there are no more
            self._send(self._libpq.exit_pipeline_mode)
        except Lost as end:
            outcomes += [end] * (len(texts) - len(outcomes))
        return outcomes

    def _next_outcome(self) -> Optional[Lost]:
        """Reads up to the Sync of one segment. Raises what has ended the connection."""
        error: Optional[Lost] = None
        while True:
            result = self._libpq.get_result()
            if result and result.status == psycopg.pq.ExecStatus.PIPELINE_SYNC:
                return error
            error = error or (_error_in(result) if result else None)
            if self.closed:
                raise error or Lost(None, "the end")


def _one_by_one(session: Any, texts: Sequence[str]) -> List[Optional[Lost]]:
    outcomes: List[Optional[Lost]] = []
    for text in texts:
        try:
            session.run(text)
            outcomes.append(None)
        except Lost as error:
            return [*outcomes, error]
    return outcomes


def _encoded(values: Sequence[str]) -> List[bytes]:
    return [value.encode() for value in values]


def _error_in(result: Any) -> Optional[Lost]:
    if result.status != psycopg.pq.ExecStatus.FATAL_ERROR:
        return None
    sqlstate = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
    message = result.error_message.decode(errors="replace")
    return Lost(sqlstate.decode() if sqlstate else None, message)


def _rows_of(result: Any) -> List[Row]:
    def value(row: int, column: int) -> Optional[str]:
        text = result.get_value(row, column)
        return None if text is None else text.decode()

    return [
        tuple(value(row, column) for column in range(result.nfields))
        for row in range(result.ntuples)
    ]


# InternalClientError: it does not expect an error between the answer to its Describe and
# its Bind, and gives the connection up.
ASYNCPG_ERRORS = (
    asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError,
)  # fmt: skip


class ExtendedSession:
    """asyncpg: the extended protocol, unnamed statements."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        try:
            self._connection = self._wait(asyncpg.connect(url, ssl=False, statement_cache_size=0))
        except ASYNCPG_ERRORS as error:
            self._loop.close()
            raise _lost(error) from None

    @property
    def closed(self) -> bool:
        return self._connection.is_closed()

    @property
    def in_block(self) -> bool:
        return self._connection.is_in_transaction()

    def run(self, text: str) -> List[Row]:
        try:
            found = self._wait(self._connection.fetch(text))
            return [tuple(None if v is None else str(v) for v in row) for row in found]
        except ASYNCPG_ERRORS as error:
            raise _lost(error) from None

    def run_all(self, texts: Sequence[str]) -> List[Optional[Lost]]:
        return _one_by_one(self, texts)

    def close(self) -> None:
        self._connection.terminate()
        self._loop.run_until_complete(asyncio.sleep(0))  # polls: lets the transport close
        self._loop.close()

    def _wait(self, what: Any) -> Any:
        try:
            return self._loop.run_until_complete(asyncio.wait_for(what, PATIENCE_S))
        except asyncio.TimeoutError:
            raise Stuck() from None


def _lost(error: Exception) -> Lost:
    """asyncpg makes up an SQLSTATE of its own where the connection has just ended."""
    from_server = getattr(error, "severity", None) is not None
    sqlstate = error.sqlstate if from_server else None
    return Lost(sqlstate, f"{type(error).__name__} {error}")
