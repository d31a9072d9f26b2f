"""Device clouds: records, what is kept apart from them, tokens, devices, usage and authorities."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _optional_texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, TEXT, nullable=True) for name in names]


def _numbers(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _optional_numbers(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger(), nullable=True) for name in names]


def _flags(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Boolean(), nullable=False) for name in names]


def _of_account(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=f"fk_{table}_account_id")


def _with_cloud(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["cloud_id"], ["clouds.id"], name=f"fk_{table}_cloud_id", ondelete="CASCADE")


def upgrade() -> None:
    """Device clouds."""
    _clouds()
    op.create_table(
        "cloud_secrets",
        *_texts("cloud_id"),
        sa.Column("sealed_external", sa.LargeBinary(), nullable=False),
        *_optional_texts("role_arn"),
        _with_cloud("cloud_secrets"),
        sa.PrimaryKeyConstraint("cloud_id", name="pk_cloud_secrets"),
    )
    _tokens()
    op.create_table(
        "cloud_devices",
        *_texts("id", "account_id", "product"),
        *_numbers("created_at_ms", "seen_at_ms"),
        *_optional_texts("name", "model", "cloud_id", "thing"),
        *_optional_numbers("claimed_at_ms", "blocked_until_ms"),
        _of_account("cloud_devices"),
        sa.ForeignKeyConstraint(["cloud_id"], ["clouds.id"], name="fk_cloud_devices_cloud_id"),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_cloud_devices"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_cloud_devices_cloud_id_id", "cloud_devices", ["cloud_id", "id"])
    op.create_table(
        "cloud_usage",
        *_texts("cloud_id", "account_id", "month"),
        *_numbers("devices", "tenants"),
        sa.Column("load", sa.Float(53), nullable=False),
        sa.Column("count", sa.Float(53), nullable=True),
        *_numbers("reported_at_ms"),
        _with_cloud("cloud_usage"),
        sa.PrimaryKeyConstraint("cloud_id", "month", name="pk_cloud_usage"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cloud_authorities",
        *_texts("account_id", "certificate_pem"),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        *_numbers("created_at_ms"),
        _of_account("cloud_authorities"),
        sa.PrimaryKeyConstraint("account_id", name="pk_cloud_authorities"),
    )


def _clouds() -> None:
    op.create_table(
        "clouds",
        *_texts("id", "account_id", "name", "type", "state"),
        *_numbers("created_at_ms", "updated_at_ms"),
        *_optional_texts("created_by", "region"),
        *_flags("enabled", "suspended", "connected"),
        *_optional_texts("status", "error", "progress", "host"),
        sa.Column("is_open", sa.Boolean(), nullable=True),
        *_optional_texts("api", "api_gateway", "aws_account", "device_role", "iot_policy", "schema"),
        *_flags("shadows", "sync"),
        *_optional_texts("stack"),
        *_optional_numbers("template_version"),
        *_optional_texts("plan_id"),
        *_texts("quota"),
        *_optional_numbers("provisioned_at_ms"),
        *_optional_texts("user_pool", "user_pool_client", "trail_bucket"),
        *_optional_numbers("devices", "hubs", "tenants"),
        sa.Column("load", sa.Float(53), nullable=True),
        *_optional_texts("tenant_id"),
        _of_account("clouds"),
        sa.UniqueConstraint("account_id", "name", name="uq_clouds_account_id_name"),
        sa.PrimaryKeyConstraint("id", name="pk_clouds"),
    )
    for columns in (["account_id", "id"], ["account_id", "name", "id"], ["tenant_id"], ["type", "id"], ["host"]):
        op.create_index(f"ix_clouds_{'_'.join(columns)}", "clouds", columns)


def _tokens() -> None:
    op.create_table(
        "cloud_tokens",
        *_texts("id", "account_id", "kind", "state"),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        *_texts("description"),
        *_numbers("created_at_ms"),
        *_texts("created_by"),
        *_optional_numbers("expires_at_ms"),
        *_optional_texts("cloud_id", "device_id", "product"),
        *_flags("is_launch"),
        *_optional_texts("stack"),
        _of_account("cloud_tokens"),
        sa.PrimaryKeyConstraint("id", name="pk_cloud_tokens"),
        sqlite_with_rowid=False,
    )
    for columns in (
        ["account_id", "cloud_id"],
        ["account_id", "device_id"],
        ["account_id", "id"],
        ["expires_at_ms"],
    ):
        op.create_index(f"ix_cloud_tokens_{'_'.join(columns)}", "cloud_tokens", columns)
