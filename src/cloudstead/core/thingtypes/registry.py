"""Thing types: create, read, change and remove."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.audit.record import Trail
from cloudstead.core.domains.errors import DomainNotFound
from cloudstead.core.free_json import require_bounded
from cloudstead.core.patch import ABSENT, Patched, patched
from cloudstead.core.texts import MAX_ID_CHARS, require_line, require_prose
from cloudstead.core.thingtypes.attributes import free_path, with_item, without_item
from cloudstead.core.thingtypes.errors import ThingTypeHasThings, ThingTypeIdTaken, ThingTypeNotFound
from cloudstead.core.thingtypes.events import (
    ThingTypeAttributeRemoved,
    ThingTypeChanged,
    ThingTypeCreated,
    ThingTypeRemoved,
)
from cloudstead.core.thingtypes.model import ThingType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import DomainId, IdSource, ThingTypeId
    from cloudstead.core.thingtypes.model import JsonObject
    from cloudstead.core.unit import Unit

_READ: Final = Permission("thing-type:read")
_CREATE: Final = Permission("thing-type:create")
_UPDATE: Final = Permission("thing-type:update")
_REMOVE: Final = Permission("thing-type:remove")


@dataclass(frozen=True, slots=True)
class SeenThingType:
    """A thing type as one caller sees it."""

    thing_type: ThingType
    is_read_only: bool


class ThingTypes:
    """The thing types of all accounts, as callers may see and change them.

    A caller sees the types of the domains within reach and of those above. A type out of sight cannot be told from
    one that does not exist; one above can be seen but not changed (Cloud Connect 2.11, section 12.1.2.3, readOnly).
    """

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids
        self._trail = Trail(clock, ids, object_type="thing-type", name_of=lambda each: each.id, fields_of=_audited)

    def get(self, unit: Unit, caller: Caller, *, thing_type_id: ThingTypeId) -> SeenThingType:
        """Return a type; raise ``ThingTypeNotFound``."""
        reach = Reach.of(caller, _READ, unit.domains.tree(caller.account_id))
        found = unit.thing_types.get(caller.account_id, thing_type_id)
        if found is None or not _sees(reach, found):
            raise ThingTypeNotFound(thing_type_id)
        return _seen(caller, reach, found)

    def list(self, unit: Unit, caller: Caller) -> tuple[SeenThingType, ...]:
        """Return all types that the caller sees, ordered by id."""
        reach = Reach.of(caller, _READ, unit.domains.tree(caller.account_id))
        types = unit.thing_types.all(caller.account_id)
        return tuple(_seen(caller, reach, each) for each in types if _sees(reach, each))

    def thing_counts(self, unit: Unit, caller: Caller) -> Mapping[ThingTypeId, int]:
        """Return how many things of each type are within the caller's reach; it looks at every one of them."""
        reach = Reach.of(caller, _READ, unit.domains.tree(caller.account_id))
        within = None if reach.is_whole_account else reach.domain_ids()
        return unit.things.count_by_type(caller.account_id, within)

    def create(
        self,
        unit: Unit,
        caller: Caller,
        *,
        thing_type_id: ThingTypeId,
        domain_id: DomainId,
        label: str,
        description: str | None = None,
        data: JsonObject | None = None,
    ) -> ThingType:
        """Make a type with the default view mode."""
        tree = unit.domains.tree(caller.account_id)
        reach = Reach.of(caller, _CREATE, tree)
        require_line(thing_type_id, field="id", max_chars=MAX_ID_CHARS)
        _check(label, description, data)
        if domain_id not in tree.nodes:
            raise DomainNotFound(domain_id, field="domain")
        reach.require(domain_id, field="domain")
        if unit.thing_types.get(caller.account_id, thing_type_id) is not None:
            raise ThingTypeIdTaken(thing_type_id)
        thing_type = ThingType(
            account_id=caller.account_id,
            id=thing_type_id,
            domain_id=domain_id,
            label=label,
            description=description or None,
            data=data,
            created_at_ms=self._clock.millis(),
        )
        unit.thing_types.add(thing_type)
        self._trail.made(unit, caller, "thing-type.create", thing_type)
        unit.emit(ThingTypeCreated(thing_type, tree.path(domain_id)))
        return thing_type

    def update(
        self,
        unit: Unit,
        caller: Caller,
        *,
        thing_type_id: ThingTypeId,
        label: str,
        description: Patched[str | None] = ABSENT,
        data: Patched[JsonObject | None] = ABSENT,
    ) -> ThingType:
        """Change the fields given."""
        _check(label, patched(description, None), patched(data, None))

        def change(before: ThingType) -> ThingType:
            return replace(
                before,
                label=label,
                description=patched(description, before.description) or None,
                data=patched(data, before.data),
            )

        return self._change(unit, caller, thing_type_id, change)

    def update_attribute(
        self, unit: Unit, caller: Caller, *, thing_type_id: ThingTypeId, key_path: str, item: object
    ) -> ThingType:
        """Put ``item`` at a dotted path inside the type."""
        path = free_path(key_path)
        return self._change(unit, caller, thing_type_id, lambda before: with_item(before, path, item))

    def remove_attribute(self, unit: Unit, caller: Caller, *, thing_type_id: ThingTypeId, key_path: str) -> ThingType:
        """Remove what is at a dotted path inside the type."""
        path = free_path(key_path)
        before = _changeable(unit, caller, thing_type_id, _UPDATE)
        after = without_item(before, path)
        unit.thing_types.replace(after)
        self._trail.changed(unit, caller, "thing-type.remove-attribute", before, after)
        unit.emit(ThingTypeAttributeRemoved(after, unit.domains.tree(caller.account_id).path(after.domain_id)))
        return after

    def remove(self, unit: Unit, caller: Caller, *, thing_type_id: ThingTypeId) -> None:
        """Remove a type; refuse while there are things of it, be they within the caller's reach or not."""
        before = _changeable(unit, caller, thing_type_id, _REMOVE)
        if unit.things.count_by_type(caller.account_id, None).get(thing_type_id):
            raise ThingTypeHasThings
        unit.thing_types.remove(caller.account_id, thing_type_id)
        self._trail.removed(unit, caller, "thing-type.remove", before)
        unit.emit(ThingTypeRemoved(before, unit.domains.tree(caller.account_id).path(before.domain_id)))

    def _change(
        self, unit: Unit, caller: Caller, thing_type_id: ThingTypeId, change: Callable[[ThingType], ThingType]
    ) -> ThingType:
        before = _changeable(unit, caller, thing_type_id, _UPDATE)
        after = change(before)
        unit.thing_types.replace(after)
        self._trail.changed(unit, caller, "thing-type.update", before, after)
        unit.emit(ThingTypeChanged(after, unit.domains.tree(caller.account_id).path(after.domain_id)))
        return after


