"""What operators and monitors ask of the process itself: health, readiness, metrics, trust, and the first page."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from cloudstead.app.pages.branded import show
from cloudstead.app.pages.missing import nothing_here
from cloudstead.core.branding.look import own_look
from cloudstead.web.errors import MethodNotAllowed, RouteNotFound, WebError
from cloudstead.web.face import ErrorMap, Face
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from prometheus_client import CollectorRegistry
    from starlette.types import Scope

    from cloudstead.web.call import Call

_REVOCATION_LIST: Final = "application/pkix-crl"  # RFC 5280, section 4.2.1.13
_NO_CACHE: Final = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What the rows below are made of. ``troubles`` names everything that keeps the service from doing its job."""

    troubles: Callable[[], Awaitable[list[str]]]
    registry: CollectorRegistry
    root_certificate: Callable[[], str]
    revocation_list: Callable[[], Awaitable[bytes]]
    signing_keys: Callable[[], dict[str, Any]]
    page: Callable[[Call[None]], Awaitable[Response]]
    trace_page: Callable[[Call[None]], Awaitable[Response]]


def operation_face(parts: Operation) -> Face:
    """Return the face; it is asked last and owns every path that nobody else claimed."""
    answers = _Answers(parts)
    rows = [
        op("GET", "/", name="show_page", run=parts.page, is_open=True, summary="Show the first page."),
        op("GET", "/trace", name="show_trace", run=parts.trace_page, is_open=True, summary="Follow one message."),
        op("GET", "/healthz", name="get_health", run=answers.health, is_open=True),
        op("GET", "/readyz", name="get_readiness", run=answers.readiness, is_open=True),
        op("GET", "/metrics", name="get_metrics", run=answers.metrics, is_open=True),
        op("GET", "/ca.pem", name="get_root_certificate", run=answers.root_certificate, is_open=True),
        op("GET", "/ca.crl", name="get_revocation_list", run=answers.revocation_list, is_open=True),
        op("GET", "/.well-known/jwks.json", name="get_signing_keys", run=answers.signing_keys, is_open=True),
    ]
    return Face(name="operation", matches=_anything, routes=PathRoutes(rows), errors=_ERRORS)


class _Answers:
    def __init__(self, parts: Operation) -> None:
        self._parts = parts

    async def health(self, call: Call[None]) -> Response:  # noqa: ARG002 - every handler is given the call
        """Tell that the process is alive and its event loop turns."""
        return JSONResponse({"status": "alive"}, headers=_NO_CACHE)

    async def readiness(self, call: Call[None]) -> Response:  # noqa: ARG002 - every handler is given the call
        """Tell whether the service can do all of its work, and if not, what hinders it."""
        troubles = await self._parts.troubles()
        answer = {"status": "not ready", "troubles": troubles} if troubles else {"status": "ready"}
        return JSONResponse(answer, status_code=503 if troubles else 200, headers=_NO_CACHE)

    async def metrics(self, call: Call[None]) -> Response:  # noqa: ARG002 - every handler is given the call
        """Show the metrics in the text format of Prometheus."""
        # Rendering takes milliseconds once there are many labels: not on the loop.
        text = await asyncio.to_thread(generate_latest, self._parts.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    async def root_certificate(self, call: Call[None]) -> Response:  # noqa: ARG002 - every handler is given the call
        """Return the certificate that devices and clients trust."""
        return Response(self._parts.root_certificate(), media_type="application/x-pem-file")

    async def revocation_list(self, call: Call[None]) -> Response:  # noqa: ARG002 - every handler is given the call
        """Return the signed list of revoked certificates (RFC 5280), in DER."""
        return Response(await self._parts.revocation_list(), media_type=_REVOCATION_LIST)

    async def signing_keys(self, call: Call[None]) -> Response:  # noqa: ARG002 - every handler is given the call
        """Return the public keys that verify our tokens (RFC 7517)."""
        return JSONResponse(self._parts.signing_keys())


def _anything(scope: Scope) -> bool:
    return bool(scope["path"])


def _missing(error: RouteNotFound, call: Call[Any]) -> Response:
    """Word it as a page for whoever came with a browser: they type addresses that other clouds have."""
    if "text/html" in call.headers.get("accept", ""):
        return show(nothing_here(call.raw_path), own_look())
    return _refused(404)(error, call)


def _refused(status: int) -> Callable[[Any, Call[Any]], Response]:
    def word(error: Exception, call: Call[Any]) -> Response:
        return JSONResponse({"message": str(error), "request_id": call.request_id}, status_code=status)

    return word


def _unexpected(call: Call[Any]) -> Response:
    return JSONResponse(
        {"message": "Something went wrong here; the log has the details.", "request_id": call.request_id},
        status_code=500,
    )


_ERRORS: Final = ErrorMap(
    {RouteNotFound: _missing, MethodNotAllowed: _refused(405), WebError: _refused(400)}, unexpected=_unexpected
)
