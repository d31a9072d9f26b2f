"""Profiles, user data and single-use links of people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_TEXTS = ("phone", "company", "address", "zip", "city", "country")


def upgrade() -> None:
    """Give people a profile and states of their own, and make the tables beside them."""
    _widen_people()
    op.create_table(
        "person_texts",
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_person_texts_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", name="pk_person_texts"),
    )
    op.create_table(
        "user_data",
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_user_data_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", name="pk_user_data"),
    )
    op.create_table(
        "person_links",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("purpose", TEXT, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_person_links_account_id"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_person_links_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_person_links"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_person_links_person_id_created_at_ms", "person_links", ["person_id", "created_at_ms"])
    op.create_index("ix_person_links_email_created_at_ms", "person_links", ["email", "created_at_ms"])
    op.create_index("ix_person_links_expires_at_ms", "person_links", ["expires_at_ms"])
    _index_texts()


def _widen_people() -> None:
    """Add the columns with a value for those who are there, then take the default away: new people bring their own."""
    rows = {"sqlite_with_rowid": False}
    with op.batch_alter_table("people", table_kwargs=rows) as people:
        for name in _TEXTS:
            people.add_column(sa.Column(name, TEXT, nullable=False, server_default=""))
        people.add_column(sa.Column("is_confirmed", sa.Boolean(), nullable=False, server_default=sa.true()))
        people.add_column(sa.Column("must_set_password", sa.Boolean(), nullable=False, server_default=sa.false()))
        people.add_column(sa.Column("is_demo", sa.Boolean(), nullable=False, server_default=sa.false()))
        people.add_column(sa.Column("credential_epoch", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("people", table_kwargs=rows) as people:
        for name in (*_TEXTS, "is_confirmed", "must_set_password", "is_demo", "credential_epoch"):
            people.alter_column(name, server_default=None)
    op.create_index(
        "ix_people_home_account_id_is_confirmed_user_name", "people", ["home_account_id", "is_confirmed", "user_name"]
    )


def _index_texts() -> None:
    """Write what free text is looked for in, in the form of the day of this step."""
    connection = op.get_bind()
    people = sa.table("people", *(sa.column(name) for name in ("id", "user_name", "first_name", "last_name", "email")))
    texts = sa.table("person_texts", sa.column("person_id"), sa.column("text"))
    rows = [
        {"person_id": row.id, "text": f"{row.user_name}\n{row.first_name} {row.last_name}\n{row.email}".casefold()}
        for row in connection.execute(sa.select(people))
    ]
    if rows:
        connection.execute(texts.insert(), rows)
    connection.execute(sa.text("UPDATE people SET is_demo = TRUE WHERE user_name = 'demo'"))
