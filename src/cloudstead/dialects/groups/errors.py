"""Every business error in the words of this dialect: a status of four, and ``{"message": ...}``.

The document knows 200 and 400 alone. 401, 403 and 500 are ours, as is that what cannot be seen is 400 rather than 404.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import Response

from cloudstead.core.accounts.errors import AccountLimitExceeded, AccountNotUsable, PolicyForbids
from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused, SealBroken
from cloudstead.core.errors import CloudsteadError, NotPermitted, OutOfReach
from cloudstead.core.people.errors import PersonNotFound, RoleTooHigh
from cloudstead.core.shadows.errors import ShadowRejected
from cloudstead.core.spine.errors import ShadowUnavailable
from cloudstead.web.errors import (
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

STATUSES: Final[Mapping[type[Exception], int]] = {
    CloudsteadError: 400,
    NotPermitted: 403,
    RoleTooHigh: 403,
    OutOfReach: 403,
    PolicyForbids: 403,
    AccountLimitExceeded: 403,
    AccountNotUsable: 403,
    CredentialRefused: 401,
    CredentialExpired: 401,
    SealBroken: 500,
    ShadowRejected: 400,
    ShadowUnavailable: 503,
    WebError: 400,
    Unauthenticated: 401,
    RouteNotFound: 404,
    MethodNotAllowed: 405,
    TooBusy: 503,
}


def refusal(status: int, message: str) -> Response:
    """Return a refusal in this dialect's form."""
    response = Response(msgspec.json.encode({"message": message}), status, media_type="application/json")
    if status == 401:
        response.headers["www-authenticate"] = "Bearer"  # RFC 9110, section 11.6.1
    return response


def _wording(status: int) -> Callable[[Any, Call[Any]], Response]:
    return lambda error, _: refusal(status, str(error))


ERRORS: Final = ErrorMap(
    {
        **{kind: _wording(status) for kind, status in STATUSES.items()},
        PersonNotFound: lambda _, __: refusal(400, "userId: nobody with that id is in a group of yours"),
    },
    unexpected=lambda _: refusal(500, "Something went wrong here."),
)
