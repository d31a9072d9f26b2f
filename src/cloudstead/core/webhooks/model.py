"""A webhook, and what can be none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from cloudstead.core.errors import InvalidField

METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
MAX_URL_CHARS: Final = 2048
MAX_BODY_BYTES: Final = 256 * 1024  # a message of a device holds 128 KiB at most
MAX_HEADERS: Final = 50
MAX_HEADER_CHARS: Final = 8192

_PORTS: Final = {"http": 80, "https": 443}
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, section 5.5
_NO_URL: Final = re.compile(r"[\x00-\x20\x7f<>\"\\^`{|}]")
# What says how long a request is, where it goes or how the connection is used, is ours to say.
_OURS: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"}
    | {"proxy-authorization", "proxy-connection", "accept-encoding"}
)
_OUR_PREFIX: Final = "x-cloudstead-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One request. With a ``secret``, it is signed, so that the receiver knows that it comes from here.

    URL, headers, body and secret may all hold secrets, so nothing of them is shown.
    """

    url: str = field(repr=False)
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    secret: str | None = field(default=None, repr=False)


def require_webhook(webhook: Webhook) -> None:
    """Raise ``InvalidField`` for ``url``, ``method``, ``headers`` or ``body``: that cannot be sent as it is.

    Whether the address may be called is found out at the call, since only then it is known where the name leads.
    """
    destination(webhook.url)
    if webhook.method not in METHODS:
        raise InvalidField("method", f"must be one of {', '.join(sorted(METHODS))}")
    if len(webhook.body) > MAX_BODY_BYTES:
        raise InvalidField("body", f"longer than {MAX_BODY_BYTES} bytes")
    _require_headers(webhook.headers)


def destination(url: str) -> str:
    """Return where a URL leads, without query, password and capitals; raise ``InvalidField``."""
    parts = parse_url(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}:{parts.port or _PORTS[parts.scheme]}{parts.path or '/'}"


def parse_url(url: str) -> SplitResult:
    """Return the parts of a URL that can be called; raise ``InvalidField``. The scheme is in small letters."""
    if len(url) > MAX_URL_CHARS:
        raise InvalidField("url", f"longer than {MAX_URL_CHARS} characters")
    if _NO_URL.search(url):
        raise InvalidField("url", "holds a character that has to be percent-encoded")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidField("url", "is no address") from None
    if parts.scheme not in _PORTS:
        raise InvalidField("url", "must begin with https:// or http://")
    if not host or not host.isascii() or port == 0:
        raise InvalidField("url", "must name a host (in its ASCII form) and a port from 1 to 65535, if any")
    return parts


def _require_headers(headers: tuple[tuple[str, str], ...]) -> None:
    if len(headers) > MAX_HEADERS or sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_CHARS:
        raise InvalidField("headers", f"more than {MAX_HEADERS}, or longer than {MAX_HEADER_CHARS} characters")
    for name, value in headers:
        if not _NAME.fullmatch(name):
            raise InvalidField("headers", "the name of a header holds a character that it may not hold")
        if name.lower() in _OURS or name.lower().startswith(_OUR_PREFIX):
            raise InvalidField("headers", f"{name} is set by the cloud itself")
        if not _VALUE.fullmatch(value):
            raise InvalidField("headers", f"the value of {name} holds a character that it may not hold")
