"""Refresh tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from cloudstead.core.credentials.model import RefreshToken
from cloudstead.storage.sql.statements import Statement, adding
from cloudstead.storage.sql.tables import refresh_tokens

if TYPE_CHECKING:
    from cloudstead.core.ids import PersonId
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding(refresh_tokens)
_GET = Statement(
    lambda _: select(refresh_tokens).where(refresh_tokens.c.token_hash == bindparam("token_hash")), "token_hash"
)
_DROP_EXPIRED = Statement(
    lambda _: refresh_tokens.delete().where(refresh_tokens.c.expires_at_ms < bindparam("now_ms")), "now_ms"
)
_DROP_OF = Statement(
    lambda _: refresh_tokens.delete().where(refresh_tokens.c.person_id == bindparam("person_id")), "person_id"
)


class SqlRefreshTokens:
    """Refresh tokens by their hash (``core.credentials.ports.RefreshTokenStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, token: RefreshToken) -> None:
        """Insert a token."""
        self._transaction.change(_ADD, token.token_hash, token.account_id, token.person_id, token.expires_at_ms)

    def get(self, token_hash: bytes) -> RefreshToken | None:
        """Return the token with that hash, expired or not."""
        row = self._transaction.row(_GET, token_hash)
        return None if row is None else RefreshToken(*row)

    def drop_expired(self, now_ms: int) -> int:
        """Delete what expired before ``now_ms``; return how many."""
        return self._transaction.change(_DROP_EXPIRED, now_ms)

    def drop_of(self, person_id: PersonId) -> int:
        """Delete all tokens of a person; return how many."""
        return self._transaction.change(_DROP_OF, person_id)
