"""Domains: the tree that a caller sees, and the ways to change it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.audit.record import Trail
from cloudstead.core.domains.errors import (
    DomainHasPeople,
    DomainHasThings,
    DomainIdTaken,
    DomainMoveMakesLoop,
    DomainNotFound,
    RootIsFixed,
)
from cloudstead.core.domains.events import DomainMoved, DomainsRemoved
from cloudstead.core.domains.metadata import checked_metadata
from cloudstead.core.domains.model import Domain, DomainTree
from cloudstead.core.errors import InvalidField
from cloudstead.core.free_json import require_bounded
from cloudstead.core.patch import ABSENT, Patched, patched
from cloudstead.core.roles.places import require_roles_still_count
from cloudstead.core.texts import MAX_ID_CHARS, require_line, require_prose
from cloudstead.core.thingtypes.events import ThingTypeRemoved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.domains.model import JsonObject
    from cloudstead.core.ids import DomainId, IdSource
    from cloudstead.core.unit import Unit

MAX_DEPTH: Final = 50
"""Levels below the root. Topics end at six (Cloud Connect 2.11, section 9.2); trees are written as nested JSON."""

RESERVED_IDS: Final = frozenset({"attributes", "errorMessage"})
"""Ids that a tree written as nested objects could not tell from its own members."""

_NO_TOPIC_LEVEL: Final = re.compile(r"[/+#]")  # MQTT 3.1.1, sections 4.7.1 and 4.7.2

_READ: Final = Permission("domain:read")
_CREATE: Final = Permission("domain:create")
_UPDATE: Final = Permission("domain:update")
_REMOVE: Final = Permission("domain:remove")


@dataclass(frozen=True, slots=True)
class VisibleDomains:
    """What a caller sees: everything at and below ``tops``, the caller's own domain first."""

    tree: DomainTree
    tops: tuple[DomainId, ...]


@dataclass(frozen=True, slots=True)
class InheritedDomain:
    """A domain with what it says itself or, where it says nothing, what the nearest domain above it says."""

    domain: Domain
    domain_metadata: Sequence[JsonObject] | None
    thing_type_metadata: Sequence[JsonObject] | None
    settings: JsonObject | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainChange:
    """What to change of a domain. ``None`` clears a description or data, and lets the other three be inherited."""

    parent_id: Patched[DomainId] = ABSENT
    name: Patched[str] = ABSENT
    description: Patched[str | None] = ABSENT
    data: Patched[JsonObject | None] = ABSENT
    domain_metadata: Patched[Sequence[object] | None] = ABSENT
    thing_type_metadata: Patched[Sequence[object] | None] = ABSENT
    settings: Patched[JsonObject | None] = ABSENT

    def check(self) -> None:
        """Raise ``InvalidField`` when a value given can be no domain's."""
        if self.name is not ABSENT:
            require_line(self.name, field="name")
        if self.description is not ABSENT:
            require_prose(self.description, field="description")
        if self.data is not ABSENT:
            require_bounded(self.data, field="data")
        if self.domain_metadata is not ABSENT:
            checked_metadata(self.domain_metadata, field="domain_metadata")
        if self.thing_type_metadata is not ABSENT:
            checked_metadata(self.thing_type_metadata, field="thing_type_metadata")
        if self.settings is not ABSENT:
            require_bounded(self.settings, field="settings")

    def applied_to(self, domain: Domain) -> Domain:
        """Return the domain as it will be, its place in the tree aside."""
        changed = replace(
            domain,
            name=patched(self.name, domain.name),
            description=patched(self.description, domain.description) or None,
            data=patched(self.data, domain.data),
            settings=patched(self.settings, domain.settings) or None,
        )
        if self.domain_metadata is not ABSENT:
            metadata = checked_metadata(self.domain_metadata, field="domain_metadata")
            changed = replace(changed, domain_metadata=metadata)
        if self.thing_type_metadata is not ABSENT:
            metadata = checked_metadata(self.thing_type_metadata, field="thing_type_metadata")
            changed = replace(changed, thing_type_metadata=metadata)
        return changed


