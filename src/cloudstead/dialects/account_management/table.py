"""The operations of account management, version 3, by area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.dialects.account_management.auth import BearerCallers
from cloudstead.dialects.account_management.errors import ERRORS
from cloudstead.dialects.account_management.rows_accounts import rows as accounts
from cloudstead.dialects.account_management.rows_api_keys import rows as api_keys
from cloudstead.dialects.account_management.rows_audit_log import rows as audit_log
from cloudstead.dialects.account_management.rows_branding import branding
from cloudstead.dialects.account_management.rows_certificates import rows as certificates
from cloudstead.dialects.account_management.rows_identity_providers import identity_providers
from cloudstead.dialects.account_management.rows_policy_groups import rows as policy_groups
from cloudstead.dialects.account_management.rows_users import rows as users
from cloudstead.web.face import Document, Face, below
from cloudstead.web.routes import PathRoutes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.web.table import Operation

DOCUMENT: Final = Document(
    name="account-management",
    title="Account management",
    version="3",
    summary="Accounts, tenants, API keys, policy groups and what belongs to them. Send an API key or a login token.",
)

_BODY_LIMIT: Final = 4 * 1024 * 1024

AREAS: Final[Sequence[Callable[[Backend], Sequence[Operation]]]] = (
    accounts,
    api_keys,
    policy_groups,
    users,
    branding,
    identity_providers,
    certificates,
    audit_log,
)


def operations(backend: Backend) -> tuple[Operation, ...]:
    """Return the rows of every area."""
    return tuple(row for area in AREAS for row in area(backend))


def account_management_face(backend: Backend) -> Face:
    """Return the face of everything below ``/v3/``."""
    return Face(
        name="account-management",
        matches=below("/v3/"),
        routes=PathRoutes(operations(backend), ignore_last_slash=True),
        errors=ERRORS,
        authenticate=BearerCallers(backend.callers).of_call,
        body_limit=_BODY_LIMIT,
        document=DOCUMENT,
        tag_of=area_of,
    )


def area_of(path: str) -> str:
    """Return what a path is about, for the document: the noun behind /v3/, and whether it is that of a tenant."""
    noun = path.removeprefix("/v3/accounts/{account_id}/")
    if noun != path:
        return f"{noun.partition('/')[0]} of a tenant"
    return path.removeprefix("/v3/").partition("/")[0]
