"""Every refusal in the form of its service: the only place where an AWS error name or a status is written.

Five forms (AWS documentation of each service):

- Lambda: ``{"Type","message"}`` and the header ``x-amzn-errortype``
- Cognito Identity: ``{"__type","message"}`` and the same header, always 400 but for faults of ours
- IoT data plane: ``{"message"}`` and the same header
- STS: XML
- plain HTTP (functions, manifest): ``{"message"}``
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

import msgspec
from starlette.responses import Response

from cloudstead.core.accounts.errors import AccountNotFound, AccountNotUsable
from cloudstead.core.credentials.errors import (
    AccessKeyNotFound,
    CredentialExpired,
    CredentialRefused,
    TooManyAccessKeys,
)
from cloudstead.core.domains.errors import DomainNotFound
from cloudstead.core.errors import CloudsteadError, InvalidField, NotPermitted, OutOfReach
from cloudstead.core.files.errors import FileNotAvailable, LinkRefused, ObjectsUnavailable
from cloudstead.core.observations.errors import IndexUnavailable, TooManySearches
from cloudstead.core.shadows.errors import ShadowRejected
from cloudstead.core.spine.errors import ShadowUnavailable, TopicForbidden
from cloudstead.core.things.errors import ThingNotFound
from cloudstead.dialects.aws import names, refusals, sts
from cloudstead.dialects.aws.invoke import MAX_PAYLOAD
from cloudstead.web import content, sigv4
from cloudstead.web import errors as web
from cloudstead.web.face import ErrorMap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudstead.web.call import Call

    Words = Callable[[Any], "Told"]
    Form = Callable[["Told", Call[Any]], Response]


@dataclass(frozen=True, slots=True)
class Told:
    """What a client is told; ``offset`` is the place in the log of a request that was refused after it was stored."""

    status: int
    name: str
    message: str
    offset: int = 0


def _as(status: int, name: str) -> Words:
    """Tell the error's own message."""
    return lambda error: Told(status, name, str(error))


def _saying(status: int, name: str, message: str) -> Words:
    """Tell a fixed message."""
    return lambda _: Told(status, name, message)


_INVALID: Final = "The security token included in the request is invalid."
_EXPIRED: Final = "The security token included in the request is expired"
_FAULT: Final = "An internal error occurred. The request id helps to find out why."

_SIGNATURES: Final[Mapping[type[Exception], Words]] = {
    sigv4.SignatureRefused: _as(403, "InvalidSignatureException"),
    sigv4.SignatureMissing: _as(403, "MissingAuthenticationTokenException"),
    sigv4.SignatureIncomplete: _as(403, "IncompleteSignatureException"),
    CredentialRefused: _saying(403, "UnrecognizedClientException", _INVALID),
    CredentialExpired: _saying(403, "ExpiredTokenException", _EXPIRED),
}

_LAMBDA: Final[Mapping[type[Exception], Words]] = {
    **_SIGNATURES,
    CloudsteadError: _as(400, "InvalidParameterValueException"),
    AccountNotUsable: _as(403, "AccessDeniedException"),
    web.WebError: _as(400, "InvalidParameterValueException"),
    web.RouteNotFound: _as(404, "ResourceNotFoundException"),
    web.MethodNotAllowed: _as(405, "MethodNotAllowedException"),
    web.BodyTooLarge: lambda _: Told(413, "RequestTooLargeException", str(refusals.PayloadTooLarge(MAX_PAYLOAD))),
    web.BodyTooSlow: _as(408, "RequestTimeoutException"),
    web.TooBusy: _as(429, "TooManyRequestsException"),
    web.Unauthenticated: _as(403, "MissingAuthenticationTokenException"),
    refusals.AwsRefusal: _as(400, "InvalidParameterValueException"),
    refusals.FunctionUnknown: _as(404, "ResourceNotFoundException"),
    refusals.InvocationForbidden: _as(403, "AccessDeniedException"),
    refusals.PayloadNotJson: _as(400, "InvalidRequestContentException"),
    refusals.ClientContextInvalid: _as(400, "InvalidRequestContentException"),
    refusals.PayloadTooLarge: _as(413, "RequestTooLargeException"),
    refusals.Throttled: _as(429, "TooManyRequestsException"),
}

