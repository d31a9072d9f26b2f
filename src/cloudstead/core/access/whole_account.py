"""Rights over a whole account: what is not kept in domains belongs to whoever holds the permission at the root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.errors import NotPermitted

if TYPE_CHECKING:
    from cloudstead.core.access.permissions import Permission
    from cloudstead.core.caller import Caller


def holds_at_root(caller: Caller, permission: Permission) -> bool:
    """Tell whether the caller holds the permission at the root of the own domain tree."""
    return any(grant.domain_id == ROOT_ID and grant.allows(permission) for grant in caller.grants)


def require_at_root(caller: Caller, permission: Permission) -> None:
    """Raise ``NotPermitted`` unless the caller holds the permission at the root."""
    if not holds_at_root(caller, permission):
        caller.require(permission)  # which tells of a policy, where one is the reason
        raise NotPermitted(permission)
