"""The caller: who asks, in which account, with which grants. Dialects make it; core checks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cloudstead.core.access.permissions import BUILT_IN_ROLES, READING, Permission
from cloudstead.core.accounts.errors import PolicyForbids
from cloudstead.core.errors import NotPermitted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudstead.core.ids import AccountId, DomainId, PersonId


@dataclass(frozen=True, slots=True)
class Grant:
    """A role held at a domain and, by inheritance, at every domain below it.

    ``only_reads``: as long as the account is restricted, nothing that changes anything is allowed, whatever the role.
    ``denied`` is what the policies of the account take away. ``permissions`` are those of a role that somebody of the
    account has made, whose id stands in ``role``; whoever reads a grant from storage finds them there.
    """

    domain_id: DomainId
    role: str
    only_reads: bool = False
    denied: frozenset[Permission] = frozenset()
    permissions: frozenset[Permission] | None = field(default=None, compare=False, repr=False)

    @property
    def held(self) -> frozenset[Permission] | None:
        """What the role holds, before anything is taken away; ``None`` when there is no such role any more."""
        if self.permissions is not None:
            return self.permissions
        role = BUILT_IN_ROLES.get(self.role)
        return None if role is None else role.permissions

    def allows(self, permission: Permission) -> bool:
        """Tell whether the role holds ``permission``."""
        held = self.held
        if held is None or permission not in held or permission in self.denied:
            return False
        return not self.only_reads or permission in READING


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``principal`` is what logs and audit entries say: ``person:<id>``, ``key:<id>``, ``thing:<name>``.

    ``grants[0]`` is the home grant: its domain is the caller's own domain, its role the caller's role.
    """

    account_id: AccountId
    principal: str
    user_name: str
    person_id: PersonId | None
    grants: tuple[Grant, ...]
    source_address: str | None = None  # where the request came from, for the audit trail
    credential_epoch: int = 0  # that of the person when the caller was read
    _places: Mapping[DomainId, Sequence[Grant]] | None = field(init=False, default=None, compare=False, repr=False)

    def seen_from(self, address: str | None) -> Caller:
        """Return the same caller, asking from ``address``."""
        if address == self.source_address:
            return self
        # For every request: dataclasses.replace() takes three times as long.
        seen = Caller(
            self.account_id, self.principal, self.user_name, self.person_id, self.grants, address, self.credential_epoch
        )
        object.__setattr__(seen, "_places", self._places)  # a caller is frozen to everybody else
        return seen

    def at(self, domain_id: DomainId) -> Sequence[Grant]:
        """Return the grants held at that very domain; who has made ten thousand groups holds as many grants."""
        if self._places is None:
            places: dict[DomainId, list[Grant]] = {}
            for grant in self.grants:
                places.setdefault(grant.domain_id, []).append(grant)
            object.__setattr__(self, "_places", places)  # at once, for other threads ask as well
            return places.get(domain_id, ())
        return self._places.get(domain_id, ())

    @property
    def home(self) -> Grant | None:
        """The caller's own domain and role; ``None`` while somebody has yet to give them any."""
        return self.grants[0] if self.grants else None

    @property
    def only_reads(self) -> bool:
        """Whether the caller may change nothing, because the account is restricted."""
        return any(grant.only_reads for grant in self.grants)

    @property
    def is_key(self) -> bool:
        """Whether a key asks, which has rights of its own and may be in other hands than its owner's."""
        return self.principal.startswith("key:")

    def may(self, permission: Permission) -> bool:
        """Tell whether any grant, wherever it lies, holds ``permission``."""
        return any(grant.allows(permission) for grant in self.grants)

    def require(self, permission: Permission) -> None:
        """Raise ``NotPermitted`` unless some grant holds ``permission``."""
        if not self.may(permission):
            if any(permission in grant.denied for grant in self.grants):
                raise PolicyForbids(permission.partition(":")[0])
            raise NotPermitted(permission)
