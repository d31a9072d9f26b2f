"""Every business error in the words of this dialect: plain text, nothing around it.

Agents compare whole bodies with ``Cannot find device`` and ``Authentication failed``, and drop their certificates then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from cloudstead.core.accounts.errors import AccountLimitExceeded, AccountNotFound, AccountNotUsable
from cloudstead.core.clouds.errors import (
    CloudChangeForbidden,
    CloudClosed,
    CloudDeviceNotFound,
    CloudNameTaken,
    CloudNotFound,
    CloudStateForbids,
    CloudTokenNotFound,
    ConnectRefused,
    DeviceBlocked,
    DeviceClaimed,
    DeviceNotClaimed,
    EngineFailed,
    HostInUse,
    HostNotOpen,
    LaunchOver,
)
from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused, SealBroken
from cloudstead.core.errors import CloudsteadError, InvalidField, NotPermitted, OutOfReach
from cloudstead.core.files.errors import ObjectsUnavailable
from cloudstead.core.observations.errors import IndexUnavailable
from cloudstead.web.errors import (
    BodyNotJson,
    BodyTooLarge,
    BodyTooSlow,
    FieldInvalid,
    MethodNotAllowed,
    RouteNotFound,
    TooBusy,
    Unauthenticated,
    WebError,
)
from cloudstead.web.face import ErrorMap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudstead.web.call import Call


class OriginRefused(WebError):
    """Somebody who is signed in calls from no page, or from one of a site that is not the app's."""

    def __init__(self) -> None:
        super().__init__("Send an Origin header that names the site of the app")


Told = tuple[int, str]


def _as(status: int) -> Callable[[Any], Told]:
    return lambda error: (status, str(error))


def _with(status: int, text: str) -> Callable[[Any], Told]:
    return lambda _: (status, text)


def _invalid(error: InvalidField | FieldInvalid) -> Told:
    if error.reason in {"is missing", "is needed"}:
        return 400, f'Missing required field "{error.field}"'
    return 400, f"{error.field or 'body'}: {error.reason}"


AUTHENTICATION_FAILED: Final = "Authentication failed"
_DENIED: Final = _with(403, "Access denied")
_NOBODY: Final = _with(401, AUTHENTICATION_FAILED)

WORDS: Final[Mapping[type[Exception], Callable[[Any], Told]]] = {
    CloudsteadError: _as(400),
    InvalidField: _invalid,
    NotPermitted: _DENIED,
    OutOfReach: _DENIED,
    AccountNotUsable: _DENIED,
    AccountNotFound: _with(404, "Cannot find account"),
    AccountLimitExceeded: _with(429, "Quota exceeded"),
    CredentialRefused: _NOBODY,
    CredentialExpired: _NOBODY,
    CloudNotFound: _as(404),
    CloudNameTaken: _as(409),
    CloudStateForbids: _as(409),
    CloudChangeForbidden: _as(409),
    ConnectRefused: _as(403),
    LaunchOver: _as(403),
    HostNotOpen: _as(409),
    HostInUse: _as(409),
    CloudClosed: _as(409),
    CloudTokenNotFound: _as(404),
    CloudDeviceNotFound: _as(404),
    DeviceNotClaimed: _as(409),
    DeviceClaimed: _as(409),
    DeviceBlocked: _as(409),
    EngineFailed: _as(502),
    ObjectsUnavailable: _with(503, "Try again later"),
    IndexUnavailable: _with(503, "Try again later"),
    SealBroken: _with(500, "Internal error"),
    WebError: _as(400),
    OriginRefused: _as(403),
    FieldInvalid: _invalid,
    BodyNotJson: _as(400),
    Unauthenticated: _NOBODY,
    RouteNotFound: _with(404, "Not found"),
    MethodNotAllowed: _as(405),
    BodyTooLarge: _as(413),
    BodyTooSlow: _as(408),
    TooBusy: _as(503),
}


def refusal(told: Told) -> Response:
    """Return a refusal in this dialect's form."""
    status, text = told
    response = Response(text, status, media_type="text/plain")
    if status == 401:
        response.headers["www-authenticate"] = "Bearer"  # RFC 9110, section 11.6.1
    return response


def _wording(tell: Callable[[Any], Told]) -> Callable[[Any, Call[Any]], Response]:
    return lambda error, _: refusal(tell(error))


ERRORS: Final = ErrorMap(
    {kind: _wording(tell) for kind, tell in WORDS.items()},
    unexpected=lambda _: refusal((500, "Internal error")),
)
