"""Stands in for a pgballast, to test tests: clients are let through to PostgreSQL itself."""

from typing import Any

import psycopg2
from plainclient import PlainClient
from psycopg2.extensions import make_dsn, parse_dsn


class Unshared:
    """As much of a Pgballast as clients see."""

    def __init__(self, upstream: str) -> None:
        self.upstream = parse_dsn(upstream)
        self.port = int(self.upstream["port"])

    def dsn(self, **keywords: Any) -> str:
        return make_dsn(**{**self.upstream, **keywords})

    def url(self) -> str:
        """For drivers that take no keywords."""
        own = self.upstream
        return f"postgresql://{own['user']}:{own['password']}@127.0.0.1:{self.port}/{own['dbname']}"

    def connect(self, **keywords: Any) -> Any:
        connection = psycopg2.connect(**{**self.upstream, **keywords})
        connection.autocommit = True
        return connection

    def raw(self, password: str = "", **parameters: str) -> PlainClient:
        parameters.setdefault("user", self.upstream["user"])
        parameters.setdefault("database", self.upstream["dbname"])
        client = PlainClient(self.port)
        client.log_in(password or self.upstream["password"], **parameters)
        return client