def _check(label: str, description: str | None, data: JsonObject | None) -> None:
    require_line(label, field="label")
    require_prose(description, field="description")
    require_bounded(data, field="data")


def _sees(reach: Reach, thing_type: ThingType) -> bool:
    return reach.covers(thing_type.domain_id) or reach.is_above(thing_type.domain_id)


def _seen(caller: Caller, reach: Reach, thing_type: ThingType) -> SeenThingType:
    is_changeable = caller.may(_UPDATE) and Reach.of(caller, _UPDATE, reach.tree).covers(thing_type.domain_id)
    return SeenThingType(thing_type, not is_changeable)


def _changeable(unit: Unit, caller: Caller, thing_type_id: ThingTypeId, permission: Permission) -> ThingType:
    reach = Reach.of(caller, permission, unit.domains.tree(caller.account_id))
    found = unit.thing_types.get(caller.account_id, thing_type_id)
    if found is None or not _sees(reach, found):
        raise ThingTypeNotFound(thing_type_id)
    reach.require(found.domain_id)
    return found


def _audited(thing_type: ThingType) -> dict[str, Any]:
    return {
        "domain": thing_type.domain_id,
        "label": thing_type.label,
        "description": thing_type.description,
        "data": thing_type.data,
        "view_mode": thing_type.view_mode,
        "view_modes": thing_type.view_modes,
        "extra": thing_type.extra,
    }
