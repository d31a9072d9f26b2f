"""What a group has beside its domain, and a group as it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudstead.core.access.permissions import GROUP_ADMINISTRATOR, VIEWER

if TYPE_CHECKING:
    from cloudstead.core.domains.model import Domain
    from cloudstead.core.ids import AccountId, DomainId, PersonId, ThingUid
    from cloudstead.core.people.model import Person, Stage
    from cloudstead.core.roles.model import ShownRole
    from cloudstead.core.things.model import Thing

MAX_DEPTH: Final = 16
"""Levels of groups below the root of an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFacts:
    """What a group has beside its domain. ``token_hash`` is the SHA-256 by which its token is found."""

    account_id: AccountId
    domain_id: DomainId
    owner_id: PersonId | None = None
    administrator_role: str = GROUP_ADMINISTRATOR
    default_role: str = VIEWER
    tags: tuple[str, ...] = ()
    token_hash: bytes = field(repr=False)
    sealed_token: bytes = field(repr=False)
    created_by: PersonId | None = None
    updated_by: PersonId | None = None
    updated_at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGroup:
    """A group as a caller sees it: ``role`` is the caller's, ``token`` is there for whoever may edit the group."""

    domain: Domain
    facts: GroupFacts | None
    person_id: PersonId
    role: ShownRole
    parent_id: DomainId | None
    devices: int
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    """A member of a group by a grant of the own; one that is pending has yet to follow the mailed link."""

    person: Person
    role: str
    stage: Stage
    created_at_ms: int
    updated_at_ms: int


class Holder(NamedTuple):
    """A role that somebody holds in a group."""

    person_id: PersonId
    domain_id: DomainId
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideKey:
    """The credential of an outside system of one type, sealed."""

    account_id: AccountId
    domain_id: DomainId
    type: str
    name: str
    sealed_token: bytes = field(repr=False)
    created_by: PersonId | None
    updated_by: PersonId | None
    created_at_ms: int
    updated_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFacts:
    """What groups know of a thing beside the thing."""

    thing_uid: ThingUid
    account_id: AccountId
    tags: tuple[str, ...] = ()
    created_by: PersonId | None = None
    updated_by: PersonId | None = None
    updated_at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDevice:
    """A thing as groups show it. ``reported`` and ``desired`` are JSON texts, ``seen_at_s`` when it last reported."""

    thing: Thing
    facts: DeviceFacts | None
    network: str
    original_id: str
    battery: str | None
    seen_at_s: int | None
    reported: str
    desired: str
