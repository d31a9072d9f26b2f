"""API keys as rows: theirs, and those of their grants, read for many keys at once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from cloudstead.core.caller import Grant
from cloudstead.core.credentials.model import ApiKey
from cloudstead.storage.sql.statements import Statement
from cloudstead.storage.sql.tables import api_key_grants, api_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudstead.storage.sql.transaction import Transaction

KEY_COLUMNS: Final = tuple(api_keys.c)

_GRANTS = Statement(
    lambda words: (
        select(api_key_grants.c.key_id, api_key_grants.c.domain_id, api_key_grants.c.role)
        .where(words.any_of(api_key_grants.c.key_id, "ids"))
        .order_by(api_key_grants.c.key_id, api_key_grants.c.position)
    ),
    "ids",
)


def key_values(key: ApiKey) -> tuple[object, ...]:
    """Return a key's columns in their order."""
    return (
        key.id,
        key.account_id,
        key.owner_id,
        key.name,
        key.secret_hash,
        key.created_at_ms,
        key.is_active,
        key.version,
        key.updated_at_ms,
        key.last_used_at_ms,
        key.secret_epoch,
    )


def key_of_row(row: Sequence[Any], grants: tuple[Grant, ...]) -> ApiKey:
    """Return the key that a row of ``KEY_COLUMNS`` holds."""
    key_id, account_id, owner_id, name, secret_hash, created, is_active, version, updated, last_used, epoch = row
    return ApiKey(
        key_id,
        account_id,
        owner_id,
        name,
        secret_hash,
        grants,
        created,
        is_active=bool(is_active),
        last_used_at_ms=last_used,
        secret_epoch=epoch,
        version=version,
        updated_at_ms=updated,
    )


def key_grants(transaction: Transaction, key_ids: Sequence[str]) -> Mapping[str, tuple[Grant, ...]]:
    """Return the grants of many keys with one statement."""
    held: dict[str, list[Grant]] = defaultdict(list)
    for key_id, domain_id, role in transaction.rows(_GRANTS, list(key_ids)) if key_ids else ():
        held[key_id].append(Grant(domain_id, role))
    return {key_id: tuple(held[key_id]) for key_id in key_ids}


def keys_of_rows(rows: Sequence[Sequence[Any]], grants: Mapping[str, tuple[Grant, ...]]) -> list[ApiKey]:
    """Return the keys of many rows."""
    return [key_of_row(row, grants[row[0]]) for row in rows]
