"""Sessions of people, and their attempts to sign in."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from cloudstead.core.people.sessions import LoginAttempt, LoginSession
from cloudstead.storage.sql.statements import Statement, adding
from cloudstead.storage.sql.tables_people import login_attempts, login_sessions

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import AccountId, PersonId
    from cloudstead.core.people.sessions import SessionId
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding(login_sessions)
_GET = Statement(lambda _: select(login_sessions).where(login_sessions.c.id == bindparam("id")), "id")
_OF_PERSON = Statement(
    lambda _: (
        select(login_sessions)
        .where(login_sessions.c.account_id == bindparam("account_id"))
        .where(login_sessions.c.person_id == bindparam("person_id"))
        .order_by(login_sessions.c.id.desc())
    ),
    "account_id",
    "person_id",
)
_NOTE_USE = Statement(
    lambda _: (
        login_sessions.update().where(login_sessions.c.id == bindparam("wanted_id")).values(used_at_ms=bindparam("now"))
    ),
    "id",
    "now",
)
_REMOVE = Statement(
    lambda _: (
        login_sessions.delete()
        .where(login_sessions.c.account_id == bindparam("account_id"))
        .where(login_sessions.c.person_id == bindparam("person_id"))
        .where(login_sessions.c.id == bindparam("id"))
    ),
    "account_id",
    "person_id",
    "id",
)
_DROP_OF = Statement(
    lambda _: login_sessions.delete().where(login_sessions.c.person_id == bindparam("person_id")), "person_id"
)
_DROP_UNUSED = Statement(
    lambda _: login_sessions.delete().where(login_sessions.c.used_at_ms < bindparam("before_ms")), "before_ms"
)
_DROP_IDLE = Statement(
    lambda _: (
        login_sessions.delete()
        .where(login_sessions.c.account_id == bindparam("account_id"))
        .where(login_sessions.c.used_at_ms < bindparam("before_ms"))
    ),
    "account_id",
    "before_ms",
)
_ADD_ATTEMPT = adding(login_attempts)
_DROP_OLD_ATTEMPTS = Statement(
    lambda _: (
        login_attempts.delete()
        .where(login_attempts.c.account_id == bindparam("account_id"))
        .where(login_attempts.c.person_id == bindparam("person_id"))
        .where(
            login_attempts.c.id.not_in(
                select(login_attempts.c.id)
                .where(login_attempts.c.account_id == bindparam("account_id"))
                .where(login_attempts.c.person_id == bindparam("person_id"))
                .order_by(login_attempts.c.id.desc())
                .limit(bindparam("kept"))
            )
        )
    ),
    "account_id",
    "person_id",
    "kept",
)
_MARK_SUCCESS = Statement(
    lambda _: (
        login_attempts.update()
        .where(login_attempts.c.account_id == bindparam("wanted_account_id"))
        .where(login_attempts.c.person_id == bindparam("wanted_person_id"))
        .where(login_attempts.c.id == bindparam("wanted_id"))
        .values(is_success=bindparam("is_success"))
    ),
    "account_id",
    "person_id",
    "id",
    "is_success",
)
_ATTEMPTS = Statement(
    lambda words: (
        select(login_attempts)
        .where(login_attempts.c.account_id == bindparam("account_id"))
        .where(words.any_of(login_attempts.c.person_id, "person_ids"))
        .order_by(login_attempts.c.person_id, login_attempts.c.id.desc())
    ),
    "account_id",
    "person_ids",
)


class SqlSessions:
    """Sessions and attempts (``core.people.ports.SessionStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, session: LoginSession) -> None:
        """Insert a session."""
        self._transaction.change(
            _ADD,
            session.id,
            session.account_id,
            session.person_id,
            session.secret_hash,
            session.credential_epoch,
            session.created_at_ms,
            session.used_at_ms,
            session.address,
            session.user_agent,
        )

    def get(self, session_id: SessionId) -> LoginSession | None:
        """Return the session with that id, ended by time or not."""
        row = self._transaction.row(_GET, session_id)
        return None if row is None else LoginSession(**dict(zip(login_sessions.c.keys(), row, strict=True)))

    def of_person(self, account_id: AccountId, person_id: PersonId) -> Sequence[LoginSession]:
        """Return the person's sessions in the account, newest first."""
        names = login_sessions.c.keys()
        rows = self._transaction.rows(_OF_PERSON, account_id, person_id)
        return [LoginSession(**dict(zip(names, row, strict=True))) for row in rows]

    def note_use(self, session_id: SessionId, now_ms: int) -> None:
        """Write down when the session was used."""
        self._transaction.change(_NOTE_USE, session_id, now_ms)

    def remove(self, account_id: AccountId, person_id: PersonId, session_id: SessionId) -> bool:
        """Delete a session; return whether there was one."""
        return self._transaction.change(_REMOVE, account_id, person_id, session_id) == 1

    def drop_of(self, person_id: PersonId) -> int:
        """Delete all sessions of a person; return how many."""
        return self._transaction.change(_DROP_OF, person_id)

    def drop_idle(self, account_id: AccountId, before_ms: int) -> int:
        """Delete sessions of the account last used before then; return how many."""
        return self._transaction.change(_DROP_IDLE, account_id, before_ms)

    def drop_unused(self, before_ms: int) -> int:
        """Delete sessions last used before then; return how many."""
        return self._transaction.change(_DROP_UNUSED, before_ms)

    def add_attempt(self, attempt: LoginAttempt, *, kept: int) -> None:
        """Insert an attempt, and keep the last ``kept`` of the person in the account."""
        self._transaction.change(
            _ADD_ATTEMPT,
            attempt.account_id,
            attempt.person_id,
            attempt.id,
            attempt.at_ms,
            attempt.address,
            attempt.user_agent,
            attempt.is_success,
        )
        self._transaction.change(_DROP_OLD_ATTEMPTS, attempt.account_id, attempt.person_id, kept)

    def mark_success(self, account_id: AccountId, person_id: PersonId, attempt_id: str) -> None:
        """Let an attempt that was noted before its outcome be one that succeeded."""
        self._transaction.change(_MARK_SUCCESS, account_id, person_id, attempt_id, True)

    def attempts(
        self, account_id: AccountId, person_ids: Collection[PersonId]
    ) -> dict[PersonId, Sequence[LoginAttempt]]:
        """Return the attempts of these people in the account, newest first. One query."""
        names = login_attempts.c.keys()
        rows = self._transaction.rows(_ATTEMPTS, account_id, list(person_ids))
        found = [dict(zip(names, row, strict=True)) for row in rows]
        made = [LoginAttempt(**{**each, "is_success": bool(each["is_success"])}) for each in found]
        return {person_id: list(same) for person_id, same in groupby(made, key=lambda each: each.person_id)}
