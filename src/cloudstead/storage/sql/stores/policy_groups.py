"""Policy groups, and who is in them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, not_, select

from cloudstead.core.caller import Grant
from cloudstead.core.people.model import Stage
from cloudstead.core.policygroups.errors import PolicyGroupNameTaken
from cloudstead.core.policygroups.model import CountedGroup, GroupKind, PolicyGroup
from cloudstead.storage.sql.statements import Statement, adding, adding_if_free
from cloudstead.storage.sql.stores.api_key_rows import KEY_COLUMNS, key_grants, keys_of_rows
from cloudstead.storage.sql.stores.paging import Pages
from cloudstead.storage.sql.tables import api_keys, memberships, people
from cloudstead.storage.sql.tables_accounts import (
    policy_group_grants,
    policy_group_keys,
    policy_group_people,
    policy_groups,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Select

    from cloudstead.core.credentials.model import ApiKey
    from cloudstead.core.ids import AccountId, ApiKeyId, PersonId, PolicyGroupId
    from cloudstead.core.paging import Page, PageRequest
    from cloudstead.storage.sql.transaction import Transaction

_groups: Final = policy_groups.c
_people: Final = policy_group_people.c
_keys: Final = policy_group_keys.c
_grants: Final = policy_group_grants.c
_WIDTH: Final = len(_groups)


def _counted() -> Select[Any]:
    people = select(func.count()).where(_people.group_id == _groups.id).correlate(policy_groups).scalar_subquery()
    keys = select(func.count()).where(_keys.group_id == _groups.id).correlate(policy_groups).scalar_subquery()
    return select(policy_groups, people, keys)


_ADD = adding_if_free(policy_groups)
_REPLACE = Statement(
    lambda _: (
        policy_groups.update()
        .where(_groups.id == bindparam("wanted_id"))
        .values(
            name=bindparam("name"),
            version=bindparam("version"),
            updated_at_ms=bindparam("updated_at_ms"),
        )
    ),
    "id",
    "name",
    "version",
    "updated_at_ms",
)
_OTHER_OF_NAME = Statement(
    lambda _: (
        select(_groups.id)
        .where(_groups.account_id == bindparam("account_id"))
        .where(_groups.name == bindparam("name"))
        .where(_groups.id != bindparam("id"))
    ),
    "account_id",
    "name",
    "id",
)
_REMOVE = Statement(
    lambda _: (
        policy_groups.delete().where(_groups.account_id == bindparam("account_id")).where(_groups.id == bindparam("id"))
    ),
    "account_id",
    "id",
)
_DROP_GRANTS = Statement(
    lambda _: policy_group_grants.delete().where(_grants.group_id == bindparam("group_id")), "group_id"
)
_ADD_GRANT = adding(policy_group_grants)
_NAMED = Statement(
    lambda words: (
        select(policy_groups)
        .where(_groups.account_id == bindparam("account_id"))
        .where(words.any_of(_groups.id, "ids"))
        .order_by(_groups.id)
    ),
    "account_id",
    "ids",
)
_OF_KIND = Statement(
    lambda _: (
        select(policy_groups)
        .where(_groups.account_id == bindparam("account_id"))
        .where(_groups.kind == bindparam("kind"))
    ),
    "account_id",
    "kind",
)
_GRANTS = Statement(
    lambda words: (
        select(_grants.group_id, _grants.domain_id, _grants.role)
        .where(words.any_of(_grants.group_id, "ids"))
        .order_by(_grants.group_id, _grants.position)
    ),
    "ids",
)
_COUNTS = Statement(
    lambda _: select(
        select(func.count()).where(_people.group_id == bindparam("id")).scalar_subquery(),
        select(func.count()).where(_keys.group_id == bindparam("id")).scalar_subquery(),
    ),
    "id",
)
_ALL = Pages.of(lambda _: _counted().where(_groups.account_id == bindparam("account_id")), _groups.id, "account_id")
_OF_NAME = Pages.of(
    lambda _: _counted().where(_groups.account_id == bindparam("account_id")).where(_groups.name == bindparam("name")),
    _groups.id,
    "account_id",
    "name",
)
_OF_KEY = Pages.of(
    lambda _: _counted().where(_groups.id.in_(select(_keys.group_id).where(_keys.key_id == bindparam("key_id")))),
    _groups.id,
    "key_id",
)
_OF_PERSON = Pages.of(
    lambda _: _counted().where(
        _groups.id.in_(
            select(_people.group_id)
            .where(_people.account_id == bindparam("account_id"))
            .where(_people.person_id == bindparam("person_id"))
        )
    ),
    _groups.id,
    "account_id",
    "person_id",
)
_KEYS_IN = Pages.of(
    lambda _: (
        select(*KEY_COLUMNS)
        .select_from(policy_group_keys.join(api_keys, api_keys.c.id == _keys.key_id))
        .where(_keys.group_id == bindparam("group_id"))
    ),
    _keys.key_id,
    "group_id",
)
_IDS_OF_KEYS = Statement(
    lambda words: (
        select(_keys.key_id, _keys.group_id).where(words.any_of(_keys.key_id, "ids")).order_by(_keys.group_id)
    ),
    "ids",
)
_IDS_OF_PEOPLE = Statement(
    lambda words: (
        select(_people.person_id, _people.group_id)
        .where(_people.account_id == bindparam("account_id"))
        .where(words.any_of(_people.person_id, "ids"))
        .order_by(_people.group_id)
    ),
    "account_id",
    "ids",
)
_GRANTS_OF_KEY = Statement(
    lambda _: (
        select(_grants.domain_id, _grants.role)
        .select_from(policy_group_keys.join(policy_group_grants, _grants.group_id == _keys.group_id))
        .where(_keys.key_id == bindparam("key_id"))
        .order_by(_grants.group_id, _grants.position)
    ),
    "key_id",
)
_GRANTS_OF_PEOPLE = Statement(
    lambda words: (
        select(_people.person_id, _grants.domain_id, _grants.role)
        .select_from(policy_group_people.join(policy_group_grants, _grants.group_id == _people.group_id))
        .where(_people.account_id == bindparam("account_id"))
        .where(words.any_of(_people.person_id, "ids"))
        .order_by(_grants.group_id, _grants.position)
    ),
    "account_id",
    "ids",
)
_COUNT_ABLE = Statement(
    lambda words: (
        select(func.count())
        .select_from(
            policy_group_people.join(
                memberships,
                (memberships.c.account_id == _people.account_id) & (memberships.c.person_id == _people.person_id),
            ).join(people, people.c.id == _people.person_id)
        )
        .where(_people.group_id == bindparam("group_id"))
        .where(memberships.c.stage == Stage.OPEN.value)
        .where(people.c.is_enabled.is_(True))
        .where(people.c.is_confirmed.is_(True))
        .where(not_(words.any_of(_people.person_id, "without")))
    ),
    "group_id",
    "without",
)
_COUNT_KNOWN = Statement(
    lambda words: (
        select(func.count())
        .select_from(memberships)
        .where(memberships.c.account_id == bindparam("account_id"))
        .where(words.any_of(memberships.c.person_id, "ids"))
    ),
    "account_id",
    "ids",
)
_PUT_PERSON = adding_if_free(policy_group_people)
_PUT_KEY = adding_if_free(policy_group_keys)
_TAKE_PEOPLE = Statement(
    lambda words: (
        policy_group_people.delete()
        .where(words.any_of(_people.group_id, "group_ids"))
        .where(words.any_of(_people.person_id, "ids"))
    ),
    "group_ids",
    "ids",
)
_TAKE_KEYS = Statement(
    lambda words: (
        policy_group_keys.delete()
        .where(words.any_of(_keys.group_id, "group_ids"))
        .where(words.any_of(_keys.key_id, "ids"))
    ),
    "group_ids",
    "ids",
)
_TOUCH = Statement(
    lambda words: (
        policy_groups.update()
        .where(words.any_of(_groups.id, "ids"))
        .values(version=_groups.version + 1, updated_at_ms=bindparam("now_ms"))
    ),
    "ids",
    "now_ms",
)


class SqlPolicyGroups:
    """Policy groups (``core.policygroups.ports.PolicyGroupStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, group: PolicyGroup) -> None:
        """Insert a group with its grants; raise ``PolicyGroupNameTaken``."""
        if not self._transaction.change(_ADD, *_values(group)):
            raise PolicyGroupNameTaken(group.name)
        self._put_grants(group)

    def replace(self, group: PolicyGroup) -> None:
        """Write all columns of a group and its grants; raise ``PolicyGroupNameTaken``."""
        if self._transaction.row(_OTHER_OF_NAME, group.account_id, group.name, group.id) is not None:
            raise PolicyGroupNameTaken(group.name)
        self._transaction.change(_REPLACE, group.id, group.name, group.version, group.updated_at_ms)
        self._transaction.change(_DROP_GRANTS, group.id)
        self._put_grants(group)

    def remove(self, account_id: AccountId, group_id: PolicyGroupId) -> None:
        """Delete a group; its members stay, outside of it."""
        self._transaction.change(_REMOVE, account_id, group_id)

    def get(self, account_id: AccountId, group_id: PolicyGroupId) -> PolicyGroup | None:
        """Return the account's group with that id."""
        return next(iter(self.named(account_id, (group_id,))), None)

    def of_kind(self, account_id: AccountId, kind: GroupKind) -> PolicyGroup | None:
        """Return one of the groups that every account has."""
        return next(iter(self._whole(self._transaction.rows(_OF_KIND, account_id, kind.value))), None)

    def named(self, account_id: AccountId, group_ids: Collection[PolicyGroupId]) -> Sequence[PolicyGroup]:
        """Return those of the groups that the account has, ordered by id."""
        return self._whole(self._transaction.rows(_NAMED, account_id, list(group_ids)))

    def counted(self, group: PolicyGroup) -> CountedGroup:
        """Return the group with the number of its members."""
        row = self._transaction.row(_COUNTS, group.id)
        people, keys = (0, 0) if row is None else row
        return CountedGroup(group, people, keys)

    def page(self, account_id: AccountId, request: PageRequest, *, name: str | None = None) -> Page[CountedGroup]:
        """Return one page of the account's groups, or of those with exactly that name."""
        if name is None:
            return self._page(_ALL, request, account_id)
        return self._page(_OF_NAME, request, account_id, name)

    def page_of_key(self, key_id: ApiKeyId, request: PageRequest) -> Page[CountedGroup]:
        """Return one page of the groups that a key is in."""
        return self._page(_OF_KEY, request, key_id)

    def page_of_person(self, account_id: AccountId, person_id: PersonId, request: PageRequest) -> Page[CountedGroup]:
        """Return one page of the account's groups that a person is in."""
        return self._page(_OF_PERSON, request, account_id, person_id)

    def keys_in(self, group_id: PolicyGroupId, request: PageRequest) -> Page[ApiKey]:
        """Return one page of the keys in a group."""
        return _KEYS_IN.read(
            self._transaction,
            request,
            lambda rows: keys_of_rows(rows, key_grants(self._transaction, [row[0] for row in rows])),
            group_id,
            id_of=lambda key: key.id,
        )

    def ids_of_keys(self, key_ids: Collection[ApiKeyId]) -> Mapping[ApiKeyId, Sequence[PolicyGroupId]]:
        """Return for each key the groups that it is in, ordered."""
        return _gathered(self._transaction.rows(_IDS_OF_KEYS, list(key_ids)), key_ids)

    def ids_of_people(
        self, account_id: AccountId, person_ids: Collection[PersonId]
    ) -> Mapping[PersonId, Sequence[PolicyGroupId]]:
        """Return for each person the account's groups that the person is in, ordered."""
        return _gathered(self._transaction.rows(_IDS_OF_PEOPLE, account_id, list(person_ids)), person_ids)

    def grants_of_key(self, key_id: ApiKeyId) -> tuple[Grant, ...]:
        """Return what a key holds through its groups; what administrators hold is among its own grants."""
        return tuple(Grant(*row) for row in self._transaction.rows(_GRANTS_OF_KEY, key_id))

    def grants_of_people(
        self, account_id: AccountId, person_ids: Collection[PersonId]
    ) -> Mapping[PersonId, tuple[Grant, ...]]:
        """Return what each person holds through groups; what administrators hold is among their own grants."""
        found: dict[PersonId, list[Grant]] = {person_id: [] for person_id in person_ids}
        for person_id, domain_id, role in self._transaction.rows(_GRANTS_OF_PEOPLE, account_id, list(person_ids)):
            found[person_id].append(Grant(domain_id, role))
        return {person_id: tuple(grants) for person_id, grants in found.items()}

    def count_known(self, account_id: AccountId, person_ids: Collection[PersonId]) -> int:
        """Return how many of the people belong to the account."""
        row = self._transaction.row(_COUNT_KNOWN, account_id, list(person_ids))
        return 0 if row is None else int(row[0])

    def count_able(self, group_id: PolicyGroupId, *, without: Collection[PersonId]) -> int:
        """Return how many people in a group, beside those, are enabled and let into the account."""
        row = self._transaction.row(_COUNT_ABLE, group_id, list(without))
        return 0 if row is None else int(row[0])

    def put_people(self, groups: Collection[PolicyGroup], person_ids: Collection[PersonId]) -> None:
        """Add people to groups; those who are in already stay. Not for the administrators."""
        rows = [(group.id, each, group.account_id) for group in groups for each in person_ids]
        self._transaction.change_each(_PUT_PERSON, rows)

    def put_keys(self, groups: Collection[PolicyGroup], key_ids: Collection[ApiKeyId]) -> None:
        """Add keys to groups; those that are in already stay. Not for the administrators."""
        self._transaction.change_each(_PUT_KEY, [(group.id, each) for group in groups for each in key_ids])

    def take_people(self, group_ids: Collection[PolicyGroupId], person_ids: Collection[PersonId]) -> None:
        """Take people out of groups. Not for the administrators."""
        self._transaction.change(_TAKE_PEOPLE, list(group_ids), list(person_ids))

    def take_keys(self, group_ids: Collection[PolicyGroupId], key_ids: Collection[ApiKeyId]) -> None:
        """Take keys out of groups. Not for the administrators."""
        self._transaction.change(_TAKE_KEYS, list(group_ids), list(key_ids))

    def touch(self, groups: Collection[PolicyGroup], now_ms: int) -> None:
        """Raise the versions of groups, whose members are others."""
        self._transaction.change(_TOUCH, [group.id for group in groups], now_ms)

    def _put_grants(self, group: PolicyGroup) -> None:
        self._transaction.change_each(
            _ADD_GRANT,
            [
                (group.id, position, group.account_id, grant.domain_id, grant.role)
                for position, grant in enumerate(group.grants)
            ],
        )

    def _page(self, pages: Pages, request: PageRequest, *values: object) -> Page[CountedGroup]:
        return pages.read(
            self._transaction,
            request,
            lambda rows: [
                CountedGroup(group, *row[_WIDTH:]) for group, row in zip(self._whole(rows), rows, strict=True)
            ],
            *values,
            id_of=lambda each: each.group.id,
        )

    def _whole(self, rows: Sequence[Sequence[Any]]) -> list[PolicyGroup]:
        """Return groups with their grants, which one more statement reads for all of them."""
        held: dict[str, list[Grant]] = defaultdict(list)
        if rows:
            for group_id, domain_id, role in self._transaction.rows(_GRANTS, [row[0] for row in rows]):
                held[group_id].append(Grant(domain_id, role))
        return [_group(row, tuple(held[row[0]])) for row in rows]


def _gathered(rows: Sequence[Sequence[Any]], wanted: Collection[Any]) -> dict[Any, list[PolicyGroupId]]:
    found: dict[Any, list[PolicyGroupId]] = {each: [] for each in wanted}
    for member_id, group_id in rows:
        found[member_id].append(group_id)
    return found


def _values(group: PolicyGroup) -> tuple[object, ...]:
    return (
        group.id,
        group.account_id,
        group.name,
        group.kind.value,
        group.created_at_ms,
        group.version,
        group.updated_at_ms,
    )


def _group(row: Sequence[Any], grants: tuple[Grant, ...]) -> PolicyGroup:
    group_id, account_id, name, kind, created_at_ms, version, updated_at_ms = row[:_WIDTH]
    return PolicyGroup(
        id=group_id,
        account_id=account_id,
        name=name,
        kind=GroupKind(kind),
        grants=grants,
        created_at_ms=created_at_ms,
        version=version,
        updated_at_ms=updated_at_ms,
    )
