"""The tables of trusted certificates, and of devices' certificates that they vouch for."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, Table, UniqueConstraint

from cloudstead.storage.sql.tables import TEXT, metadata


def _text(name: str, *, primary_key: bool = False) -> Column[str]:
    return Column(name, TEXT, nullable=False, primary_key=primary_key)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger(), nullable=False, autoincrement=False)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean(), nullable=False)


trusted_certificates: Final = Table(
    "trusted_certificates",
    metadata,
    _text("id", primary_key=True),
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    _text("name"),
    Column("description", TEXT, nullable=True),
    _text("service"),
    _text("status"),
    _flag("enrols"),
    _flag("is_proven"),
    Column("owner_id", TEXT, nullable=True),
    _text("pem"),
    _text("fingerprint"),
    _text("subject"),
    _text("issuer"),
    _text("subject_hash"),
    _text("key_hash"),
    _number("not_before_ms"),
    _number("not_after_ms"),
    _number("created_at_ms"),
    Column("sealed_private_key", LargeBinary(), nullable=True),
    _number("version"),
    _number("updated_at_ms"),
    UniqueConstraint("account_id", "name"),
    UniqueConstraint("account_id", "subject_hash"),
    Index(None, "subject_hash", "id"),
    Index(None, "key_hash", "id"),
)

# A revoked one has to outlive its thing, so that the device cannot come back with it: no key leads to the things.
vouched_certificates: Final = Table(
    "vouched_certificates",
    metadata,
    _text("id", primary_key=True),
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    Column("trusted_certificate_id", TEXT, ForeignKey("trusted_certificates.id", ondelete="CASCADE"), nullable=False),
    _text("thing_uid"),
    _number("not_after_ms"),
    _number("first_seen_ms"),
    Column("revoked_at_ms", BigInteger(), nullable=True),
    Index(None, "account_id", "thing_uid"),
    Index(None, "trusted_certificate_id"),
    Index(None, "not_after_ms"),
    sqlite_with_rowid=False,
)
