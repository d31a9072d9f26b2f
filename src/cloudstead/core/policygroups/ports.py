"""What policy groups need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.caller import Grant
    from cloudstead.core.credentials.model import ApiKey
    from cloudstead.core.ids import AccountId, ApiKeyId, PersonId, PolicyGroupId
    from cloudstead.core.paging import Page, PageRequest
    from cloudstead.core.policygroups.model import CountedGroup, GroupKind, PolicyGroup


class PolicyGroupStore(Protocol):
    """Policy groups of one account at a time, and who is in them.

    Who is an administrator follows from grants: ``PeopleStore.put_membership`` and ``ApiKeyStore`` keep those rows.
    """

    def add(self, group: PolicyGroup) -> None:
        """Insert a group with its grants; raise ``PolicyGroupNameTaken``."""
        ...

    def replace(self, group: PolicyGroup) -> None:
        """Write all columns of a group and its grants; raise ``PolicyGroupNameTaken``."""
        ...

    def remove(self, account_id: AccountId, group_id: PolicyGroupId) -> None:
        """Delete a group; its members stay, outside of it."""
        ...

    def get(self, account_id: AccountId, group_id: PolicyGroupId) -> PolicyGroup | None:
        """Return the account's group with that id."""
        ...

    def of_kind(self, account_id: AccountId, kind: GroupKind) -> PolicyGroup | None:
        """Return one of the groups that every account has."""
        ...

    def named(self, account_id: AccountId, group_ids: Collection[PolicyGroupId]) -> Sequence[PolicyGroup]:
        """Return those of the groups that the account has, ordered by id."""
        ...

    def counted(self, group: PolicyGroup) -> CountedGroup:
        """Return the group with the number of its members."""
        ...

    def page(self, account_id: AccountId, request: PageRequest, *, name: str | None = None) -> Page[CountedGroup]:
        """Return one page of the account's groups, or of those with exactly that name."""
        ...

    def page_of_key(self, key_id: ApiKeyId, request: PageRequest) -> Page[CountedGroup]:
        """Return one page of the groups that a key is in."""
        ...

    def page_of_person(self, account_id: AccountId, person_id: PersonId, request: PageRequest) -> Page[CountedGroup]:
        """Return one page of the account's groups that a person is in."""
        ...

    def keys_in(self, group_id: PolicyGroupId, request: PageRequest) -> Page[ApiKey]:
        """Return one page of the keys in a group."""
        ...

    def ids_of_keys(self, key_ids: Collection[ApiKeyId]) -> Mapping[ApiKeyId, Sequence[PolicyGroupId]]:
        """Return for each key the groups that it is in, ordered."""
        ...

    def ids_of_people(
        self, account_id: AccountId, person_ids: Collection[PersonId]
    ) -> Mapping[PersonId, Sequence[PolicyGroupId]]:
        """Return for each person the account's groups that the person is in, ordered."""
        ...

    def grants_of_key(self, key_id: ApiKeyId) -> tuple[Grant, ...]:
        """Return what a key holds through its groups; what administrators hold is among its own grants."""
        ...

    def grants_of_people(
        self, account_id: AccountId, person_ids: Collection[PersonId]
    ) -> Mapping[PersonId, tuple[Grant, ...]]:
        """Return what each person holds through groups; what administrators hold is among their own grants."""
        ...

    def count_known(self, account_id: AccountId, person_ids: Collection[PersonId]) -> int:
        """Return how many of the people belong to the account."""
        ...

    def count_able(self, group_id: PolicyGroupId, *, without: Collection[PersonId]) -> int:
        """Return how many people in a group, beside those, are enabled and let into the account."""
        ...

    def put_people(self, groups: Collection[PolicyGroup], person_ids: Collection[PersonId]) -> None:
        """Add people to groups; those who are in already stay. Not for the administrators."""
        ...

    def put_keys(self, groups: Collection[PolicyGroup], key_ids: Collection[ApiKeyId]) -> None:
        """Add keys to groups; those that are in already stay. Not for the administrators."""
        ...

    def take_people(self, group_ids: Collection[PolicyGroupId], person_ids: Collection[PersonId]) -> None:
        """Take people out of groups. Not for the administrators."""
        ...

    def take_keys(self, group_ids: Collection[PolicyGroupId], key_ids: Collection[ApiKeyId]) -> None:
        """Take keys out of groups. Not for the administrators."""
        ...

    def touch(self, groups: Collection[PolicyGroup], now_ms: int) -> None:
        """Raise the versions of groups, whose members are others."""
        ...
