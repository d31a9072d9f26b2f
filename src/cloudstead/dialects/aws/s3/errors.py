"""Every refusal in the words of S3 (Amazon S3 API, error responses)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from starlette.responses import Response

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused
from cloudstead.core.errors import CloudsteadError, NotPermitted, OutOfReach
from cloudstead.core.files.errors import FileNotAvailable, ObjectsUnavailable
from cloudstead.dialects.aws import refusals
from cloudstead.dialects.aws.s3 import xml
from cloudstead.dialects.aws.s3.refusals import (
    AccessRefused,
    ArgumentInvalid,
    BucketUnknown,
    NotOffered,
    UriInvalid,
)
from cloudstead.web import content, sigv4
from cloudstead.web import errors as web
from cloudstead.web.face import ErrorMap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudstead.web.call import Call


class _Told(NamedTuple):
    status: int
    code: str
    message: str
    details: Mapping[str, str]


def _as(status: int, code: str, message: str | None = None) -> Callable[[Any, Call[Any]], _Told]:
    """Tell a fixed message, or the error's own."""
    return lambda error, _: _Told(status, code, str(error) if message is None else message, {})


def _skewed(error: Exception, call: Call[Any]) -> _Told:
    if "X-Amz-Expires=" in call.raw_query:
        return _Told(403, "AccessDenied", "Request has expired", {})
    del error
    message = "The difference between the request time and the current time is too large."
    return _Told(403, "RequestTimeTooSkewed", message, {})


def _incomplete(error: Exception, call: Call[Any]) -> _Told:
    is_header = "authorization" in call.headers
    code = "AuthorizationHeaderMalformed" if is_header else "AuthorizationQueryParametersError"
    return _Told(400, code, str(error), {})


_NO_SUCH_KEY: Final = "The specified key does not exist."
_DENIED: Final = "Access Denied"

_WORDS: Final[Mapping[type[Exception], Callable[[Any, Call[Any]], _Told]]] = {
    sigv4.SignatureRefused: _as(403, "SignatureDoesNotMatch"),
    sigv4.SignatureMissing: _as(403, "AccessDenied", _DENIED),
    sigv4.SignatureIncomplete: _incomplete,
    sigv4.ScopeRefused: _incomplete,
    sigv4.ClockSkewed: _skewed,
    sigv4.PayloadAltered: _as(400, "XAmzContentSHA256Mismatch"),
    CredentialRefused: _as(
        403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
    ),
    CredentialExpired: _as(400, "ExpiredToken", "The provided token has expired."),
    CloudsteadError: _as(400, "InvalidRequest"),
    AccountNotUsable: _as(403, "AccessDenied", _DENIED),
    NotPermitted: _as(403, "AccessDenied", _DENIED),
    OutOfReach: _as(403, "AccessDenied", _DENIED),
    FileNotAvailable: lambda error, _: _Told(404, "NoSuchKey", _NO_SUCH_KEY, {"Key": error.key}),
    ObjectsUnavailable: _as(503, "ServiceUnavailable", "Please reduce your request rate."),
    refusals.AwsRefusal: _as(400, "InvalidRequest"),
    refusals.Throttled: _as(503, "SlowDown", "Please reduce your request rate."),
    AccessRefused: _as(403, "AccessDenied"),
    ArgumentInvalid: lambda error, _: _Told(400, "InvalidArgument", str(error), {"ArgumentName": error.name}),
    BucketUnknown: lambda error, _: _Told(404, "NoSuchBucket", str(error), {"BucketName": error.name}),
    NotOffered: _as(501, "NotImplemented"),
    UriInvalid: _as(400, "InvalidURI"),
    content.RangeNotSatisfiable: lambda error, _: _Told(
        416, "InvalidRange", str(error), {"ActualObjectSize": str(error.size)}
    ),
    content.PreconditionFailed: _as(412, "PreconditionFailed"),
    web.WebError: _as(400, "InvalidRequest"),
    web.RouteNotFound: _as(404, "NoSuchKey", _NO_SUCH_KEY),
    web.MethodNotAllowed: lambda error, _: _Told(
        405,
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        {"Method": error.method},
    ),
    web.BodyTooLarge: _as(400, "EntityTooLarge"),
    web.BodyTooSlow: _as(400, "RequestTimeout"),
    web.TooBusy: _as(503, "SlowDown", "Please reduce your request rate."),
}


def _answer(told: _Told, call: Call[Any]) -> Response:
    if call.method == "HEAD":
        return Response(status_code=told.status)
    response = xml.error(told.code, told.message, request_id=call.request_id, status=told.status, details=told.details)
    if call.method != "GET":
        # The body was not read, and a client that waited to be asked for it (Expect: 100-continue) never sends it:
        # what comes next on this connection would be taken for it.
        response.headers["connection"] = "close"
    return response


def _worded(tell: Callable[[Any, Call[Any]], _Told]) -> Callable[[Any, Call[Any]], Response]:
    return lambda error, call: _answer(tell(error, call), call)


def _fault(call: Call[Any]) -> Response:
    return _answer(_Told(500, "InternalError", "We encountered an internal error. Please try again.", {}), call)


S3_ERRORS: Final = ErrorMap({kind: _worded(tell) for kind, tell in _WORDS.items()}, unexpected=_fault)
