"""Rules and how often they were hit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Rules and how often they were hit."""
    op.create_table(
        "rules",
        sa.Column("uid", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("thing_type", TEXT, nullable=False),
        sa.Column("thing_names", TEXT, nullable=False),
        sa.Column("operator", TEXT, nullable=False),
        sa.Column("resource", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("threshold_count", sa.BigInteger(), nullable=False),
        sa.Column("threshold_interval_ms", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("since_offset", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_rules_account_id"),
        sa.ForeignKeyConstraint(
            ["account_id", "domain_id"],
            ["domains.account_id", "domains.id"],
            name="fk_rules_account_id_domain_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("uid", name="pk_rules"),
        sa.UniqueConstraint("account_id", "id", name="uq_rules_account_id_id"),
    )
    op.create_index("ix_rules_account_id_domain_id", "rules", ["account_id", "domain_id"])
    op.create_table(
        "rule_states",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("rule_uid", TEXT, nullable=False),
        sa.Column("thing_uid", TEXT, nullable=False),
        sa.Column("hits", sa.BigInteger(), nullable=False),
        sa.Column("last_run_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["rule_uid"], ["rules.uid"], name="fk_rule_states_rule_uid", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["thing_uid"], ["things.uid"], name="fk_rule_states_thing_uid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name="pk_rule_states"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_rule_states_rule_uid", "rule_states", ["rule_uid"])
    op.create_index("ix_rule_states_thing_uid", "rule_states", ["thing_uid"])
    op.create_table(
        "rule_refusals",
        sa.Column("rule_uid", TEXT, nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["rule_uid"], ["rules.uid"], name="fk_rule_refusals_rule_uid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("rule_uid", name="pk_rule_refusals"),
        sqlite_with_rowid=False,
    )
    is_open = sa.text("finished_at_ms IS NULL")
    op.create_index(
        "ix_jobs_open_cause", "jobs", ["account_id", "cause"], sqlite_where=is_open, postgresql_where=is_open
    )
