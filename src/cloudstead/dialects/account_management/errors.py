"""Every business error in the words of this dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import Response

from cloudstead.core.accounts.errors import (
    AccountLimitExceeded,
    AccountNotFound,
    AccountNotUsable,
    HostNameTaken,
    PolicyForbids,
)
from cloudstead.core.branding.errors import SlotUnknown
from cloudstead.core.credentials.errors import ApiKeyNotFound, CredentialExpired, CredentialRefused
from cloudstead.core.errors import InvalidField, NotPermitted, OutOfReach
from cloudstead.core.files.errors import ObjectsUnavailable
from cloudstead.core.identityproviders.errors import (
    ProviderBuiltIn,
    ProviderInUse,
    ProviderNotFound,
    ProvidersNotIncluded,
    TooManyProviders,
)
from cloudstead.core.invitations.errors import InvitationNotFound
from cloudstead.core.people.errors import (
    EmailTaken,
    LoginLocked,
    PersonIsActive,
    PersonNotFound,
    SecondFactorMissing,
    SignUpClosed,
    TooManySignUps,
    UserNameTaken,
)
from cloudstead.core.policygroups.errors import (
    AdministratorStays,
    AlreadyMember,
    PolicyGroupNameTaken,
    PolicyGroupNotFound,
)
from cloudstead.core.trustedcertificates.errors import (
    CommercialOnly,
    TrustedCertificateNameTaken,
    TrustedCertificateNotFound,
    TrustedCertificateSubjectTaken,
)
from cloudstead.dialects.account_management.shapes.answers import ErrorResponse, FieldFault
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


@dataclass(frozen=True, slots=True)
class Told:
    """A status, the machine-readable kind and, where one attribute is to blame, which and why."""

    status: int
    kind: str
    field: str | None = None
    reason: str | None = None


def _as(status: int, kind: str) -> Callable[[Any], Told]:
    return lambda _: Told(status, kind)


def _of_field(field: str, status: int, kind: str) -> Callable[[Any], Told]:
    return lambda error: Told(status, kind, field, str(error))


def _invalid(error: InvalidField | FieldInvalid) -> Told:
    return Told(400, "validation_error", error.field or "body", error.reason)


_BAD: Final = _as(400, "bad_request")
_DENIED: Final = _as(403, "access_denied")
_MISSING: Final = _as(404, "not_found")

WORDS: Final[Mapping[type[Exception], Callable[[Any], Told]]] = {
    InvalidField: _invalid,
    NotPermitted: _DENIED,
    OutOfReach: _DENIED,
    AccountNotUsable: _DENIED,
    AccountNotFound: _MISSING,
    HostNameTaken: _of_field("aliases", 409, "duplicate"),
    CredentialRefused: _as(401, "invalid_auth"),
    CredentialExpired: _as(401, "invalid_auth"),
    AccountLimitExceeded: lambda error: Told(403, "account_limit_exceeded", error.limit, error.value),
    PolicyForbids: lambda error: Told(403, "access_denied", "policy", str(error)),
    ApiKeyNotFound: _MISSING,
    TrustedCertificateNotFound: _MISSING,
    TrustedCertificateNameTaken: _of_field("name", 409, "duplicate"),
    TrustedCertificateSubjectTaken: _of_field("certificate", 409, "duplicate"),
    CommercialOnly: _DENIED,
    PolicyGroupNotFound: _MISSING,
    PolicyGroupNameTaken: _of_field("name", 409, "duplicate"),
    AlreadyMember: _as(409, "duplicate"),
    AdministratorStays: _BAD,
    PersonNotFound: _MISSING,
    InvitationNotFound: _MISSING,
    PersonIsActive: _BAD,
    SecondFactorMissing: _BAD,
    EmailTaken: _of_field("email", 409, "duplicate"),
    SlotUnknown: _MISSING,
    ObjectsUnavailable: _as(503, "internal_error"),
    ProviderNotFound: _MISSING,
    ProviderBuiltIn: _DENIED,
    ProviderInUse: _DENIED,
    ProvidersNotIncluded: _DENIED,
    TooManyProviders: lambda error: Told(403, "account_limit_exceeded", "identity-provider-count", str(error.limit)),
    UserNameTaken: _of_field("username", 409, "duplicate"),
    LoginLocked: _as(429, "too_many_requests"),
    TooManySignUps: _as(429, "too_many_requests"),
    SignUpClosed: _as(403, "access_denied"),
    WebError: _BAD,
    FieldInvalid: _invalid,
    BodyNotJson: _BAD,
    Unauthenticated: _as(401, "invalid_auth"),
    RouteNotFound: _MISSING,
    MethodNotAllowed: _as(405, "method_not_allowed"),
    BodyTooLarge: _as(413, "bad_request"),
    BodyTooSlow: _as(408, "bad_request"),
    TooBusy: _as(503, "internal_error"),
}


def refusal(call: Call[Any], told: Told, message: str) -> Response:
    """Return a refusal in this dialect's form."""
    fields = [] if told.field is None else [FieldFault(told.field, told.reason or message)]
    body = ErrorResponse(
        object="error",
        code=told.status,
        type=told.kind,
        message=message,
        request_id=call.request_id,
        fields=fields,
    )
    response = Response(msgspec.json.encode(body), told.status, media_type="application/json")
    if told.status == 401:
        response.headers["www-authenticate"] = "Bearer"  # RFC 9110, section 11.6.1
    return response


def _wording(tell: Callable[[Any], Told]) -> Callable[[Any, Call[Any]], Response]:
    return lambda error, call: refusal(call, tell(error), str(error))


ERRORS: Final = ErrorMap(
    {kind: _wording(tell) for kind, tell in WORDS.items()},
    unexpected=lambda call: refusal(call, Told(500, "internal_error"), "Something went wrong here."),
)
