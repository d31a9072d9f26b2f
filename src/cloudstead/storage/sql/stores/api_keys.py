"""API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, select

from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT, GroupKind
from cloudstead.storage.sql.statements import Statement, adding, replacing
from cloudstead.storage.sql.stores.api_key_rows import KEY_COLUMNS, key_grants, key_of_row, key_values, keys_of_rows
from cloudstead.storage.sql.stores.grants import grants
from cloudstead.storage.sql.stores.paging import Pages
from cloudstead.storage.sql.tables import TEXT, api_key_grants, api_keys
from cloudstead.storage.sql.tables_accounts import policy_group_keys, policy_groups

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.credentials.model import ApiKey
    from cloudstead.core.ids import AccountId, ApiKeyId, PersonId
    from cloudstead.core.paging import Page, PageRequest
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
_REPLACE = replacing(api_keys, "id")
_DROP_GRANTS = Statement(
    lambda _: api_key_grants.delete().where(api_key_grants.c.key_id == bindparam("key_id")), "key_id"
)
_of_account: Final = api_keys.c.account_id == bindparam("account_id")
_of_owner: Final = api_keys.c.owner_id == bindparam("owner_id")
_ALL = Pages.of(lambda _: select(*KEY_COLUMNS).where(_of_account), api_keys.c.id, "account_id")
_OWNED = Pages.of(
    lambda _: select(*KEY_COLUMNS).where(_of_account).where(_of_owner), api_keys.c.id, "account_id", "owner_id"
)
_ONE = Pages.of(
    lambda _: select(*KEY_COLUMNS).where(_of_account).where(api_keys.c.id == bindparam("id")),
    api_keys.c.id,
    "account_id",
    "id",
)
_NAMED = Statement(
    lambda words: (
        select(*KEY_COLUMNS).where(_of_account).where(words.any_of(api_keys.c.id, "ids")).order_by(api_keys.c.id)
    ),
    "account_id",
    "ids",
)
_COUNT = Statement(lambda _: select(func.count()).select_from(api_keys).where(_of_account), "account_id")
_USED = Statement(
    lambda _: (
        api_keys.update()
        .where(api_keys.c.id == bindparam("wanted_id"))
        .where(api_keys.c.last_used_at_ms < bindparam("last_used_at_ms"))
        .values(last_used_at_ms=bindparam("last_used_at_ms"))
    ),
    "id",
    "last_used_at_ms",
)
# Who holds the Administrator role at the root is in that group, and nobody else.
_NO_ADMINISTRATOR = Statement(
    lambda _: (
        policy_group_keys.delete()
        .where(policy_group_keys.c.key_id == bindparam("key_id"))
        .where(
            policy_group_keys.c.group_id.in_(
                select(policy_groups.c.id)
                .where(policy_groups.c.account_id == bindparam("account_id"))
                .where(policy_groups.c.kind == GroupKind.ADMINISTRATORS.value)
            )
        )
    ),
    "account_id",
    "key_id",
)
_ADMINISTRATOR = Statement(
    lambda words: (
        words.insert(policy_group_keys)
        .from_select(
            ["group_id", "key_id"],
            select(policy_groups.c.id, bindparam("key_id", type_=TEXT))
            .where(policy_groups.c.account_id == bindparam("account_id"))
            .where(policy_groups.c.kind == GroupKind.ADMINISTRATORS.value),
        )
        .on_conflict_do_nothing()
    ),
    "account_id",
    "key_id",
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
        self._transaction.change(_ADD, *key_values(key))
        self._put_grants(key)

    def replace(self, *keys: ApiKey) -> None:
        """Write all columns of keys and their grants."""
        self._transaction.change_each(_REPLACE, [key_values(key) for key in keys])
        self._transaction.change_each(_DROP_GRANTS, [(key.id,) for key in keys])
        self._transaction.change_each(_NO_ADMINISTRATOR, [(key.account_id, key.id) for key in keys])
        self._put_grants(*keys)

    def get(self, key_id: ApiKeyId) -> ApiKey | None:
        """Return the key with that id, whatever its state."""
        rows = self._transaction.rows(_GET, key_id)
        return key_of_row(rows[0][2:], grants(rows)) if rows else None

    def named(self, account_id: AccountId, key_ids: Collection[ApiKeyId]) -> Sequence[ApiKey]:
        """Return those of the keys that the account has, ordered by id."""
        rows = self._transaction.rows(_NAMED, account_id, list(key_ids))
        return keys_of_rows(rows, key_grants(self._transaction, [row[0] for row in rows]))

    def page(
        self,
        account_id: AccountId,
        request: PageRequest,
        *,
        owner_id: PersonId | None = None,
        key_id: ApiKeyId | None = None,
    ) -> Page[ApiKey]:
        """Return one page of the account's keys: all, those of an owner, or the one with an id."""
        if key_id is not None:
            pages: Pages = _ONE
            more: tuple[str, ...] = (key_id,)
        elif owner_id is not None:
            pages, more = _OWNED, (owner_id,)
        else:
            pages, more = _ALL, ()
        return pages.read(
            self._transaction,
            request,
            lambda rows: keys_of_rows(rows, key_grants(self._transaction, [row[0] for row in rows])),
            account_id,
            *more,
            id_of=lambda key: key.id,
        )

    def count(self, account_id: AccountId) -> int:
        """Return how many keys the account has."""
        row = self._transaction.row(_COUNT, account_id)
        return 0 if row is None else int(row[0])

    def note_uses(self, uses: Mapping[ApiKeyId, int]) -> None:
        """Move the time of the last use of each key on to these milliseconds."""
        self._transaction.change_each(_USED, list(uses.items()))

    def remove(self, account_id: AccountId, key_id: ApiKeyId) -> bool:
        """Delete a key; return whether there was one."""
        return self._transaction.change(_REMOVE, account_id, key_id) > 0

    def ids_of(self, owner_ids: Collection[PersonId]) -> Sequence[ApiKeyId]:
        """Return the ids of the keys that these people own."""
        return [row[0] for row in self._transaction.rows(_IDS_OF, list(owner_ids))]

    def _put_grants(self, *keys: ApiKey) -> None:
        self._transaction.change_each(
            _ADD_GRANT,
            [
                (key.id, position, key.account_id, grant.domain_id, grant.role)
                for key in keys
                for position, grant in enumerate(key.grants)
            ],
        )
        administrators = [key for key in keys if ADMINISTRATOR_GRANT in key.grants]
        self._transaction.change_each(_ADMINISTRATOR, [(key.account_id, key.id) for key in administrators])
