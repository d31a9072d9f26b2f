"""Content that clients fetch in whole or in part: ranges and conditions of HTTP (RFC 9110, sections 13 and 14).

What people have uploaded must never run as a page of ours: every answer says that its type is what it is told to be,
that nothing in it may run, and, unless it is a picture, that it is to be saved rather than shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from cloudstead.web.errors import WebError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import datetime

    from starlette.datastructures import Headers

_RANGE: Final = re.compile(r"bytes=(?P<first>[0-9]{1,18})?-(?P<last>[0-9]{1,18})?")
_SHOWN: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
GUARDS: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
    "referrer-policy": "no-referrer",
}


class RangeNotSatisfiable(WebError):
    """The range begins behind the end; ``size`` is that of the whole content in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__("The requested range is not satisfiable.")
        self.size = size


class PreconditionFailed(WebError):
    """A condition in the request's headers does not hold."""

    def __init__(self) -> None:
        super().__init__("At least one of the pre-conditions you specified did not hold.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Something to fetch. ``read(start, end)`` gives its bytes in pieces; ``etag`` carries no quotes."""

    name: str
    size: int
    etag: str
    modified_at: datetime
    media_type: str
    read: Callable[[int, int], AsyncIterator[bytes]]


async def content_response(
    content: Content, headers: Headers, *, method: str, extra: Mapping[str, str] | None = None
) -> Response:
    """Answer a GET or a HEAD; raise ``RangeNotSatisfiable`` or ``PreconditionFailed``.

    Several ranges at once are answered with the whole content, which RFC 9110 allows and S3 does.
    """
    sent = {
        **GUARDS,
        "accept-ranges": "bytes",
        "content-disposition": _disposition(content),
        "content-type": content.media_type,
        "etag": f'"{content.etag}"',
        "last-modified": format_datetime(content.modified_at.astimezone(UTC), usegmt=True),
        **(extra or {}),
    }
    if _is_unchanged(content, headers):
        return Response(status_code=304, headers={name: sent[name] for name in sent if name != "content-type"})
    part = _range(content, headers)
    start, end = part or (0, content.size)
    sent["content-length"] = str(end - start)
    if part is not None:
        sent["content-range"] = f"bytes {start}-{end - 1}/{content.size}"
    status = 200 if part is None else 206
    if method == "HEAD" or start == end:
        return _Headers(status, sent)
    pieces = content.read(start, end)
    # Fetched before the status is sent, so that a store that does not answer can still be told.
    first = await anext(pieces, b"")
    return StreamingResponse(_after(first, pieces), status, sent)


class _Headers(Response):
    """An answer without a body, whose length is told all the same."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(None, status)
        self.raw_headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


async def _after(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


def _disposition(content: Content) -> str:
    kind = "inline" if content.media_type in _SHOWN else "attachment"
    return f"{kind}; filename*=UTF-8''{quote(content.name, safe='')}"


def _is_unchanged(content: Content, headers: Headers) -> bool:
    """Tell whether the client has this content already; raise ``PreconditionFailed`` (RFC 9110, section 13.2.2)."""
    modified_s = int(content.modified_at.timestamp())
    if (wanted := headers.get("if-match")) is not None:
        if not _names(wanted, content.etag, weakly=False):
            raise PreconditionFailed
    elif (since := _time(headers.get("if-unmodified-since"))) is not None and modified_s > since:
        raise PreconditionFailed
    if (known := headers.get("if-none-match")) is not None:
        return _names(known, content.etag, weakly=True)
    since = _time(headers.get("if-modified-since"))
    return since is not None and modified_s <= since


def _names(listed: str, etag: str, *, weakly: bool) -> bool:
    for each in listed.split(","):
        mark = each.strip()
        if weakly:
            mark = mark.removeprefix("W/")
        # S3 takes the mark without its quotes too.
        if mark in {"*", f'"{etag}"', etag}:
            return True
    return False


def _time(text: str | None) -> int | None:
    """Return a time in seconds; one that cannot be read is as good as none (RFC 9110, section 13.1.3)."""
    if text is None:
        return None
    try:
        time = parsedate_to_datetime(text)
        return int(time.timestamp()) if time.tzinfo else int(time.replace(tzinfo=UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def _range(content: Content, headers: Headers) -> tuple[int, int] | None:
    """Return the part that was asked for; ``None`` for the whole, also when what was asked cannot be read."""
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    if match is None or not _is_of_this(content, headers.get("if-range")):
        return None
    first, last = match["first"], match["last"]
    if first is None:
        if last is None:
            return None
        start, end = max(0, content.size - int(last)), content.size
    else:
        start, end = int(first), content.size
        if last is not None:
            if int(last) < start:
                return None
            end = min(end, int(last) + 1)
    if start >= end:
        raise RangeNotSatisfiable(content.size)
    return start, end


def _is_of_this(content: Content, condition: str | None) -> bool:
    """Tell whether a range was asked of this very content (RFC 9110, section 13.1.5)."""
    if condition is None:
        return True
    if condition.startswith(('"', "W/")):
        return condition == f'"{content.etag}"'
    return _time(condition) == int(content.modified_at.timestamp())
