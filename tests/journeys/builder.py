"""Somebody who makes device clouds, and programs with tokens of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeys.plain import ask

if TYPE_CHECKING:
    from factories.demo import Doors


class Builder:
    """Whoever calls device clouds, signed in on a page of the app."""

    def __init__(self, demo: Doors, token: str) -> None:
        self._demo = demo
        self._token = token

    def call(self, path: str, token: str | None = None, **body: Any) -> Any:
        """Call and succeed."""
        answer = self.ask(path, token, **body)
        assert answer.status == 200, answer.text
        return answer.json

    def ask(self, path: str, token: str | None = None, **body: Any) -> Any:
        """Call, with a token of a cloud's own where one is given."""
        place = "/api" if token is None else "/api/tok"
        headers = {"Authorization": f"bearer {token or self._token}", "Content-Type": "application/json"}
        return ask(self._demo, "POST", place + path, body, **headers, Origin=self._demo.url())

    def provisioned(self, cloud: dict[str, Any]) -> dict[str, Any]:
        """Return the cloud once it is provisioned."""
        self.call("/cloud/provision", id=cloud["id"])
        while "provisioned" not in (now := self.call("/cloud/get", id=cloud["id"])):
            assert "error" not in now, now
        return now
