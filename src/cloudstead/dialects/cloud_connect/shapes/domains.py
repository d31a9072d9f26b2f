"""Domains on the wire: the tree as nested objects, and one domain with what was selected of it.

Clients take the first key of a tree as the top node and read ``attributes.id`` of every node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudstead.dialects.cloud_connect.shapes.selection import pick

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.domains.model import Domain
    from cloudstead.core.domains.registry import InheritedDomain, VisibleDomains
    from cloudstead.core.ids import DomainId

    Attributes = dict[str, Any]


def selected_tree(visible: VisibleDomains, selected: frozenset[str]) -> dict[str, Any]:
    """Return the tree for LIST: each node with its id and what was selected."""

    def attributes(domain: Domain) -> Attributes:
        available = {"name": domain.name, "description": domain.description or "", "data": domain.data or {}}
        return {"id": domain.id, **pick(available, selected)}

    return _tree(visible, attributes)


def changed_tree(
    visible: VisibleDomains, changed: DomainId | None = None, extra: Attributes | None = None
) -> dict[str, Any]:
    """Return the tree after a change: each node as it is, the changed one with the ``extra`` attributes."""

    def attributes(domain: Domain) -> Attributes:
        shown: Attributes = {"id": domain.id, "name": domain.name}
        if domain.description is not None:
            shown["description"] = domain.description
        if domain.data is not None:
            shown["data"] = domain.data
        if domain.id == changed and extra is not None:
            shown |= extra
        return shown

    return _tree(visible, attributes)


def one_domain(found: InheritedDomain, selected: frozenset[str]) -> dict[str, Any]:
    """Return the domain for GET: its id and what was selected."""
    domain = found.domain
    available: dict[str, Any] = {} if domain.parent_id is None else {"parentId": domain.parent_id}
    available |= {"name": domain.name, "description": domain.description or "", "data": domain.data or {}}
    return {"id": domain.id, **pick(available | inherited(found), selected)}


def inherited(found: InheritedDomain) -> dict[str, Any]:
    """Return metadata and settings; settings are left out where no domain up to the root has any."""
    shown: dict[str, Any] = {
        "domainMetadata": found.domain_metadata or [],
        "thingTypeMetadata": found.thing_type_metadata or [],
    }
    if found.settings is not None:
        shown["settings"] = {"theme": None, **found.settings}
    return shown


def _tree(visible: VisibleDomains, attributes: Callable[[Domain], Attributes]) -> dict[str, Any]:
    def node(domain_id: DomainId) -> dict[str, Any]:
        shown: dict[str, Any] = {"attributes": attributes(visible.tree.nodes[domain_id])}
        for child in visible.tree.children(domain_id):
            shown[child] = node(child)
        return shown

    return {top: node(top) for top in visible.tops}
