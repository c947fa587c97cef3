"""Asks an HTTP port of a program under test."""

import http.client
import json
from typing import Any, Dict, NamedTuple, Optional

TIMEOUT_S = 60


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    port: int,
    path: str,
    method: str = "GET",
    body: Optional[str] = None,
    headers: Optional[Dict[str, str]] = None,
) -> Reply:
    # Not urllib: it would ask a proxy the environment names.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        return Reply(reply.status, reply.headers, reply.read().decode())
    finally:
        connection.close()
