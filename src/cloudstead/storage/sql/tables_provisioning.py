"""The table of devices that are provisioned by archive."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Table, UniqueConstraint, text

from cloudstead.storage.sql.tables import TEXT, metadata


def _text(name: str, *, primary_key: bool = False) -> Column[str]:
    return Column(name, TEXT, nullable=False, primary_key=primary_key)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger(), nullable=False)


provisioned_devices: Final = Table(
    "provisioned_devices",
    metadata,
    _text("id", primary_key=True),
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    _text("region"),
    _text("name"),
    _text("description"),
    _text("networking"),
    _text("tags"),
    _text("domain_id"),
    _text("created_by"),
    _number("created_at_ms"),
    _number("updated_at_ms"),
    Column("claim_id", TEXT, nullable=True, unique=True),
    _number("claim_ends_at_ms"),
    _number("claimed_at_ms"),
    _number("connected_at_ms"),
    _number("last_contact_ms"),
    Column("has_failed", Boolean(), nullable=False),
    # A thing that is removed by whatever API takes the device with it.
    Column("thing_uid", TEXT, ForeignKey("things.uid", ondelete="CASCADE"), nullable=True, unique=True),
    UniqueConstraint("account_id", "region", "name"),
    Index(None, "account_id", "region", "id"),
    Index(None, "account_id", "region", "created_at_ms", "id"),
)

# Few at any time: housekeeping looks for those whose claim ended long ago.
_HAS_NO_THING: Final = text("thing_uid IS NULL")
Index(
    "ix_provisioned_devices_announced",
    provisioned_devices.c.claim_ends_at_ms,
    provisioned_devices.c.id,
    sqlite_where=_HAS_NO_THING,
    postgresql_where=_HAS_NO_THING,
)
