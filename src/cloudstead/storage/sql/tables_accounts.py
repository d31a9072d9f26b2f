"""The tables of account management beside the ones that every request reads: profiles of accounts and policy groups."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Table,
    UniqueConstraint,
)

from cloudstead.storage.sql.tables import TEXT, metadata


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, TEXT, nullable=False, **options)


def _number(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger(), nullable=False, autoincrement=False, **options)


# What lists of accounts filter by has columns of its own; ``country_folded`` is for looking up parts of it.
# ``due_at_ms`` is when housekeeping has to look at the account's end next.
account_profiles: Final = Table(
    "account_profiles",
    metadata,
    Column("account_id", TEXT, ForeignKey("accounts.id"), primary_key=True),
    _text("tier"),
    _text("end_market"),
    _text("country_folded"),
    _text("details"),
    _number("version"),
    _number("updated_at_ms"),
    Column("due_at_ms", BigInteger(), nullable=True, index=True),
)

policy_groups: Final = Table(
    "policy_groups",
    metadata,
    _text("id", primary_key=True),
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    _text("name"),
    _text("kind"),
    _number("created_at_ms"),
    _number("version"),
    _number("updated_at_ms"),
    UniqueConstraint("account_id", "name"),
    Index(None, "account_id", "id"),
    sqlite_with_rowid=False,
)

# A grant dies with its domain, as those of people and keys do.
policy_group_grants: Final = Table(
    "policy_group_grants",
    metadata,
    Column("group_id", TEXT, ForeignKey("policy_groups.id", ondelete="CASCADE"), primary_key=True),
    _number("position", primary_key=True),
    _text("account_id"),
    _text("domain_id"),
    _text("role"),
    ForeignKeyConstraint(["account_id", "domain_id"], ["domains.account_id", "domains.id"], ondelete="CASCADE"),
    Index(None, "account_id", "domain_id"),
    sqlite_with_rowid=False,
)

# Rows of the group of administrators follow from the grants of people and keys, whose stores keep them.
policy_group_people: Final = Table(
    "policy_group_people",
    metadata,
    Column("group_id", TEXT, ForeignKey("policy_groups.id", ondelete="CASCADE"), primary_key=True),
    _text("person_id", primary_key=True),
    _text("account_id"),
    ForeignKeyConstraint(
        ["account_id", "person_id"], ["memberships.account_id", "memberships.person_id"], ondelete="CASCADE"
    ),
    Index(None, "account_id", "person_id"),
    sqlite_with_rowid=False,
)

policy_group_keys: Final = Table(
    "policy_group_keys",
    metadata,
    Column("group_id", TEXT, ForeignKey("policy_groups.id", ondelete="CASCADE"), primary_key=True),
    Column("key_id", TEXT, ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True),
    Index(None, "key_id"),
    sqlite_with_rowid=False,
)
