"""Domain trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from cloudstead.core.domains.errors import DomainIdTaken
from cloudstead.core.domains.model import Domain, DomainTree
from cloudstead.storage.sql.json_text import from_optional_text, to_optional_text
from cloudstead.storage.sql.statements import Statement, adding_if_free, replacing
from cloudstead.storage.sql.tables import domain_trees, domains

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.sql.base import Executable

    from cloudstead.core.ids import AccountId, DomainId
    from cloudstead.storage.sql.statements import Words
    from cloudstead.storage.sql.transaction import Transaction
    from cloudstead.storage.sql.trees import TreeCache


def _moving_on(words: Words) -> Executable:
    insert = words.insert(domain_trees).values(account_id=bindparam("account_id"), version=1)
    return insert.on_conflict_do_update(index_elements=["account_id"], set_={"version": domain_trees.c.version + 1})


_VERSION = Statement(
    lambda _: select(domain_trees.c.version).where(domain_trees.c.account_id == bindparam("account_id")), "account_id"
)
_ALL = Statement(lambda _: select(domains).where(domains.c.account_id == bindparam("account_id")), "account_id")
_ADD = adding_if_free(domains)
_REPLACE = replacing(domains, "account_id", "id")
_REMOVE = Statement(
    lambda words: (
        domains.delete()
        .where(domains.c.account_id == bindparam("account_id"))
        .where(words.any_of(domains.c.id, "domain_ids"))
    ),
    "account_id",
    "domain_ids",
)
_MOVE_ON = Statement(_moving_on, "account_id")


class SqlDomains:
    """Domains of one account at a time (``core.domains.ports.DomainStore``)."""

    __slots__ = ("_moved", "_transaction", "_trees")

    def __init__(self, transaction: Transaction, trees: TreeCache, moved: set[AccountId]) -> None:
        self._transaction = transaction
        self._trees = trees
        self._moved = moved  # accounts whose tree this unit has changed: nobody else may see those yet

    def tree(self, account_id: AccountId) -> DomainTree:
        """Return the whole tree, from the cache when its version is still the one in this transaction."""
        row = self._transaction.row(_VERSION, account_id)
        version = 0 if row is None else int(row[0])
        if account_id in self._moved:
            return self._build(account_id, version)
        tree = self._trees.get(account_id, version)
        if tree is None:
            tree = self._build(account_id, version)
            self._trees.put(account_id, tree)
        return tree

    def add(self, domain: Domain) -> None:
        """Insert a domain and move the tree version on; raise ``DomainIdTaken``."""
        if not self._transaction.change(_ADD, *_values(domain)):
            raise DomainIdTaken(domain.id)
        self._move_on(domain.account_id)

    def replace(self, domain: Domain) -> None:
        """Write all columns of a domain and move the tree version on."""
        self._transaction.change(_REPLACE, *_values(domain))
        self._move_on(domain.account_id)

    def remove(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> None:
        """Delete domains, with every grant at them, and move the tree version on."""
        self._transaction.change(_REMOVE, account_id, list(domain_ids))
        self._move_on(account_id)

    def _move_on(self, account_id: AccountId) -> None:
        self._transaction.change(_MOVE_ON, account_id)
        self._moved.add(account_id)

    def _build(self, account_id: AccountId, version: int) -> DomainTree:
        return DomainTree.build(map(_domain, self._transaction.rows(_ALL, account_id)), version=version)


def _values(domain: Domain) -> tuple[object, ...]:
    return (
        domain.account_id,
        domain.uid,
        domain.id,
        domain.parent_id,
        domain.name,
        domain.description,
        to_optional_text(domain.data),
        to_optional_text(domain.domain_metadata),
        to_optional_text(domain.thing_type_metadata),
        to_optional_text(domain.settings),
        domain.created_at_ms,
        domain.created_by,
    )


def _domain(row: Sequence[Any]) -> Domain:
    return Domain(*row[:6], *map(from_optional_text, row[6:10]), *row[10:])
