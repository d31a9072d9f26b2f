"""Trusted and developer certificates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of trusted certificates, and of devices' certificates that they vouch for."""
    op.create_table(
        "trusted_certificates",
        *(sa.Column(name, TEXT, nullable=False) for name in ("id", "account_id", "name")),
        sa.Column("description", TEXT, nullable=True),
        *(sa.Column(name, TEXT, nullable=False) for name in ("service", "status")),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("enrols", "is_proven")),
        sa.Column("owner_id", TEXT, nullable=True),
        *(
            sa.Column(name, TEXT, nullable=False)
            for name in ("pem", "fingerprint", "subject", "issuer", "subject_hash", "key_hash")
        ),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("not_before_ms", "not_after_ms")),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("sealed_private_key", sa.LargeBinary(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("version", "updated_at_ms")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_trusted_certificates_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_trusted_certificates"),
        sa.UniqueConstraint("account_id", "name", name="uq_trusted_certificates_account_id_name"),
        sa.UniqueConstraint("account_id", "subject_hash", name="uq_trusted_certificates_account_id_subject_hash"),
    )
    op.create_index("ix_trusted_certificates_subject_hash_id", "trusted_certificates", ["subject_hash", "id"])
    op.create_index("ix_trusted_certificates_key_hash_id", "trusted_certificates", ["key_hash", "id"])
    op.create_table(
        "vouched_certificates",
        *(
            sa.Column(name, TEXT, nullable=False)
            for name in ("id", "account_id", "trusted_certificate_id", "thing_uid")
        ),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("not_after_ms", "first_seen_ms")),
        sa.Column("revoked_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_vouched_certificates_account_id"),
        sa.ForeignKeyConstraint(
            ["trusted_certificate_id"],
            ["trusted_certificates.id"],
            name="fk_vouched_certificates_trusted_certificate_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_vouched_certificates"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_vouched_certificates_account_id_thing_uid", "vouched_certificates", ["account_id", "thing_uid"])
    op.create_index(
        "ix_vouched_certificates_trusted_certificate_id", "vouched_certificates", ["trusted_certificate_id"]
    )
    op.create_index("ix_vouched_certificates_not_after_ms", "vouched_certificates", ["not_after_ms"])