class Domains:
    """The domain trees of all accounts, as callers may see and change them."""

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids
        self._trail = Trail(clock, ids, object_type="domain", name_of=lambda each: each.id, fields_of=_audited)

    def visible(self, unit: Unit, caller: Caller) -> VisibleDomains:
        """Return the tree and the domains from which downwards the caller sees it."""
        tree = unit.domains.tree(caller.account_id)
        reach = Reach.of(caller, _READ, tree)
        granted = [grant.domain_id for grant in caller.grants if grant.domain_id in reach.tops]
        tops = [
            top
            for top in dict.fromkeys(granted)
            if top in tree.nodes and not any(top != other and tree.is_within(top, other) for other in granted)
        ]
        return VisibleDomains(tree, tuple(tops))

    def get(self, unit: Unit, caller: Caller, *, domain_id: DomainId) -> InheritedDomain:
        """Return a domain; metadata and settings that it lacks come from the nearest domain above that has some."""
        tree = unit.domains.tree(caller.account_id)
        domain = _reached(Reach.of(caller, _READ, tree), domain_id, field="id")
        lineage = tuple(tree.lineage(domain_id))
        return InheritedDomain(
            domain,
            next((each.domain_metadata for each in lineage if each.domain_metadata), None),
            next((each.thing_type_metadata for each in lineage if each.thing_type_metadata), None),
            next((each.settings for each in lineage if each.settings), None),
        )

    def create(
        self,
        unit: Unit,
        caller: Caller,
        *,
        domain_id: DomainId,
        parent_id: DomainId,
        name: str,
        description: str | None = None,
        data: JsonObject | None = None,
    ) -> Domain:
        """Hang a new domain below ``parent_id``."""
        tree = unit.domains.tree(caller.account_id)
        reach = Reach.of(caller, _CREATE, tree)
        _require_id(domain_id)
        fields = DomainChange(name=name, description=description, data=data)
        fields.check()
        _reached(reach, parent_id, field="parent_id")
        if domain_id in tree.nodes:
            raise DomainIdTaken(domain_id)
        _require_depth(len(tree.path(parent_id)))
        blank = Domain(
            account_id=caller.account_id,
            uid=self._ids.new(),
            id=domain_id,
            parent_id=parent_id,
            name=name,
            created_at_ms=self._clock.millis(),
            created_by=caller.user_name,
        )
        return self.place(unit, caller, fields.applied_to(blank))

    def place(self, unit: Unit, caller: Caller, domain: Domain) -> Domain:
        """Add a domain that the caller may add there, which whoever calls this has made sure of."""
        unit.domains.add(domain)
        self._trail.made(unit, caller, "domain.create", domain)
        return domain

    def update(self, unit: Unit, caller: Caller, *, domain_id: DomainId, change: DomainChange) -> Domain:
        """Change the fields given and, where ``change`` names another parent, move the domain with all below it.

        What is moved there comes into being there, so a move asks for the right to create as well.
        """
        tree = unit.domains.tree(caller.account_id)
        reach = Reach.of(caller, _UPDATE, tree)
        change.check()
        before = tree.get(domain_id)
        if before is None:
            raise DomainNotFound(domain_id)
        if change.parent_id is not ABSENT and change.parent_id not in tree.nodes:
            raise DomainNotFound(change.parent_id, field="parent_id")
        reach.require(domain_id, field="id")
        domain = change.applied_to(before)
        if change.parent_id is not ABSENT and change.parent_id != before.parent_id:
            Reach.of(caller, _CREATE, tree).require(change.parent_id, field="parent_id")
            _require_movable(reach, domain_id, change.parent_id)
            require_roles_still_count(unit, tree, domain_id, change.parent_id, field="parent_id")
            domain = replace(domain, parent_id=change.parent_id)
        return self.put(unit, caller, before, domain)

    def put(self, unit: Unit, caller: Caller, before: Domain, after: Domain) -> Domain:
        """Store a domain as the caller may change it, and move it where its parent is another.

        Whoever calls this has made sure of the caller's rights, and that no loop comes about.
        """
        tree = unit.domains.tree(caller.account_id)
        unit.domains.replace(after)
        self._trail.changed(unit, caller, "domain.update", before, after)
        if after.parent_id is not None and after.parent_id != before.parent_id:
            unit.emit(DomainMoved(caller.account_id, after.id, (*tree.path(after.parent_id), after.id)))
        return after

    def remove(self, unit: Unit, caller: Caller, *, domain_id: DomainId) -> None:
        """Remove a domain, all domains below it and their thing types; refuse while things or people depend on it."""
        tree = unit.domains.tree(caller.account_id)
        before = _reached(Reach.of(caller, _REMOVE, tree), domain_id, field="id")
        if domain_id == tree.root_id:
            raise RootIsFixed
        going = tree.subtree(domain_id)
        if unit.things.any_at(caller.account_id, going):
            raise DomainHasThings
        if unit.people.any_at(caller.account_id, going):
            raise DomainHasPeople
        self.take_down(unit, caller, before, going)

    def take_down(self, unit: Unit, caller: Caller, domain: Domain, going: frozenset[DomainId]) -> None:
        """Delete a domain with those below it, ``going`` altogether, and their thing types; no thing may be there."""
        tree = unit.domains.tree(caller.account_id)
        types = [each for each in unit.thing_types.all(caller.account_id) if each.domain_id in going]
        if types:
            # A domain may have moved away with things of a type that stayed behind.
            counts = unit.things.count_by_type(caller.account_id, None)
            if any(counts.get(each.id) for each in types):
                raise DomainHasThings
        for each in types:
            unit.thing_types.remove(caller.account_id, each.id)
            unit.emit(ThingTypeRemoved(each, tree.path(each.domain_id)))
        unit.domains.remove(caller.account_id, going)
        self._trail.removed(unit, caller, "domain.remove", domain)
        unit.emit(DomainsRemoved(caller.account_id, going))


