"""Webhooks: requests to servers of other people, who may be slow, broken or hostile.

Each request has a time limit over all, from the look-up of the name to the last redirect. Of the answer, the beginning
is kept and the rest is never read, however much there is. Environment variables that name a proxy are not looked at.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_to_bytes, urljoin

from cloudstead.core.credentials.errors import SealBroken
from cloudstead.core.errors import InvalidField
from cloudstead.core.jobs.model import Done, Failed
from cloudstead.core.webhooks.calls import WEBHOOK
from cloudstead.core.webhooks.model import parse_url
from cloudstead.delivery.exchange import AnswerBroken, Exchange, request_bytes
from cloudstead.delivery.reach import AddressRefused, CheckedConnector, ConnectionFailed, NameUnknown

if TYPE_CHECKING:
    import ssl
    from urllib.parse import SplitResult

    from cloudstead.core.clock import Clock
    from cloudstead.core.jobs.model import Job
    from cloudstead.core.webhooks.calls import WebhookCalls
    from cloudstead.core.webhooks.model import Webhook

MAX_REDIRECTS: Final = 3
MAX_EXCERPT_BYTES: Final = 4096

_EXCERPT_WITHIN_S: Final = 2.0  # the status has been told; a body that only drips is not worth waiting for
_AGAIN: Final = frozenset({408, 425, 429})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_KEPT_ELSEWHERE: Final = frozenset({"content-type", "accept"})
_UNQUOTED: Final = "/%:=&?~#+!$,;'@()*[]"


@dataclass(frozen=True, slots=True)
class _Request:
    """One request of those that a webhook with redirects consists of."""

    url: SplitResult
    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def origin(self) -> tuple[str, str | None, int]:
        """Whom it goes to: scheme, host and port."""
        return self.url.scheme, self.url.hostname, self.url.port or (443 if self.url.scheme == "https" else 80)


class _BadRedirect(Exception):
    """The redirect leads to where no request can be sent."""


class WebhookPerformer:
    """Performs the jobs of webhooks (``core.jobs.ports.Performer``)."""

    kind = WEBHOOK

    def __init__(
        self,
        calls: WebhookCalls,
        connector: CheckedConnector,
        *,
        trust: ssl.SSLContext,
        clock: Clock,
        user_agent: str,
        time_limit_s: float = 10.0,
    ) -> None:
        """``trust`` says which authorities certificates of receivers may come from."""
        self._calls = calls
        self._clock = clock
        self._user_agent = user_agent
        self._time_limit_s = time_limit_s
        self._connector = connector
        self._trust = trust

    async def perform(self, job: Job) -> Done | Failed:
        """Send the request, follow redirects, and tell what was answered."""
        try:
            webhook = self._calls.open(job)
        except SealBroken as error:
            return Failed(detail=str(error), is_final=True)
        try:
            async with asyncio.timeout(self._time_limit_s) as limit:
                return await self._follow(job, webhook, limit)
        except TimeoutError:
            return Failed(detail=f"There was no answer within {self._time_limit_s:g} seconds.")
        except (AddressRefused, _BadRedirect) as error:
            return Failed(detail=str(error), is_final=True)
        except NameUnknown as error:
            return Failed(detail=str(error))
        except ConnectionFailed as error:
            return Failed(detail=f"The connection failed: {error}.")
        except AnswerBroken as error:
            return Failed(detail=f"The answer is no HTTP: {error}.")

    async def _follow(self, job: Job, webhook: Webhook, limit: asyncio.Timeout) -> Done | Failed:
        request = _first(webhook)
        for redirects in range(MAX_REDIRECTS + 1):
            exchange = await self._send(job, webhook, request)
            try:
                await exchange.answer()
                location = exchange.header(b"location")
                if exchange.status not in _REDIRECTS or not location:
                    return self._result(exchange, await _excerpt(exchange, limit), redirects)
            finally:
                exchange.abandon()
            request = _redirected(request, exchange.status, location)
        return Failed(detail=f"There were more than {MAX_REDIRECTS} redirects.", status=exchange.status, is_final=True)

    async def _send(self, job: Job, webhook: Webhook, request: _Request) -> Exchange:
        """Connect anew, so that each request looks its address up, and send."""
        body = request.body if request.body or request.method in _WITH_BODY else None
        written = request_bytes(request.method, _target(request.url), self._headers(job, webhook, request), body)
        _, host, port = request.origin
        _, exchange = await self._connector.connect(
            host or "",
            port,
            tls=self._trust if request.url.scheme == "https" else None,
            protocol=lambda: Exchange(written, max_body_bytes=MAX_EXCERPT_BYTES),
        )
        return exchange

    def _headers(self, job: Job, webhook: Webhook, request: _Request) -> list[tuple[str, str]]:
        names = {name.lower() for name, _ in request.headers}
        headers = [("Host", _host(request.url)), *request.headers]
        defaults = {"User-Agent": self._user_agent, "Accept": "*/*"}
        if request.body:
            defaults["Content-Type"] = "application/json"
        headers += [(name, value) for name, value in defaults.items() if name.lower() not in names]
        headers += [
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
            ("X-Cloudstead-Delivery", job.id),
            ("X-Cloudstead-Attempt", str(job.attempts)),
        ]
        if job.offset is not None:
            headers.append(("X-Cloudstead-Offset", str(job.offset)))
        if webhook.secret is not None:
            headers.append(
                ("X-Cloudstead-Signature", sign(webhook.secret, request.body, now_s=self._clock.millis() // 1000))
            )
        return headers

    def _result(self, exchange: Exchange, excerpt: bytes, redirects: int) -> Done | Failed:
        status = exchange.status
        after = f" after {redirects} redirect{'s' if redirects > 1 else ''}" if redirects else ""
        detail = f"The answer was {status}{after}."
        if 200 <= status < 300:
            return Done(status=status, detail=detail, response=excerpt)
        comes_again = status in _AGAIN or status >= 500
        return Failed(
            detail=detail,
            status=status,
            response=excerpt,
            is_final=not comes_again,
            retry_after_s=self._retry_after_s(exchange) if comes_again else None,
        )

    def _retry_after_s(self, exchange: Exchange) -> float | None:
        """Read ``Retry-After`` (RFC 9110, section 10.2.3): seconds or a date; nonsense counts as nothing."""
        text = exchange.header(b"retry-after").strip()
        if text.isascii() and text.isdigit():
            return float(text)
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self._clock.millis() / 1000)
        except (ValueError, OverflowError):
            return None


def sign(secret: str, body: bytes, *, now_s: int) -> str:
    """Return the signature of a body: ``t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">``."""
    digest = hmac.digest(secret.encode(), b"%d." % now_s + body, "sha256").hex()
    return f"t={now_s},v1={digest}"


