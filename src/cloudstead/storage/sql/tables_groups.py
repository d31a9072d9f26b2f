"""The tables of groups: what they have beside their domains, roles, outside keys, and what they know of things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from cloudstead.storage.sql.tables import TEXT, metadata

if TYPE_CHECKING:
    from sqlalchemy.schema import SchemaItem


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, TEXT, nullable=False, **options)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger(), nullable=False)


def _somebody(name: str) -> Column[str | None]:
    # No foreign key: who did something is told as it was, whether or not the person is still there.
    return Column(name, TEXT, nullable=True)


def _of_domain() -> SchemaItem:
    return ForeignKeyConstraint(["account_id", "domain_id"], ["domains.account_id", "domains.id"], ondelete="CASCADE")


group_facts: Final = Table(
    "group_facts",
    metadata,
    _text("account_id"),
    _text("domain_id"),
    Column("owner_id", TEXT, ForeignKey("people.id", ondelete="SET NULL"), nullable=True, index=True),
    _text("administrator_role"),
    _text("default_role"),
    _text("tags"),
    Column("token_hash", LargeBinary(), nullable=False, unique=True),
    Column("sealed_token", LargeBinary(), nullable=False),
    _somebody("created_by"),
    _somebody("updated_by"),
    _number("updated_at_ms"),
    PrimaryKeyConstraint("account_id", "domain_id"),
    _of_domain(),
)

group_roles: Final = Table(
    "group_roles",
    metadata,
    _text("id", primary_key=True),
    _text("account_id"),
    _text("domain_id"),
    _text("name"),
    _text("description"),
    _text("words"),
    _number("created_at_ms"),
    _somebody("created_by"),
    _number("updated_at_ms"),
    UniqueConstraint("account_id", "domain_id", "name"),
    _of_domain(),
)

outside_keys: Final = Table(
    "outside_keys",
    metadata,
    _text("account_id"),
    _text("domain_id"),
    _text("type"),
    _text("name"),
    Column("sealed_token", LargeBinary(), nullable=False),
    _somebody("created_by"),
    _somebody("updated_by"),
    _number("created_at_ms"),
    _number("updated_at_ms"),
    PrimaryKeyConstraint("account_id", "domain_id", "type"),
    _of_domain(),
)

device_facts: Final = Table(
    "device_facts",
    metadata,
    _text("thing_uid", primary_key=True),
    _text("account_id"),
    _text("tags"),
    _somebody("created_by"),
    _somebody("updated_by"),
    _number("updated_at_ms"),
    ForeignKeyConstraint(["thing_uid"], ["things.uid"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)
