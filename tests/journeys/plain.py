"""Plain HTTP, as with curl."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from factories.demo import Doors


class Answer:
    """What a plain HTTP request got."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def ask(doors: Doors, method: str, path: str, document: Any = None, **headers: str) -> Answer:
    """Send one request; an underscore in the name of a header stands for a hyphen."""
    connection = HTTPConnection(*doors.web(), timeout=30)
    body = document if isinstance(document, bytes) else None if document is None else json.dumps(document)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()