def _first(webhook: Webhook) -> _Request:
    url = parse_url(webhook.url)
    headers = webhook.headers
    if url.username is not None and not any(name.lower() == "authorization" for name, _ in headers):
        pair = unquote_to_bytes(url.username) + b":" + unquote_to_bytes(url.password or "")
        headers = (*headers, ("Authorization", f"Basic {base64.b64encode(pair).decode()}"))
    return _Request(url, webhook.method, headers, webhook.body)


def _redirected(request: _Request, status: int, location: str) -> _Request:
    """Return the next request. To somebody else go neither credentials nor other headers of the rule's author."""
    try:
        url = parse_url(urljoin(request.url.geturl(), quote(location, safe=_UNQUOTED, encoding="latin-1")))
    except (InvalidField, ValueError):
        raise _BadRedirect("The redirect leads to something that is no web address.") from None
    if request.url.scheme == "https" and url.scheme != "https":
        raise _BadRedirect("The redirect leads from https to http.")
    follower = replace(request, url=url)
    if follower.origin != request.origin:
        kept = tuple(each for each in request.headers if each[0].lower() in _KEPT_ELSEWHERE)
        follower = replace(follower, headers=kept)
    # RFC 9110, section 15.4: 303 asks for a GET. 301 and 302 keep the method here: a webhook without its body is none.
    return replace(follower, method="GET", body=b"") if status == 303 else follower


def _target(url: SplitResult) -> str:
    path = quote(url.path or "/", safe=_UNQUOTED)
    return f"{path}?{quote(url.query, safe=_UNQUOTED)}" if url.query else path


def _host(url: SplitResult) -> str:
    host = url.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return shown if url.port is None else f"{shown}:{url.port}"


async def _excerpt(exchange: Exchange, limit: asyncio.Timeout) -> bytes:
    """Return the beginning of the body, or as much of it as comes in a moment: the status tells what counts."""
    soon = asyncio.get_running_loop().time() + _EXCERPT_WITHIN_S
    return await exchange.body(min(soon, (limit.when() or soon) - 0.05))
