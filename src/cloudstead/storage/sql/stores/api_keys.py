"""API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from cloudstead.core.credentials.model import ApiKey
from cloudstead.storage.sql.statements import Statement, adding
from cloudstead.storage.sql.stores.grants import grants
from cloudstead.storage.sql.tables import api_key_grants, api_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import AccountId, ApiKeyId, PersonId
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding(api_keys)
_ADD_GRANT = adding(api_key_grants)
_GET = Statement(
    lambda _: (
        select(api_key_grants.c.domain_id, api_key_grants.c.role, api_keys)
        .select_from(api_keys.outerjoin(api_key_grants, api_key_grants.c.key_id == api_keys.c.id))
        .where(api_keys.c.id == bindparam("id"))
        .order_by(api_key_grants.c.position)
    ),
    "id",
)
_REMOVE = Statement(
    lambda _: (
        api_keys.delete()
        .where(api_keys.c.account_id == bindparam("account_id"))
        .where(api_keys.c.id == bindparam("id"))
    ),
    "account_id",
    "id",
)
_IDS_OF = Statement(
    lambda words: select(api_keys.c.id).where(words.any_of(api_keys.c.owner_id, "owner_ids")), "owner_ids"
)


class SqlApiKeys:
    """API keys (``core.credentials.ports.ApiKeyStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, key: ApiKey) -> None:
        """Insert a key with its grants."""
        self._transaction.change(
            _ADD, key.id, key.account_id, key.owner_id, key.name, key.secret_hash, key.created_at_ms, key.is_active
        )
        self._transaction.change_each(
            _ADD_GRANT,
            [
                (key.id, position, key.account_id, grant.domain_id, grant.role)
                for position, grant in enumerate(key.grants)
            ],
        )

    def get(self, key_id: ApiKeyId) -> ApiKey | None:
        """Return the key with that id, whatever its state."""
        rows = self._transaction.rows(_GET, key_id)
        if not rows:
            return None
        _, _, found, account_id, owner_id, name, secret_hash, created_at_ms, is_active = rows[0]
        return ApiKey(
            found, account_id, owner_id, name, secret_hash, grants(rows), created_at_ms, is_active=bool(is_active)
        )

    def remove(self, account_id: AccountId, key_id: ApiKeyId) -> bool:
        """Delete a key; return whether there was one."""
        return self._transaction.change(_REMOVE, account_id, key_id) > 0

    def ids_of(self, owner_ids: Collection[PersonId]) -> Sequence[ApiKeyId]:
        """Return the ids of the keys that these people own."""
        return [row[0] for row in self._transaction.rows(_IDS_OF, list(owner_ids))]
