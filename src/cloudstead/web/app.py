"""The ASGI application: picks the face, authenticates, decodes, runs the handler, encodes, words what went wrong.

It is the one place that turns exceptions into answers: what a face words is answered in that face's form, anything
else is logged with the request's id and answered as that face's 500. No trace ever leaves the process.
"""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from cloudstead.web.answer import Encoded, Marks, send_whole
from cloudstead.web.call import Call
from cloudstead.web.errors import BodyNotJson, FieldInvalid, MethodNotAllowed, RouteNotFound
from cloudstead.web.intake import BodyIntake

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from structlog.typing import FilteringBoundLogger

    from cloudstead.core.access.permissions import Permission
    from cloudstead.core.ids import IdSource
    from cloudstead.web.face import Face
    from cloudstead.web.metrics import WebMetrics
    from cloudstead.web.table import Operation

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._=/+:-]{1,128}")
_CLIENT_GONE: Final = 499  # no answer left; the number is nginx's and appears in metrics only
_TOLD_PATH_BYTES: Final = 256
_encode: Final = msgspec.json.Encoder().encode


class Permitted(Protocol):
    """A caller that can be asked for a permission."""

    def require(self, permission: Permission) -> None:
        """Raise unless the caller holds ``permission``."""
        ...


class WebApp:
    """Serves many faces.

    The first face that matches answers. ``websocket`` takes WebSocket connections, which are refused without it.
    ``lifespan`` is entered before the first request and left after the last. ``intake`` bounds the bodies of all
    requests together.
    """

    def __init__(
        self,
        faces: Sequence[Face],
        *,
        ids: IdSource,
        log: FilteringBoundLogger,
        metrics: WebMetrics,
        websocket: ASGIApp | None = None,
        lifespan: Callable[[], AbstractAsyncContextManager[None]] | None = None,
        intake: BodyIntake | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._ids = ids
        self._log = log
        self._tells = log.is_enabled_for(logging.DEBUG)
        self._metrics = metrics
        self._websocket = websocket
        self._lifespan = lifespan
        self._intake = intake or BodyIntake()
        self._timer = timer
        self._faces = tuple((face.matches, face, Marks(face)) for face in faces)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, one WebSocket connection, or the lifespan (ASGI 3.0)."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._hand_over(scope, receive, send)
        else:
            await self._live(receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = self._timer()
        request_id = _sent_request_id(scope) or self._ids.new()
        found = self._face_of(scope)
        if found is None:
            await _nothing_here(request_id)(scope, receive, send)
            seconds = self._timer() - started
            self._metrics.record("none", "unrouted", status=404, seconds=seconds)
            if self._tells:
                self._tell(scope, request_id, status=404, seconds=seconds, caller=None)
            return
        face, marks = found
        call: Call[Any] = Call(scope, receive, request_id=request_id, body_limit=face.body_limit, intake=self._intake)
        status = _CLIENT_GONE
        try:
            answer = await self._answer(face, call)
            sent_id = request_id.encode("latin-1")
            if isinstance(answer, Encoded):
                if send_whole(scope, send, answer, marks=marks.lines(sent_id)):
                    status = answer.status
                    return
                answer = answer.as_response()
            answer.raw_headers += marks.fields(sent_id)
            await answer(scope, receive, send)
            status = answer.status_code
        except ClientDisconnect:
            self._log.debug("client_gone", face=face.name, request_id=request_id)
        finally:
            call.close()
            name = "unrouted" if call.operation is None else call.operation.name
            seconds = self._timer() - started
            self._metrics.record(face.name, name, status=status, seconds=seconds)
            if self._tells:
                self._tell(scope, request_id, status=status, seconds=seconds, caller=getattr(call, "caller", None))

    def _tell(self, scope: Scope, request_id: str, *, status: int, seconds: float, caller: object) -> None:
        """Write one line about a request: nothing of its query, headers or body, where secrets may be."""
        path: bytes = scope["raw_path"]
        self._log.debug(
            "http_request",
            method=scope["method"],
            path=path[:_TOLD_PATH_BYTES].decode("ascii", "backslashreplace"),
            status=status,
            ms=round(seconds * 1000, 1),
            request_id=request_id,
            # Faces have callers of their own kinds; those of no tenant have neither.
            account=getattr(caller, "account_id", None),
            principal=getattr(caller, "principal", None),
        )

    def _face_of(self, scope: Scope) -> tuple[Face, Marks] | None:
        for matches, face, marks in self._faces:
            if matches(scope):
                return face, marks
        return None

    async def _answer(self, face: Face, call: Call[Any]) -> Response | Encoded:
        try:
            if call.method == "OPTIONS":
                return _options(face, call)
            operation = call.operation = await face.routes.find(call)
            if not operation.is_open and face.authenticate is not None:
                call.caller = await face.authenticate(call)
                if operation.permission is not None:
                    permitted: Permitted = call.caller
                    permitted.require(operation.permission)
            if operation.takes is None:
                result = await operation.run(call)
            else:
                result = await operation.run(call, _decoded(operation.takes, await call.body()))
            return _written(result, operation, face)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - the one place where everything that went wrong gets its words
            response = face.errors.answer(error, call)
            if response is not None:
                if isinstance(error, MethodNotAllowed):
                    response.headers["allow"] = ", ".join(error.allowed)
                return response
            self._log.exception(
                "request_failed",
                face=face.name,
                operation=None if call.operation is None else call.operation.name,
                request_id=call.request_id,
            )
            return face.errors.unexpected(call)

    async def _hand_over(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._websocket is None:
            await receive()
            await send({"type": "websocket.close", "code": 1000})  # before acceptance this is a 403
            return
        await self._websocket(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        if self._lifespan is None:
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        outcome: Message = {"type": "lifespan.startup.failed", "message": "The application could not start."}
        try:
            async with self._lifespan():
                await send({"type": "lifespan.startup.complete"})
                outcome = {"type": "lifespan.shutdown.failed", "message": "The application could not stop cleanly."}
                await receive()
            outcome = {"type": "lifespan.shutdown.complete"}
        finally:
            await send(outcome)


def _sent_request_id(scope: Scope) -> str | None:
    """Return the client's own id for the request when it is fit for a log line."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text = bytes(value).decode("latin-1")
            return text if _REQUEST_ID.fullmatch(text) else None
    return None


def _nothing_here(request_id: str) -> Response:
    return JSONResponse(
        {"message": "Nothing is served here.", "request_id": request_id}, 404, {"x-request-id": request_id}
    )


def _options(face: Face, call: Call[Any]) -> Response:
    methods = face.routes.methods(call)
    if not methods:
        raise RouteNotFound(call.raw_path)
    response = Response(status_code=204, headers={"allow": ", ".join([*methods, "OPTIONS"])})
    if face.cors is not None and "access-control-request-method" in call.headers:
        response.raw_headers += face.cors.on_preflight(methods)
    return response


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    if not body:
        raise BodyNotJson("it is empty")
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise FieldInvalid.from_text(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BodyNotJson(str(error)) from None
    except RecursionError:
        raise BodyNotJson("it is nested too deeply") from None


def _written(result: object, operation: Operation, face: Face) -> Response | Encoded:
    if isinstance(result, Response | Encoded):
        return result
    if result is None:
        return Response(status_code=operation.status)
    return Encoded(_encode(result), operation.status, face.media_type.encode())
