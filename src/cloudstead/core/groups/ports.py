"""What groups need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.groups.model import DeviceFacts, GroupFacts, GroupMember, Holder, OutsideKey
    from cloudstead.core.ids import AccountId, DomainId, PersonId, ThingUid


class GroupStore(Protocol):
    """What groups have beside their domains, with which all of it goes."""

    def put(self, facts: GroupFacts) -> None:
        """Insert or replace what a group has."""
        ...

    def named(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> Mapping[DomainId, GroupFacts]:
        """Return what these groups have, as far as anything was stored. One query."""
        ...

    def by_token(self, token_hash: bytes) -> GroupFacts | None:
        """Return what the group of any account has whose token has that hash."""
        ...

    def members(self, account_id: AccountId, domain_id: DomainId, *, after: str, limit: int) -> Sequence[GroupMember]:
        """Return members in the order of their ids, those behind ``after``. One query."""
        ...

    def member(self, account_id: AccountId, domain_id: DomainId, person_id: PersonId) -> GroupMember | None:
        """Return one member."""
        ...

    def holders(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> Sequence[Holder]:
        """Return who holds which role in which of these groups, of those who may come in. One query."""
        ...

    def devices_at(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> Mapping[DomainId, int]:
        """Return how many things are directly in each of these groups. One query."""
        ...


class OutsideKeyStore(Protocol):
    """Credentials of outside systems, one for each type in a group."""

    def put(self, key: OutsideKey) -> None:
        """Insert or replace a credential."""
        ...

    def get(self, account_id: AccountId, domain_id: DomainId, kind: str) -> OutsideKey | None:
        """Return the group's credential of a type."""
        ...

    def count(self, account_id: AccountId, domain_id: DomainId) -> int:
        """Return how many credentials the group has."""
        ...

    def remove(self, account_id: AccountId, domain_id: DomainId, kind: str) -> None:
        """Delete a credential."""
        ...


class DeviceFactStore(Protocol):
    """What groups know of things; it goes with the thing."""

    def put(self, facts: Sequence[DeviceFacts]) -> None:
        """Insert or replace what is known of several things."""
        ...

    def of_things(self, thing_uids: Collection[ThingUid]) -> Mapping[ThingUid, DeviceFacts]:
        """Return what is known of these things. One query."""
        ...
