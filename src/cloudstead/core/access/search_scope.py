"""A caller's reach as the bounds of a search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cloudstead.core.access.reach import Reach
from cloudstead.core.ids import DomainId
from cloudstead.search.scope import SearchScope

if TYPE_CHECKING:
    from cloudstead.core.access.permissions import Permission
    from cloudstead.core.caller import Caller
    from cloudstead.core.domains.model import DomainTree
    from cloudstead.core.unit import Unit


def search_scope(unit: Unit, caller: Caller, permission: Permission) -> SearchScope:
    """Return what the caller may find; raise ``NotPermitted`` when the caller holds the permission nowhere."""
    tree = unit.domains.tree(caller.account_id)
    reach = Reach.of(caller, permission, tree)
    domains = None if reach.is_whole_account else frozenset[str](reach.domain_ids())
    return SearchScope(caller.account_id, domains, _Subtrees(tree))


class _Subtrees(Mapping[str, frozenset[str]]):
    """The subtree of each domain of a tree, worked out for those that a search names."""

    def __init__(self, tree: DomainTree) -> None:
        self._tree = tree

    def __getitem__(self, domain: str) -> frozenset[str]:
        if domain not in self._tree.nodes:
            raise KeyError(domain)
        return frozenset[str](self._tree.subtree(DomainId(domain)))

    def __iter__(self) -> Iterator[str]:
        return iter(self._tree.nodes)

    def __len__(self) -> int:
        return len(self._tree.nodes)
