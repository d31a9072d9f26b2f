"""Roles that groups have made, and grants of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, union

from cloudstead.core.access.permissions import BUILT_IN_ROLES
from cloudstead.core.roles.errors import RoleNameTaken
from cloudstead.core.roles.model import GroupRole
from cloudstead.storage.sql.json_text import from_text, to_text
from cloudstead.storage.sql.statements import WANTED, Statement, adding_if_free
from cloudstead.storage.sql.tables import membership_grants
from cloudstead.storage.sql.tables_groups import group_facts, group_roles

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from cloudstead.core.access.permissions import Permission
    from cloudstead.core.caller import Grant
    from cloudstead.core.ids import AccountId, DomainId
    from cloudstead.core.roles.model import RoleId
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding_if_free(group_roles)
_SAME_NAME = Statement(
    lambda _: (
        select(group_roles.c.id)
        .where(group_roles.c.account_id == bindparam("account_id"))
        .where(group_roles.c.domain_id == bindparam("domain_id"))
        .where(group_roles.c.name == bindparam("name"))
        .where(group_roles.c.id != bindparam("id"))
        .limit(1)
    ),
    "account_id",
    "domain_id",
    "name",
    "id",
)
_REPLACE = Statement(
    lambda _: (
        group_roles.update()
        .where(group_roles.c.id == bindparam(f"{WANTED}id"))
        .values({name: bindparam(name) for name in ("name", "description", "words", "updated_at_ms")})
    ),
    "id",
    "name",
    "description",
    "words",
    "updated_at_ms",
)
_REMOVE = Statement(
    lambda _: (
        group_roles.delete()
        .where(group_roles.c.account_id == bindparam("account_id"))
        .where(group_roles.c.id == bindparam("id"))
    ),
    "account_id",
    "id",
)
_NAMED = Statement(
    lambda words: (
        select(group_roles)
        .where(group_roles.c.account_id == bindparam("account_id"))
        .where(words.any_of(group_roles.c.id, "ids"))
        .order_by(group_roles.c.id)
    ),
    "account_id",
    "ids",
)
_AT = Statement(
    lambda words: (
        select(group_roles)
        .where(group_roles.c.account_id == bindparam("account_id"))
        .where(words.any_of(group_roles.c.domain_id, "domain_ids"))
        .order_by(group_roles.c.id)
    ),
    "account_id",
    "domain_ids",
)
_HELD = Statement(
    lambda _: (
        select(membership_grants.c.person_id)
        .where(membership_grants.c.account_id == bindparam("account_id"))
        .where(membership_grants.c.role == bindparam("role"))
        .limit(1)
    ),
    "account_id",
    "role",
)
_NAMED_BY_GROUP = Statement(
    lambda _: (
        select(group_facts.c.domain_id)
        .where(group_facts.c.account_id == bindparam("account_id"))
        .where(
            (group_facts.c.default_role == bindparam("role")) | (group_facts.c.administrator_role == bindparam("role"))
        )
        .limit(1)
    ),
    "account_id",
    "role",
)
_PLACES = Statement(
    lambda words: union(
        select(membership_grants.c.role, membership_grants.c.domain_id)
        .where(membership_grants.c.account_id == bindparam("account_id"))
        .where(words.any_of(membership_grants.c.role, "roles")),
        select(group_facts.c.default_role, group_facts.c.domain_id)
        .where(group_facts.c.account_id == bindparam("account_id"))
        .where(words.any_of(group_facts.c.default_role, "roles")),
        select(group_facts.c.administrator_role, group_facts.c.domain_id)
        .where(group_facts.c.account_id == bindparam("account_id"))
        .where(words.any_of(group_facts.c.administrator_role, "roles")),
    ),
    "account_id",
    "roles",
)


class SqlGroupRoles:
    """Roles of groups (``core.roles.ports.RoleStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, role: GroupRole) -> None:
        """Insert a role; raise ``RoleNameTaken``."""
        values = (
            role.id,
            role.account_id,
            role.domain_id,
            role.name,
            role.description,
            to_text(role.words),
            role.created_at_ms,
            role.created_by,
            role.updated_at_ms,
        )
        if not self._transaction.change(_ADD, *values):
            raise RoleNameTaken(role.name)

    def replace(self, role: GroupRole) -> None:
        """Write all columns of a role; raise ``RoleNameTaken``."""
        if self._transaction.row(_SAME_NAME, role.account_id, role.domain_id, role.name, role.id) is not None:
            raise RoleNameTaken(role.name)
        self._transaction.change(
            _REPLACE, role.id, role.name, role.description, to_text(role.words), role.updated_at_ms
        )

    def remove(self, account_id: AccountId, role_id: RoleId) -> None:
        """Delete a role."""
        self._transaction.change(_REMOVE, account_id, role_id)

    def named(self, account_id: AccountId, role_ids: Collection[str]) -> list[GroupRole]:
        """Return those of the roles that the account has, ordered by id."""
        return [_role(row) for row in self._transaction.rows(_NAMED, account_id, list(role_ids))]

    def at(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> list[GroupRole]:
        """Return the roles of these groups, ordered by id."""
        return [_role(row) for row in self._transaction.rows(_AT, account_id, list(domain_ids))]

    def places(self, account_id: AccountId, role_ids: Collection[RoleId]) -> list[tuple[RoleId, DomainId]]:
        """Return in which groups somebody holds one of these roles, or which name it, each once."""
        return [(row[0], row[1]) for row in self._transaction.rows(_PLACES, account_id, list(role_ids))]

    def is_used(self, account_id: AccountId, role_id: RoleId) -> bool:
        """Tell whether anybody holds the role, or a group names it."""
        return any(
            self._transaction.row(statement, account_id, role_id) is not None for statement in (_HELD, _NAMED_BY_GROUP)
        )


def whole(transaction: Transaction, account_id: AccountId, grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """Return grants with what the roles hold that somebody of the account has made. No query where there are none."""
    read = tuple(grants)
    made = sorted({grant.role for grant in read if grant.role not in BUILT_IN_ROLES})
    if not made:
        return read
    roles = SqlGroupRoles(transaction).named(account_id, made)
    held: dict[str, frozenset[Permission]] = {role.id: role.permissions for role in roles}
    return tuple(replace(grant, permissions=held[grant.role]) if grant.role in held else grant for grant in read)


def _role(row: Sequence[Any]) -> GroupRole:
    read = dict(zip(group_roles.c.keys(), row, strict=True))
    return GroupRole(**{**read, "words": tuple(from_text(read["words"]))})
