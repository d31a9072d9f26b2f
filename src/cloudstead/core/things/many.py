"""Things, many at a time: made, moved and removed in a fixed number of statements.

The right to do so is asked before: whoever calls this has made sure of it, and of what the things become.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.audit.record import Trail
from cloudstead.core.files.removals import ImageRemovals
from cloudstead.core.things.events import CertificatesRevoked, ThingChanged, ThingCreated, ThingRemoved
from cloudstead.core.things.model import Thing
from cloudstead.core.things.registry import audited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import IdSource
    from cloudstead.core.unit import Unit


class ManyThings:
    """What ``Things`` does to one thing, for things of one account together; the trail has an entry for each."""

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._image_removals = ImageRemovals(clock, ids)
        self._trail = Trail[Thing](clock, ids, object_type="thing", name_of=lambda each: each.name, fields_of=audited)

    def add(self, unit: Unit, caller: Caller, things: Sequence[Thing]) -> None:
        """Add things whose names are free, without certificates: a network's devices never connect to us."""
        tree = unit.domains.tree(caller.account_id)
        unit.things.add_each(things)
        unit.things.mark_for_index([thing.uid for thing in things])
        self._trail.made_each(unit, caller, "thing.create", things)
        for thing in things:
            unit.emit(ThingCreated(thing, tree.path(thing.domain_id)))

    def replace(self, unit: Unit, caller: Caller, changes: Sequence[tuple[Thing, Thing]]) -> None:
        """Store things as they are now; each change is how a thing was, and how it is."""
        tree = unit.domains.tree(caller.account_id)
        unit.things.replace_each([after for _, after in changes])
        unit.things.mark_for_index([after.uid for _, after in changes])
        self._trail.changed_each(unit, caller, "thing.update", changes)
        for before, after in changes:
            unit.emit(ThingChanged(before, tree.path(before.domain_id), after, tree.path(after.domain_id)))

    def remove(self, unit: Unit, caller: Caller, things: Sequence[Thing]) -> None:
        """Withdraw the things' certificates and remove them with their shadows; their images follow."""
        tree = unit.domains.tree(caller.account_id)
        uids = [thing.uid for thing in things]
        revoked = unit.certificates.revoke_of_each(caller.account_id, uids, self._clock.millis())
        unit.things.remove_each(caller.account_id, uids)
        self._image_removals.follow(unit, things)
        self._trail.removed_each(unit, caller, "thing.remove", things)
        if revoked:
            unit.emit(CertificatesRevoked(tuple(revoked)))
        for thing in things:
            unit.emit(ThingRemoved(thing, tree.path(thing.domain_id)))
