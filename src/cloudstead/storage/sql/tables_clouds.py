"""The tables of device clouds: records, what is kept apart from them, tokens, devices, usage and authorities."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from cloudstead.storage.sql.tables import TEXT, metadata


def _text(name: str, *more: Any, **options: Any) -> Column[str]:
    return Column(name, TEXT, *more, nullable=False, **options)


def _optional(name: str) -> Column[str | None]:
    return Column(name, TEXT, nullable=True)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger(), nullable=False, autoincrement=False)


def _optional_number(name: str) -> Column[int | None]:
    return Column(name, BigInteger(), nullable=True)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean(), nullable=False)


clouds: Final = Table(
    "clouds",
    metadata,
    _text("id", primary_key=True),
    _text("account_id", ForeignKey("accounts.id")),
    _text("name"),
    _text("type"),
    _text("state"),
    _number("created_at_ms"),
    _number("updated_at_ms"),
    _optional("created_by"),
    _optional("region"),
    _flag("enabled"),
    _flag("suspended"),
    _flag("connected"),
    _optional("status"),
    _optional("error"),
    _optional("progress"),
    _optional("host"),
    Column("is_open", Boolean(), nullable=True),
    _optional("api"),
    _optional("api_gateway"),
    _optional("aws_account"),
    _optional("device_role"),
    _optional("iot_policy"),
    _optional("schema"),
    _flag("shadows"),
    _flag("sync"),
    _optional("stack"),
    _optional_number("template_version"),
    _optional("plan_id"),
    _text("quota"),
    _optional_number("provisioned_at_ms"),
    _optional("user_pool"),
    _optional("user_pool_client"),
    _optional("trail_bucket"),
    _optional_number("devices"),
    _optional_number("hubs"),
    _optional_number("tenants"),
    Column("load", Float(53), nullable=True),
    _optional("tenant_id"),
    UniqueConstraint("account_id", "name"),
    Index(None, "account_id", "id"),
    Index(None, "account_id", "name", "id"),
    Index(None, "tenant_id"),
    Index(None, "type", "id"),
    Index(None, "host"),
)

# Apart from the records, which are shown: what proves a cloud to us and us to the cloud.
cloud_secrets: Final = Table(
    "cloud_secrets",
    metadata,
    _text("cloud_id", ForeignKey("clouds.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed_external", LargeBinary(), nullable=False),
    _optional("role_arn"),
)

# No foreign key to the cloud: a stack that calls late has to hear that it is gone.
cloud_tokens: Final = Table(
    "cloud_tokens",
    metadata,
    _text("id", primary_key=True),
    _text("account_id", ForeignKey("accounts.id")),
    _text("kind"),
    _text("state"),
    Column("secret_hash", LargeBinary(), nullable=False),
    _text("description"),
    _number("created_at_ms"),
    _text("created_by"),
    _optional_number("expires_at_ms"),
    _optional("cloud_id"),
    _optional("device_id"),
    _optional("product"),
    _flag("is_launch"),
    _optional("stack"),
    Index(None, "account_id", "cloud_id"),
    Index(None, "account_id", "device_id"),
    Index(None, "account_id", "id"),
    Index(None, "expires_at_ms"),
    sqlite_with_rowid=False,
)

cloud_devices: Final = Table(
    "cloud_devices",
    metadata,
    _text("id"),
    _text("account_id", ForeignKey("accounts.id")),
    _text("product"),
    _number("created_at_ms"),
    _number("seen_at_ms"),
    _optional("name"),
    _optional("model"),
    Column("cloud_id", TEXT, ForeignKey("clouds.id"), nullable=True),
    _optional("thing"),
    _optional_number("claimed_at_ms"),
    _optional_number("blocked_until_ms"),
    PrimaryKeyConstraint("account_id", "id"),
    Index(None, "cloud_id", "id"),
    sqlite_with_rowid=False,
)

cloud_usage: Final = Table(
    "cloud_usage",
    metadata,
    _text("cloud_id", ForeignKey("clouds.id", ondelete="CASCADE")),
    _text("account_id"),
    _text("month"),
    _number("devices"),
    _number("tenants"),
    Column("load", Float(53), nullable=False),
    Column("count", Float(53), nullable=True),
    _number("reported_at_ms"),
    PrimaryKeyConstraint("cloud_id", "month"),
    sqlite_with_rowid=False,
)

cloud_authorities: Final = Table(
    "cloud_authorities",
    metadata,
    _text("account_id", ForeignKey("accounts.id"), primary_key=True),
    _text("certificate_pem"),
    Column("sealed_key", LargeBinary(), nullable=False),
    _number("created_at_ms"),
)
