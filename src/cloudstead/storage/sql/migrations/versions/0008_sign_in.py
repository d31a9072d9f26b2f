"""How people sign in, invitations and the log of notifications."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_FLAGS = ("is_email_verified", "accepts_terms", "accepts_marketing")
_TIMES = ("password_changed_at_ms", "last_login_at_ms")


def upgrade() -> None:
    """Widen people and memberships, and make the tables beside them."""
    _widen_people()
    _widen_memberships()
    _index_addresses()
    _make_second_factors()
    _make_sign_ins()
    _make_invitations()
    _make_notifications()


def _widen_people() -> None:
    """Add the columns with a value for those who are there, then take the default away: new people bring their own."""
    rows = {"sqlite_with_rowid": False}
    with op.batch_alter_table("people", table_kwargs=rows) as people:
        for name in _FLAGS:
            people.add_column(sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
        for name in _TIMES:
            people.add_column(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("people", table_kwargs=rows) as people:
        for name in (*_FLAGS, *_TIMES):
            people.alter_column(name, server_default=None)
    op.create_index("ix_people_user_name", "people", ["user_name"])
    # Whoever has to set a password has none: the one before opens nothing, not even the door to another one.
    op.execute(sa.text("UPDATE people SET password_hash = '' WHERE must_set_password"))


def _widen_memberships() -> None:
    rows = {"sqlite_with_rowid": False}
    numbers = {"created_at_ms": "0", "version": "1", "updated_at_ms": "0"}
    texts = {"stage": "open", "custom_fields": "{}"}
    with op.batch_alter_table("memberships", table_kwargs=rows) as memberships:
        memberships.add_column(sa.Column("stage", TEXT, nullable=False, server_default=texts["stage"]))
        for name, value in numbers.items():
            memberships.add_column(sa.Column(name, sa.BigInteger(), nullable=False, server_default=value))
        memberships.add_column(sa.Column("custom_fields", TEXT, nullable=False, server_default=texts["custom_fields"]))
    with op.batch_alter_table("memberships", table_kwargs=rows) as memberships:
        for name in (*texts, *numbers):
            memberships.alter_column(name, server_default=None)
    op.create_index("ix_memberships_person_id", "memberships", ["person_id"])


def _index_addresses() -> None:
    with op.batch_alter_table("person_texts") as texts:
        texts.add_column(sa.Column("email", TEXT, nullable=False, server_default=""))
    with op.batch_alter_table("person_texts") as texts:
        texts.alter_column("email", server_default=None)
    op.create_index("ix_person_texts_email", "person_texts", ["email"])
    connection = op.get_bind()
    for person_id, email in connection.execute(sa.text("SELECT id, email FROM people")).all():
        writing = sa.text("UPDATE person_texts SET email = :email WHERE person_id = :person_id")
        connection.execute(writing, {"person_id": person_id, "email": email.lower()})


def _make_second_factors() -> None:
    op.create_table(
        "second_factors",
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        _of_person("second_factors"),
        sa.PrimaryKeyConstraint("person_id", name="pk_second_factors"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scratch_codes",
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        _of_person("scratch_codes"),
        sa.PrimaryKeyConstraint("person_id", "code_hash", name="pk_scratch_codes"),
        sqlite_with_rowid=False,
    )


def _make_sign_ins() -> None:
    op.create_table(
        "login_sessions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("credential_epoch", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("user_agent", TEXT, nullable=False),
        _of_membership("login_sessions"),
        sa.PrimaryKeyConstraint("id", name="pk_login_sessions"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_login_sessions_account_id_person_id", "login_sessions", ["account_id", "person_id"])
    op.create_index("ix_login_sessions_person_id", "login_sessions", ["person_id"])
    op.create_index("ix_login_sessions_used_at_ms", "login_sessions", ["used_at_ms"])
    op.create_table(
        "login_attempts",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("user_agent", TEXT, nullable=False),
        sa.Column("is_success", sa.Boolean(), nullable=False),
        _of_membership("login_attempts"),
        sa.PrimaryKeyConstraint("account_id", "person_id", "id", name="pk_login_attempts"),
        sqlite_with_rowid=False,
    )


def _make_invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("groups", TEXT, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        _of_membership("invitations"),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_invitations_account_id_id", "invitations", ["account_id", "id"])
    op.create_index("ix_invitations_account_id_person_id", "invitations", ["account_id", "person_id"])
    op.create_index("ix_invitations_expires_at_ms", "invitations", ["expires_at_ms"])


def _make_notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("receiver", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("is_sent", sa.Boolean(), nullable=False),
        sa.Column("fault", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_notifications_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
    )
    op.create_index("ix_notifications_account_id_id", "notifications", ["account_id", "id"])


def _of_person(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=f"fk_{table}_person_id", ondelete="CASCADE")


def _of_membership(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["account_id", "person_id"],
        ["memberships.account_id", "memberships.person_id"],
        name=f"fk_{table}_account_id_person_id",
        ondelete="CASCADE",
    )