_COGNITO: Final[Mapping[type[Exception], Words]] = {
    CloudsteadError: _as(400, "InvalidParameterException"),
    AccountNotUsable: _as(400, "NotAuthorizedException"),
    web.WebError: _as(400, "InvalidParameterException"),
    web.RouteNotFound: lambda error: Told(400, "UnknownOperationException", f"Unknown operation: {error.what[:80]}"),
    web.MethodNotAllowed: _as(405, "UnknownOperationException"),
    web.BodyNotJson: _as(400, "SerializationException"),
    web.BodyTooLarge: _as(413, "RequestEntityTooLargeException"),
    web.BodyTooSlow: _as(408, "RequestTimeoutException"),
    web.TooBusy: _as(400, "TooManyRequestsException"),
    web.FieldInvalid: lambda error: Told(
        400,
        "InvalidParameterException",
        f"1 validation error detected: Value at '{error.field}' failed to satisfy constraint: {error.reason}",
    ),
    refusals.AwsRefusal: _as(400, "InvalidParameterException"),
    refusals.IdentityPoolUnknown: _as(400, "ResourceNotFoundException"),
    refusals.IdentityUnknown: _as(400, "ResourceNotFoundException"),
    refusals.IdentityForbidden: _as(400, "NotAuthorizedException"),
    refusals.LoginInvalid: _as(400, "NotAuthorizedException"),
    refusals.Throttled: _as(400, "TooManyRequestsException"),
}

# The query protocol has names of its own for the refusals of a signature.
_STS: Final[Mapping[type[Exception], Words]] = {
    sigv4.SignatureRefused: _as(403, "SignatureDoesNotMatch"),
    sigv4.SignatureMissing: _as(403, "MissingAuthenticationToken"),
    sigv4.SignatureIncomplete: _as(403, "IncompleteSignature"),
    CredentialRefused: _saying(403, "InvalidClientTokenId", _INVALID),
    CredentialExpired: _saying(403, "ExpiredToken", _EXPIRED),
    CloudsteadError: _as(400, "ValidationError"),
    AccountNotUsable: _as(403, "AccessDenied"),
    web.WebError: _as(400, "ValidationError"),
    web.RouteNotFound: lambda error: Told(
        400, "InvalidAction", f"Could not find operation {error.what[:80]} for version 2011-06-15"
    ),
    web.MethodNotAllowed: _as(405, "InvalidAction"),
    web.BodyTooLarge: _as(413, "RequestEntityTooLarge"),
    web.BodyTooSlow: _as(408, "RequestTimeout"),
    web.TooBusy: _as(400, "Throttling"),
    refusals.AwsRefusal: _as(400, "ValidationError"),
    refusals.Throttled: _as(400, "Throttling"),
    # IAM's own.
    NotPermitted: _as(403, "AccessDenied"),
    DomainNotFound: _as(404, "NoSuchEntity"),
    AccessKeyNotFound: _as(404, "NoSuchEntity"),
    TooManyAccessKeys: _as(409, "LimitExceeded"),
    refusals.ActionIncomplete: _as(400, "MissingParameter"),
    refusals.GuestRefused: _as(403, "AccessDenied"),
    refusals.UserUnknown: _as(404, "NoSuchEntity"),
}

# AWS IoT, "Device Shadow error messages": the code of a rejection is the status over HTTP.
_REJECTIONS: Final = {
    400: "InvalidRequestException",
    401: "UnauthorizedException",
    403: "ForbiddenException",
    404: "ResourceNotFoundException",
    405: "MethodNotAllowedException",
    409: "ConflictException",
    413: "RequestEntityTooLargeException",
    415: "UnsupportedDocumentEncodingException",
    429: "ThrottlingException",
    500: "InternalFailureException",
    503: "ServiceUnavailableException",
}


def _rejected(error: ShadowRejected) -> Told:
    return Told(error.rejection, _REJECTIONS[error.rejection], error.message, error.offset)


_IOT_DATA: Final[Mapping[type[Exception], Words]] = {
    **_SIGNATURES,
    CloudsteadError: _as(400, "InvalidRequestException"),
    ShadowRejected: _rejected,
    InvalidField: _as(400, "InvalidRequestException"),
    NotPermitted: _saying(403, "ForbiddenException", "Forbidden"),
    OutOfReach: _saying(403, "ForbiddenException", "Forbidden"),
    AccountNotUsable: _saying(403, "ForbiddenException", "Forbidden"),
    TopicForbidden: _saying(403, "ForbiddenException", "Forbidden"),
    ShadowUnavailable: _as(503, "ServiceUnavailableException"),
    IndexUnavailable: _as(503, "ServiceUnavailableException"),
    TooManySearches: _as(429, "ThrottlingException"),
    ThingNotFound: _saying(404, "ResourceNotFoundException", "Thing not found"),
    web.WebError: _as(400, "InvalidRequestException"),
    web.RouteNotFound: _as(404, "ResourceNotFoundException"),
    web.MethodNotAllowed: _as(405, "MethodNotAllowedException"),
    web.BodyTooLarge: _saying(413, "RequestEntityTooLargeException", "The payload exceeds the maximum size allowed"),
    web.BodyTooSlow: _as(408, "InvalidRequestException"),
    web.TooBusy: _as(503, "ServiceUnavailableException"),
    web.Unauthenticated: _as(401, "UnauthorizedException"),
    refusals.AwsRefusal: _as(400, "InvalidRequestException"),
    refusals.GuestRefused: _as(403, "ForbiddenException"),
    refusals.BearerRefused: _as(401, "UnauthorizedException"),
    refusals.Throttled: _as(429, "ThrottlingException"),
}