def _reached(reach: Reach, domain_id: DomainId, *, field: str) -> Domain:
    domain = reach.tree.get(domain_id)
    if domain is None:
        raise DomainNotFound(domain_id, field=field)
    reach.require(domain_id, field=field)
    return domain


def _require_id(domain_id: DomainId) -> None:
    require_line(domain_id, field="id", max_chars=MAX_ID_CHARS)
    if _NO_TOPIC_LEVEL.search(domain_id):
        raise InvalidField("id", "must not hold '/', '+' or '#': it is a level of topics")
    if domain_id in RESERVED_IDS:
        raise InvalidField("id", f"{domain_id!r} is reserved")


def _require_movable(reach: Reach, domain_id: DomainId, parent_id: DomainId) -> None:
    tree = reach.tree
    reach.require(parent_id, field="parent_id")
    if domain_id == tree.root_id:
        raise RootIsFixed
    if tree.is_within(parent_id, domain_id):
        raise DomainMoveMakesLoop
    top = len(tree.path(domain_id))
    height = max(len(tree.path(each)) for each in tree.subtree(domain_id)) - top
    _require_depth(len(tree.path(parent_id)) + height)


def _require_depth(levels_below_root: int) -> None:
    if levels_below_root > MAX_DEPTH:
        raise InvalidField("parent_id", f"the tree would be deeper than {MAX_DEPTH} levels")


def _audited(domain: Domain) -> JsonObject:
    return {
        "parent_id": domain.parent_id,
        "name": domain.name,
        "description": domain.description,
        "data": domain.data,
        "domain_metadata": domain.domain_metadata,
        "thing_type_metadata": domain.thing_type_metadata,
        "settings": domain.settings,
    }
