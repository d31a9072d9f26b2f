"""The audit trail."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, select

from cloudstead.core.audit.model import AuditEntry, AuditFilter
from cloudstead.storage.sql.json_text import from_optional_text, to_optional_text
from cloudstead.storage.sql.statements import Statement, adding
from cloudstead.storage.sql.stores.paging import Pages
from cloudstead.storage.sql.tables import api_keys, audit_entries, memberships, people

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import ColumnElement

    from cloudstead.core.ids import AccountId
    from cloudstead.core.paging import Page, PageRequest
    from cloudstead.storage.sql.transaction import Transaction

_entries: Final = audit_entries.c
_ADD = adding(audit_entries)
_PEOPLE = Statement(
    lambda words: (
        select(people.c.id, people.c.user_name)
        .select_from(people.join(memberships, memberships.c.person_id == people.c.id))
        .where(words.any_of(memberships.c.account_id, "account_ids"))
        .where(words.any_of(memberships.c.person_id, "ids"))
        .distinct()
    ),
    "account_ids",
    "ids",
)
_KEYS = Statement(
    lambda words: (
        select(api_keys.c.id, func.coalesce(people.c.user_name, api_keys.c.name))
        .select_from(api_keys.outerjoin(people, people.c.id == api_keys.c.owner_id))
        .where(words.any_of(api_keys.c.account_id, "account_ids"))
        .where(words.any_of(api_keys.c.id, "ids"))
    ),
    "account_ids",
    "ids",
)
_NAMED: Final = {"person": _PEOPLE, "key": _KEYS}
_CONDITIONS: Final[Mapping[str, ColumnElement[bool]]] = {
    "operation": _entries.operation == bindparam("operation"),
    "object_type": _entries.object_type == bindparam("object_type"),
    "object_id": _entries.object_id == bindparam("object_id"),
    "principal": _entries.principal == bindparam("principal"),
    "since_ms": _entries.at_ms >= bindparam("since_ms"),
    "until_ms": _entries.at_ms <= bindparam("until_ms"),
    "since_id": _entries.id >= bindparam("since_id"),
    "until_id": _entries.id <= bindparam("until_id"),
}
_FILTERS: Final = ("operation", "object_type", "object_id", "principal", "since_ms", "until_ms")
_EVERYTHING: Final = AuditFilter()
# Ids begin with the time at which they were made, in milliseconds of 48 bits (RFC 9562, section 5.7). It is that of
# the entry but for a clock that was set back: then the ids go on from where they were.
_BOUNDS: Final = {"since_ms": ("since_id", -1), "until_ms": ("until_id", 1)}
_CLOCK_SET_BACK_MS: Final = 24 * 60 * 60 * 1000
_LATEST_MS: Final = (1 << 48) - 1


@cache
def _pages(given: tuple[str, ...]) -> Pages:
    """Return the pages for the filters that are given; their parameters follow the account's in this order."""
    return Pages.of(
        lambda _: select(audit_entries).where(
            _entries.account_id == bindparam("account_id"), *(_CONDITIONS[name] for name in given)
        ),
        _entries.id,
        "account_id",
        *given,
    )


class SqlAudit:
    """The audit trail of one account at a time (``core.audit.ports.AuditStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, entry: AuditEntry) -> None:
        """Insert an entry."""
        self._transaction.change(_ADD, *_values(entry))

    def add_each(self, entries: Sequence[AuditEntry]) -> None:
        """Insert several entries with one statement."""
        self._transaction.change_each(_ADD, [_values(entry) for entry in entries])

    def page(self, account_id: AccountId, request: PageRequest, wanted: AuditFilter | None = None) -> Page[AuditEntry]:
        """Return entries in the order of their ids (that is, of time), with the number of all that match."""
        asked = {name: getattr(wanted or _EVERYTHING, name) for name in _FILTERS}
        given = _bounded({name: value for name, value in asked.items() if value is not None})
        return _pages(tuple(given)).read(
            self._transaction,
            request,
            lambda rows: [_entry(row) for row in rows],
            account_id,
            *given.values(),
            id_of=lambda each: each.id,
        )

    def user_names(self, account_ids: Collection[AccountId], principals: Collection[str]) -> Mapping[str, str]:
        """Return the user name behind each principal that is a person or a key of one of the accounts. Two queries."""
        named: dict[str, str] = {}
        for kind, statement in _NAMED.items():
            ids = [each.removeprefix(f"{kind}:") for each in principals if each.startswith(f"{kind}:")]
            if ids:
                rows = self._transaction.rows(statement, list(account_ids), ids)
                named.update({f"{kind}:{row[0]}": row[1] for row in rows})
        return named


def _bounded(given: dict[str, Any]) -> dict[str, Any]:
    """Return the filters with bounds of the ids beside those of the times: entries are found by their ids."""
    bounds = {}
    for name, (bound, direction) in _BOUNDS.items():
        if name in given:
            at_ms = min(max(0, given[name] + direction * _CLOCK_SET_BACK_MS), _LATEST_MS)
            bounds[bound] = f"{at_ms:012x}{'f' * 20 if direction > 0 else ''}"
    return {**given, **bounds}


def _values(entry: AuditEntry) -> tuple[object, ...]:
    return (
        entry.id,
        entry.account_id,
        entry.at_ms,
        entry.principal,
        entry.operation,
        entry.object_type,
        entry.object_id,
        entry.source_address,
        to_optional_text(entry.before),
        to_optional_text(entry.after),
    )


def _entry(row: Sequence[Any]) -> AuditEntry:
    return AuditEntry(*row[:8], *map(from_optional_text, row[8:]))
