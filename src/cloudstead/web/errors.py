"""What HTTP itself refuses, before any feature is asked.

Each face words them in its own form (``face.ErrorMap``)::

    WebError
    ├── RouteNotFound       nothing is served there
    ├── MethodNotAllowed    something is, but not by that method
    ├── BodyTooLarge        the body is longer than the face takes
    ├── BodyTooSlow         it does not arrive
    ├── TooBusy             the bodies of all requests together are too much for now
    ├── BodyNotJson         it is not JSON at all
    ├── FieldInvalid        it is JSON, but one field of it (or of the query) has the wrong shape
    └── Unauthenticated     there is no credential, or not in a form that the face reads
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cloudstead.web.pattern_words import pattern_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

_AT = re.compile(r" - at (?:`key` in )?`\$(?P<path>[^`]*)`$")
_FORMED = re.compile(r"^Expected `str` matching regex (?P<quote>['\"])(?P<pattern>.*)(?P=quote)$")
_ESCAPED = re.compile(r"\\(.)")
_NAMED = re.compile(r"^Object (?P<fault>missing required|contains unknown) field `(?P<name>[^`]*)`$")


class WebError(Exception):
    """A request that never reaches a feature."""


class RouteNotFound(WebError):
    """Nothing is served at that path, or under that key."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Nothing is served at {what}.")
        self.what = what


class MethodNotAllowed(WebError):
    """The path is served, but not by that method; ``allowed`` names those that are (RFC 9110, section 15.5.6)."""

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{method} is not served here, only {', '.join(allowed)}.")
        self.method = method
        self.allowed = tuple(allowed)


class BodyTooLarge(WebError):
    """The body is longer than ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body may hold {limit} bytes at most.")
        self.limit = limit


class BodyTooSlow(WebError):
    """Nothing of the body arrived for ``idle_s`` seconds, or little for longer."""

    def __init__(self, idle_s: float) -> None:
        super().__init__(f"The body came too slowly: it may stand still for {idle_s:g} seconds at most.")
        self.idle_s = idle_s


class TooBusy(WebError):
    """The bodies of all requests together are too much for now; trying again later helps."""

    def __init__(self) -> None:
        super().__init__("Too many requests are being read. Try again later.")


class BodyNotJson(WebError):
    """The body is not JSON in UTF-8."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The body is not valid JSON: {reason}.")
        self.reason = reason


class FieldInvalid(WebError):
    """One field is missing, unknown or of the wrong shape.

    ``field`` is a path such as ``limits.items[2].name``; it is empty when the whole value is wrong.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason

    @classmethod
    def from_text(cls, text: str) -> FieldInvalid:
        """Read the field out of a msgspec message: the library gives the place only as text at its end."""
        path = ""
        if place := _AT.search(text):
            path = place["path"].removeprefix(".")
            text = text[: place.start()]
        if named := _NAMED.match(text):
            path = f"{path}.{named['name']}" if path else named["name"]
            text = "is missing" if named["fault"] == "missing required" else "is unknown"
        elif formed := _FORMED.match(text):
            pattern = _ESCAPED.sub(r"\1", formed["pattern"])
            text = f"needs {pattern_in_words(pattern) or f'the form {pattern}'}"
        return cls(path, text)


class Unauthenticated(WebError):
    """There is no credential, or none in a form that the face reads."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
