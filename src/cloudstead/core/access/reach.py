"""A caller's reach: the domains at which the caller holds one permission."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.core.errors import OutOfReach

if TYPE_CHECKING:
    from cloudstead.core.access.permissions import Permission
    from cloudstead.core.caller import Caller
    from cloudstead.core.domains.model import DomainTree
    from cloudstead.core.ids import DomainId


@dataclass(frozen=True, slots=True)
class Reach:
    """The caller's grants for one permission laid over the tree. Checks walk up the tree: cost is its depth."""

    tree: DomainTree
    tops: frozenset[DomainId]

    @classmethod
    def of(cls, caller: Caller, permission: Permission, tree: DomainTree) -> Reach:
        """Return where ``caller`` holds ``permission``; raise ``NotPermitted`` when nowhere."""
        caller.require(permission)
        return cls(tree, frozenset(grant.domain_id for grant in caller.grants if grant.allows(permission)))

    def covers(self, domain_id: DomainId) -> bool:
        """Tell whether the domain is a granted one or lies below one."""
        return domain_id in self.tree.nodes and any(node.id in self.tops for node in self.tree.lineage(domain_id))

    def require(self, domain_id: DomainId, *, field: str | None = None) -> None:
        """Raise ``OutOfReach`` naming ``field`` unless the reach covers the domain."""
        if not self.covers(domain_id):
            raise OutOfReach(field)

    def is_above(self, domain_id: DomainId) -> bool:
        """Tell whether the domain lies on the way from a granted domain up to the root, itself not covered."""
        return not self.covers(domain_id) and any(self.tree.is_within(top, domain_id) for top in self.tops)

    @property
    def is_whole_account(self) -> bool:
        """Whether the reach covers every domain."""
        return self.tree.root_id in self.tops

    def domain_ids(self) -> frozenset[DomainId]:
        """Return the ids of all covered domains."""
        covered: frozenset[DomainId] = frozenset()
        return covered.union(*(self.tree.subtree(top) for top in self.tops))
