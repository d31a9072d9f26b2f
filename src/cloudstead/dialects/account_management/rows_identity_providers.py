"""Rows of identity providers, on the own account and on a tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.identityproviders.registry import ADMINISTER, READ
from cloudstead.dialects.account_management.handlers.identity_providers import IdentityProviderHandlers
from cloudstead.dialects.account_management.paging import ListQuery
from cloudstead.dialects.account_management.rows import both
from cloudstead.dialects.account_management.shapes.answers import ListOf
from cloudstead.dialects.account_management.shapes.identity_providers import IdentityProviderInfo, IdentityProviderReq
from cloudstead.web.table import op

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.web.table import Operation

_EVERY = "/v3/identity-providers"
_ONE = f"{_EVERY}/{{identity_provider_id}}"


def identity_providers(backend: Backend) -> Sequence[Operation]:
    """Return the 14 rows."""
    run = IdentityProviderHandlers(backend)
    info = IdentityProviderInfo
    return (
        *both(
            op(
                "GET",
                _EVERY,
                name="list_identity_providers",
                run=run.list_all,
                gives=ListOf[IdentityProviderInfo],
                query=ListQuery,
                permission=READ,
            ),
            "list_account_identity_providers",
        ),
        *both(
            op(
                "POST",
                _EVERY,
                name="create_identity_provider",
                run=run.create,
                takes=IdentityProviderReq,
                gives=info,
                permission=ADMINISTER,
                status=201,
            ),
            "create_account_identity_provider",
        ),
        *both(
            op("GET", _ONE, name="get_identity_provider", run=run.get, gives=info, permission=READ),
            "get_account_identity_provider",
        ),
        *both(
            op(
                "PUT",
                _ONE,
                name="update_identity_provider",
                run=run.update,
                takes=IdentityProviderReq,
                gives=info,
                permission=ADMINISTER,
            ),
            "update_account_identity_provider",
        ),
        *both(
            op("DELETE", _ONE, name="delete_identity_provider", run=run.remove, permission=ADMINISTER, status=204),
            "delete_account_identity_provider",
        ),
        *both(
            op(
                "POST",
                f"{_ONE}/delete-sp-certificate",
                name="delete_sp_certificate",
                run=run.delete_certificate,
                gives=info,
                permission=ADMINISTER,
            ),
            "delete_account_sp_certificate",
        ),
        *both(
            op(
                "POST",
                f"{_ONE}/generate-sp-certificate",
                name="generate_sp_certificate",
                run=run.generate_certificate,
                gives=info,
                permission=ADMINISTER,
            ),
            "generate_account_sp_certificate",
        ),
    )
