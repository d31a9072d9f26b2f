"""A domain, and the tree of all domains of an account."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cloudstead.core.ids import AccountId, DomainId

JsonObject = dict[str, Any]

ROOT_ID: Final = "root"
"""The id of the top domain of every account (Cloud Connect 2.11, section 3: ``root``)."""


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain. ``domain_metadata``, ``thing_type_metadata`` and ``settings`` are ``None`` where inherited."""

    account_id: AccountId
    uid: str
    id: DomainId
    parent_id: DomainId | None
    name: str
    description: str | None = None
    data: JsonObject | None = None
    domain_metadata: list[JsonObject] | None = None
    thing_type_metadata: list[JsonObject] | None = None
    settings: JsonObject | None = None
    created_at_ms: int = 0
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class DomainTree:
    """All domains of one account at one moment; made once and shared, so look-ups never touch storage.

    ``ordered`` are their ids in order.
    """

    nodes: Mapping[DomainId, Domain]
    root_id: DomainId
    version: int = 0
    ordered: Sequence[DomainId] = ()
    _children: Mapping[DomainId, list[DomainId]] = field(default_factory=dict, repr=False)

    @classmethod
    def build(cls, domains: Iterable[Domain], *, version: int = 0) -> DomainTree:
        """Build the tree; siblings are ordered by id. Exactly one domain has no parent."""
        nodes = {domain.id: domain for domain in domains}
        children: dict[DomainId, list[DomainId]] = defaultdict(list)
        root: DomainId | None = None
        ordered = sorted(nodes)
        for domain_id in ordered:
            parent_id = nodes[domain_id].parent_id
            if parent_id is None:
                root = domain_id
            else:
                children[parent_id].append(domain_id)
        if root is None:
            raise ValueError("a domain tree needs a root")
        return cls(nodes, root, version, tuple(ordered), dict(children))

    def get(self, domain_id: DomainId) -> Domain | None:
        """Return the domain, or ``None`` when the account has none with that id."""
        return self.nodes.get(domain_id)

    def children(self, domain_id: DomainId) -> list[DomainId]:
        """Return the ids directly below, ordered."""
        return self._children.get(domain_id, [])

    def lineage(self, domain_id: DomainId) -> Iterator[Domain]:
        """Yield the domain itself, its parent, and so on up to the root."""
        current: DomainId | None = domain_id
        while current is not None:
            node = self.nodes[current]
            yield node
            current = node.parent_id

    def path(self, domain_id: DomainId) -> tuple[DomainId, ...]:
        """Return the ids from the root, root included, down to the domain."""
        return tuple(node.id for node in self.lineage(domain_id))[::-1]

    def is_within(self, domain_id: DomainId, top: DomainId) -> bool:
        """Tell whether the domain is ``top`` or lies below it."""
        return domain_id in self.nodes and any(node.id == top for node in self.lineage(domain_id))

    def subtree(self, top: DomainId) -> frozenset[DomainId]:
        """Return the ids of ``top`` and of everything below it; empty when there is no such domain."""
        if top not in self.nodes:
            return frozenset()
        found = [top]
        for domain_id in found:
            found.extend(self.children(domain_id))
        return frozenset(found)
