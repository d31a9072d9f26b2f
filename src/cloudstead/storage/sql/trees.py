"""Domain trees kept between transactions, so that most units build none."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.domains.model import DomainTree
    from cloudstead.core.ids import AccountId

_CAPACITY = 1000  # trees; one of 1,000 domains takes about 1 MB


class TreeCache:
    """The last seen tree of each account. A tree is right for whoever reads its version in the same transaction.

    Shared by the loop and by the writer's and the scanner's thread.
    """

    def __init__(self) -> None:
        self._trees: dict[AccountId, DomainTree] = {}
        self._lock = Lock()

    def get(self, account_id: AccountId, version: int) -> DomainTree | None:
        """Return the account's tree if that is its version."""
        tree = self._trees.get(account_id)
        return tree if tree is not None and tree.version == version else None

    def put(self, account_id: AccountId, tree: DomainTree) -> None:
        """Keep a tree that holds nothing uncommitted; the one kept longest makes room."""
        with self._lock:
            self._trees.pop(account_id, None)
            self._trees[account_id] = tree
            if len(self._trees) > _CAPACITY:
                del self._trees[next(iter(self._trees))]

    def clear(self) -> None:
        """Forget all: versions that were handed out may have been undone."""
        with self._lock:
            self._trees.clear()
