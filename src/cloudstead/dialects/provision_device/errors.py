"""Every refusal in the form that boto3 reads: ``x-amzn-ErrorType``, and a body with a capital ``Message``.

What is refused before the operation is reached (signatures) has a small ``message`` (AWS, "Common errors").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import Response

from cloudstead.core.accounts.errors import AccountLimitExceeded, PolicyForbids
from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused
from cloudstead.core.errors import CloudsteadError, InvalidField, NotPermitted, OutOfReach
from cloudstead.core.provisioning.errors import ClaimExpired, ClaimRefused, DeviceNameTaken, DeviceNotFound
from cloudstead.web import errors as web
from cloudstead.web import sigv4
from cloudstead.web.face import ErrorMap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudstead.web.call import Call

    Words = Callable[[Any], "Told"]

_WIRE_NAMES: Final = {
    "name": "Name",
    "description": "Description",
    "tags": "Tags",
    "networking": "NetworkingConfiguration",
}
_INVALID: Final = "The security token included in the request is invalid."
_EXPIRED: Final = "The security token included in the request is expired"
_DENIED: Final = "You are not authorized to perform this operation: it asks for {}."
_FAULT: Final = "An internal error occurred. The request id helps to find out why."
_RETRY_AFTER_S: Final = 5


@dataclass(frozen=True, slots=True)
class Told:
    """What a client is told; ``members`` are those of the shape beside the message."""

    status: int
    name: str
    message: str
    members: Mapping[str, Any] = field(default_factory=dict)
    is_common: bool = False


def _common(status: int, name: str, message: str | None = None) -> Words:
    return lambda error: Told(status, name, message or str(error), is_common=True)


def _denied(error: NotPermitted | OutOfReach) -> Told:
    what = error.permission if isinstance(error, NotPermitted) else "a domain within your reach"
    return Told(403, "AccessDeniedException", _DENIED.format(what))


def _field(name: str, reason: str) -> Told:
    shown = _WIRE_NAMES.get(name, name)
    return Told(
        400,
        "ValidationException",
        f"{shown}: {reason}" if shown else reason,
        {"Reason": "FIELD_VALIDATION_FAILED", "Fields": [{"Name": shown or "(body)", "Message": reason}]},
    )


def _unknown(error: Exception) -> Told:
    return Told(400, "ValidationException", str(error), {"Reason": "UNKNOWN_OPERATION"})


def _taken(error: DeviceNameTaken) -> Told:
    return Told(
        409,
        "ConflictException",
        str(error),
        {
            "ResourceId": error.device_id,
            "ResourceType": "device",
            "ErrorArguments": [{"Name": "Name", "Value": error.name}],
        },
    )


def _exceeded(error: AccountLimitExceeded) -> Told:
    return Told(
        402,
        "ServiceQuotaExceededException",
        str(error),
        {"QuotaCode": "L-DEVICES", "ServiceCode": "panorama", "ResourceType": "device"},
    )


def _missing(error: DeviceNotFound) -> Told:
    members = {"ResourceId": error.device_id, "ResourceType": "device"}
    return Told(404, "ResourceNotFoundException", str(error), members)


_WORDS: Final[Mapping[type[Exception], Words]] = {
    sigv4.SignatureRefused: _common(403, "InvalidSignatureException"),
    sigv4.SignatureMissing: _common(403, "MissingAuthenticationTokenException"),
    sigv4.SignatureIncomplete: _common(400, "IncompleteSignature"),
    CredentialRefused: _common(403, "UnrecognizedClientException", _INVALID),
    CredentialExpired: _common(403, "ExpiredTokenException", _EXPIRED),
    web.TooBusy: _common(400, "ThrottlingException"),
    NotPermitted: _denied,
    OutOfReach: _denied,
    PolicyForbids: lambda error: Told(403, "AccessDeniedException", str(error)),
    DeviceNotFound: _missing,
    DeviceNameTaken: _taken,
    AccountLimitExceeded: _exceeded,
    InvalidField: lambda error: _field(error.field, error.reason),
    CloudsteadError: lambda error: Told(400, "ValidationException", str(error), {"Reason": "OTHER"}),
    web.FieldInvalid: lambda error: _field(error.field, error.reason),
    web.BodyNotJson: lambda error: Told(400, "ValidationException", str(error), {"Reason": "CANNOT_PARSE"}),
    web.RouteNotFound: _unknown,
    web.MethodNotAllowed: _unknown,
    web.BodyTooLarge: lambda error: Told(413, "ValidationException", str(error), {"Reason": "OTHER"}),
    web.BodyTooSlow: lambda error: Told(408, "ValidationException", str(error), {"Reason": "OTHER"}),
    web.WebError: lambda error: Told(400, "ValidationException", str(error), {"Reason": "OTHER"}),
}


def _answer(told: Told) -> Response:
    body = {"message" if told.is_common else "Message": told.message, **told.members}
    response = Response(msgspec.json.encode(body), told.status, media_type="application/json")
    response.headers["x-amzn-errortype"] = told.name
    return response


def _fault(_: Call[Any]) -> Response:
    response = _answer(Told(500, "InternalServerException", _FAULT))
    response.headers["retry-after"] = str(_RETRY_AFTER_S)
    return response


def _worded(tell: Words) -> Callable[[Any, Call[Any]], Response]:
    return lambda error, _: _answer(tell(error))


ERRORS: Final = ErrorMap({kind: _worded(tell) for kind, tell in _WORDS.items()}, unexpected=_fault)


# The registration is ours: plain statuses, and a body that says what to do.


def _plain(status: int, code: str, message: str, **members: str) -> Response:
    body = {"code": code, "message": message, **members}
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def _as_it_is(status: int, code: str) -> Callable[[Any, Call[Any]], Response]:
    return lambda error, _: _plain(status, code, str(error))


REGISTRATION_ERRORS: Final = ErrorMap(
    {
        ClaimRefused: _as_it_is(403, "claim_refused"),
        ClaimExpired: _as_it_is(403, "claim_expired"),
        CredentialRefused: _as_it_is(403, "account_closed"),
        InvalidField: lambda error, _: _plain(400, "invalid_field", str(error), field=error.field),
        CloudsteadError: lambda error, _: _plain(409, error.code, f"{error} Provision the device again."),
        web.Unauthenticated: _as_it_is(401, "claim_missing"),
        web.FieldInvalid: lambda error, _: _plain(400, "invalid_field", str(error), field=error.field),
        web.BodyTooLarge: _as_it_is(413, "too_large"),
        web.BodyTooSlow: _as_it_is(408, "too_slow"),
        web.TooBusy: _as_it_is(503, "too_busy"),
        web.RouteNotFound: _as_it_is(404, "not_found"),
        web.MethodNotAllowed: _as_it_is(405, "method_not_allowed"),
        web.WebError: _as_it_is(400, "bad_request"),
    },
    unexpected=lambda _: _plain(500, "internal_error", _FAULT),
)