_PLAIN: Final[Mapping[type[Exception], Words]] = {
    CloudsteadError: _as(400, "bad request"),
    AccountNotFound: _as(404, "not found"),
    AccountNotUsable: _as(403, "forbidden"),
    web.WebError: _as(400, "bad request"),
    web.RouteNotFound: _as(404, "not found"),
    web.MethodNotAllowed: _as(405, "method not allowed"),
    web.BodyTooLarge: _as(413, "too large"),
    web.BodyTooSlow: _as(408, "too slow"),
    web.TooBusy: _as(503, "too busy"),
    web.Unauthenticated: _as(401, "unauthorized"),
    refusals.AwsRefusal: _as(400, "bad request"),
    refusals.FunctionUnknown: _as(404, "not found"),
    refusals.HostUnknown: _as(404, "not found"),
    FileNotAvailable: _as(404, "not found"),
    LinkRefused: _as(403, "forbidden"),
    ObjectsUnavailable: _as(503, "unavailable"),
    content.RangeNotSatisfiable: _as(416, "range not satisfiable"),
    content.PreconditionFailed: _as(412, "precondition failed"),
    refusals.BearerRefused: _as(401, "unauthorized"),
    refusals.Throttled: _as(429, "throttled"),
}


def _json(content: object, told: Told, media_type: str = "application/json") -> Response:
    return Response(msgspec.json.encode(content), told.status, {"x-amzn-errortype": told.name}, media_type=media_type)


def _lambda_form(told: Told, call: Call[Any]) -> Response:  # noqa: ARG001 - a form may need the call
    return _json({"Type": "User" if told.status < 500 else "Service", "message": told.message}, told)


def _cognito_form(told: Told, call: Call[Any]) -> Response:  # noqa: ARG001
    return _json({"__type": told.name, "message": told.message}, told, "application/x-amz-json-1.1")


def _iot_form(told: Told, call: Call[Any]) -> Response:
    response = _json({"message": told.message, "traceId": call.request_id}, told)
    if told.offset:
        response.headers[names.OFFSET_HEADER] = str(told.offset)
    return response


def _sts_form(told: Told, call: Call[Any]) -> Response:
    return sts.xml_response(
        f'<ErrorResponse xmlns="{sts.NAMESPACE}"><Error><Type>{"Sender" if told.status < 500 else "Receiver"}</Type>'
        f"<Code>{told.name}</Code><Message>{escape(told.message)}</Message></Error>"
        f"<RequestId>{escape(call.request_id)}</RequestId></ErrorResponse>",
        status=told.status,
    )


def _plain_form(told: Told, call: Call[Any]) -> Response:
    headers = {"www-authenticate": "Bearer"} if told.status == 401 else None
    content = {"message": told.message, "request_id": call.request_id}
    return Response(msgspec.json.encode(content), told.status, headers, media_type="application/json")


def _map(words: Mapping[type[Exception], Words], form: Form, *, fault: Told) -> ErrorMap:
    def wording(tell: Words) -> Callable[[Any, Call[Any]], Response]:
        return lambda error, call: form(tell(error), call)

    return ErrorMap({kind: wording(tell) for kind, tell in words.items()}, unexpected=lambda call: form(fault, call))


LAMBDA_ERRORS: Final = _map(_LAMBDA, _lambda_form, fault=Told(500, "ServiceException", _FAULT))
COGNITO_ERRORS: Final = _map(_COGNITO, _cognito_form, fault=Told(500, "InternalErrorException", _FAULT))
STS_ERRORS: Final = _map(_STS, _sts_form, fault=Told(500, "InternalFailure", _FAULT))
IOT_DATA_ERRORS: Final = _map(_IOT_DATA, _iot_form, fault=Told(500, "InternalFailureException", _FAULT))
PLAIN_ERRORS: Final = _map(_PLAIN, _plain_form, fault=Told(500, "internal error", _FAULT))
