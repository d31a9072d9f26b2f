"""AWS Lambda: Invoke, for the functions of Cloud Connect 2.11."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.responses import Response

from cloudstead.dialects.aws import names
from cloudstead.dialects.aws.refusals import (
    ClientContextInvalid,
    FunctionNameInvalid,
    FunctionUnknown,
    InvocationForbidden,
    InvocationInvalid,
    PayloadNotJson,
    PayloadTooLarge,
)

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from structlog.typing import FilteringBoundLogger

    from cloudstead.core.clock import Clock
    from cloudstead.dialects.aws.auth import AwsCaller
    from cloudstead.dialects.aws.ports import FunctionResult, FunctionRuntime
    from cloudstead.web.call import Call

MAX_PAYLOAD: Final = 6 * 1024 * 1024  # AWS Lambda quotas: 6 MB for a request that waits for its answer
MAX_EVENT_PAYLOAD: Final = 256 * 1024  # and 256 KB for one that does not
MAX_CLIENT_CONTEXT: Final = 3583  # AWS Lambda, Invoke, X-Amz-Client-Context: bytes of base64
_INVOCATION_TYPES: Final = ("RequestResponse", "Event", "DryRun")
_LOG_TYPES: Final = ("None", "Tail")
_document: Final = msgspec.json.Decoder(msgspec.Raw)


class InvokeQuery(msgspec.Struct, rename="pascal"):
    """The query of an invocation."""

    qualifier: str | None = None


class Invocations:
    """Runs functions for signed callers."""

    def __init__(self, runtime: FunctionRuntime, clock: Clock, *, region: str, log: FilteringBoundLogger) -> None:
        self._runtime = runtime
        self._clock = clock
        self._region = region
        self._log = log

    async def invoke(self, call: Call[AwsCaller]) -> Response:
        """Run a function on the JSON document in the body and answer with the document that it gives."""
        who = call.caller
        logical_name = self._function(who, call.path["function"], call.options(InvokeQuery).qualifier)
        invocation_type = _choice(call.headers, "x-amz-invocation-type", _INVOCATION_TYPES)
        log_type = _choice(call.headers, "x-amz-log-type", _LOG_TYPES)
        _require_client_context(call.headers.get("x-amz-client-context"))
        payload = require_json(await call.body())
        if invocation_type == "DryRun":
            return Response(status_code=204)
        if invocation_type == "Event":
            if len(payload) > MAX_EVENT_PAYLOAD:
                raise PayloadTooLarge(MAX_EVENT_PAYLOAD)
            # It has run by the time that it counts as accepted: nothing is left to lose when the process ends.
            await self._run(call, logical_name, payload)
            return Response(status_code=202)
        started_ms = self._clock.millis()
        result = await self._run(call, logical_name, payload)
        headers = {"x-amz-executed-version": names.LATEST}
        if result is None:
            headers["x-amz-function-error"] = "Unhandled"
        elif result.failed:
            headers["x-amz-function-error"] = "Handled"
        if log_type == "Tail":
            headers["x-amz-log-result"] = _log_tail(call.request_id, self._clock.millis() - started_ms)
        body = _unhandled(call.request_id) if result is None else result.body
        return Response(body, 200, headers, media_type="application/json")

    def _function(self, who: AwsCaller, text: str, qualifier: str | None) -> str:
        """Return the logical name of the function that the caller asks for and may invoke."""
        asked = names.parse_function_name(text)
        if asked is None:
            raise FunctionNameInvalid
        region, number = asked.region or self._region, asked.number or who.account.number
        arn = names.function_arn(region, number, asked.name)
        logical_name = names.logical_function(who.account, asked.name)
        # Another account's functions look the same whether they are there or not, and so does everything to a guest.
        is_ours = region == self._region and number == who.account.number
        if not is_ours or (who.caller is None and logical_name != names.GUEST_FUNCTION):
            raise InvocationForbidden(who.arn, arn)
        if asked.qualifier and qualifier and asked.qualifier != qualifier:
            raise InvocationInvalid("The derived qualifier from the function name does not match the specified one.")
        version = qualifier or asked.qualifier
        if logical_name is None or logical_name not in self._runtime.names or version not in {None, names.LATEST}:
            raise FunctionUnknown(names.function_arn(region, number, asked.name, qualifier=version))
        return logical_name

    async def _run(self, call: Call[AwsCaller], logical_name: str, payload: bytes) -> FunctionResult | None:
        """Run the function; ``None`` when it broke, which AWS Lambda answers with 200 and ``Unhandled``."""
        try:
            return await self._runtime.invoke(
                logical_name, call.caller.account, call.caller.caller, payload, source_address=call.peer_address
            )
        except Exception:  # noqa: BLE001 - whatever broke the function, its caller gets the answer of a broken one
            self._log.exception("function_failed", function=logical_name, request_id=call.request_id)
            return None


def require_json(body: bytes) -> bytes:
    """Return the body, ``{}`` for an empty one; raise ``PayloadNotJson``."""
    if not body:
        return b"{}"
    try:
        _document.decode(body)
        body.decode()  # the decoder skips over strings without looking at their bytes
    except RecursionError:
        raise PayloadNotJson("nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PayloadNotJson(str(error)) from None
    return body


def _choice(headers: Headers, name: str, known: tuple[str, ...]) -> str:
    """Return the header's value, the first known one in its absence."""
    value = headers.get(name, known[0])
    if value not in known:
        raise InvocationInvalid(f"{name} must be one of {', '.join(known)}.")
    return value


def _require_client_context(text: str | None) -> None:
    """Check the client context, which none of our functions reads."""
    if text is None:
        return
    try:
        context = msgspec.json.decode(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise ClientContextInvalid from None
    if len(text) > MAX_CLIENT_CONTEXT or not isinstance(context, dict):
        raise ClientContextInvalid


def _unhandled(request_id: str) -> bytes:
    """Return what a broken function answers: clients read a JSON text inside of ``errorMessage``."""
    inner = msgspec.json.encode({"message": f"Internal error. Request id: {request_id}"}).decode()
    return msgspec.json.encode({"errorMessage": inner, "errorType": "InternalError"})


def _log_tail(request_id: str, duration_ms: int) -> str:
    """Return the last lines of the function's log, as AWS Lambda writes them around every run."""
    lines = (
        f"START RequestId: {request_id} Version: {names.LATEST}\n"
        f"END RequestId: {request_id}\n"
        f"REPORT RequestId: {request_id}\tDuration: {duration_ms}.00 ms\tBilled Duration: {duration_ms} ms\n"
    )
    return base64.b64encode(lines.encode()).decode()
