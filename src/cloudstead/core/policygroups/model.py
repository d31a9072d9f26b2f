"""A policy group: its members hold its grants beside their own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cloudstead.core.caller import Grant
from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.ids import DomainId
from cloudstead.core.versions import Versioned

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId, PolicyGroupId


class GroupKind(StrEnum):
    """Which groups an account has from its opening, and which were made later.

    Whoever holds the Administrator role at the root is in ADMINISTRATORS, and nobody else: a role given through another
    dialect counts. Members of DEVELOPERS hold ReadWrite at the root.
    """

    ADMINISTRATORS = "administrators"
    DEVELOPERS = "developers"
    CUSTOM = "custom"


ADMINISTRATOR_GRANT: Final = Grant(DomainId(ROOT_ID), "Administrator")
DEVELOPER_GRANT: Final = Grant(DomainId(ROOT_ID), "ReadWrite")
BUILT_IN: Final = {
    GroupKind.ADMINISTRATORS: ("Administrators", ()),
    GroupKind.DEVELOPERS: ("Developers", (DEVELOPER_GRANT,)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyGroup(Versioned):
    """A group. ``grants`` are held by its members for as long as they are in it."""

    id: PolicyGroupId
    account_id: AccountId
    name: str
    kind: GroupKind = GroupKind.CUSTOM
    grants: tuple[Grant, ...] = ()
    created_at_ms: int = 0

    @property
    def is_built_in(self) -> bool:
        """Whether the account has had the group from its opening."""
        return self.kind is not GroupKind.CUSTOM

    @property
    def given(self) -> tuple[Grant, ...]:
        """What whoever joins gets."""
        return (ADMINISTRATOR_GRANT,) if self.kind is GroupKind.ADMINISTRATORS else self.grants


@dataclass(frozen=True, slots=True)
class CountedGroup:
    """A group with the number of its members."""

    group: PolicyGroup
    people: int
    keys: int
