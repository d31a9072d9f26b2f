"""Devices of groups: registered, changed, transferred and removed many at a time.

A device is a thing. A batch is done as a whole or not at all, and costs a fixed number of statements.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cloudstead.core.errors import InvalidField
from cloudstead.core.groups.access import require, standing
from cloudstead.core.groups.errors import DeviceExists, DeviceNotFound
from cloudstead.core.groups.model import DeviceFacts, ShownDevice
from cloudstead.core.groups.registry import require_tags
from cloudstead.core.ids import ThingName, ThingTypeId, ThingUid, is_id
from cloudstead.core.texts import MAX_ID_CHARS, require_line
from cloudstead.core.things.identities import IdentityKind, OutsideIdentity
from cloudstead.core.things.model import Thing
from cloudstead.core.thingtypes.events import ThingTypeCreated
from cloudstead.core.thingtypes.model import ThingType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.domains.model import Domain, DomainTree
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.shadows.model import Shadow
    from cloudstead.core.things.many import ManyThings
    from cloudstead.core.unit import Unit

MOST_AT_ONCE: Final = 1000
"""How many devices one call may name."""

DEFAULT_TYPE: Final = "device"
OWN_NETWORK: Final = "mqtt"
"""The network of things that no operator knows: they connect to us."""

_NETWORK: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_ORIGINAL_ID: Final = re.compile(r"[A-Za-z0-9:_-]{1,80}")
_HEX_NETWORKS: Final = frozenset({"sigfox", "actility"})
"""Networks whose ids are hexadecimal numbers, which some of their parts write in small letters."""


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """A thing with what is known of it, its shadow aside."""

    thing: Thing
    facts: DeviceFacts | None
    identity: str | None

    def shown(self, shadow: Shadow) -> ShownDevice:
        """Return the device as it is shown with that shadow."""
        network, _, original_id = (self.identity or f"{OWN_NETWORK}:{self.thing.name}").partition(":")
        battery = shadow.reported.get("battery")
        return ShownDevice(
            thing=self.thing,
            facts=self.facts,
            network=network,
            original_id=original_id,
            battery=str(battery) if isinstance(battery, str | int | float) else None,
            seen_at_s=latest_report_s(shadow.reported_metadata),
            reported=_json_text(shadow.reported),
            desired=_json_text(shadow.desired),
        )


class Devices:
    """The devices of all groups, as callers may see and change them."""

    def __init__(self, clock: Clock, ids: IdSource, many: ManyThings) -> None:
        self._clock = clock
        self._ids = ids
        self._many = many

    def page(self, unit: Unit, caller: Caller, group_id: str, *, after: str, limit: int) -> list[FoundDevice]:
        """Return the devices directly in a group, in the order of their names."""
        domain = require(caller, unit.domains.tree(caller.account_id), group_id, "device:view")
        things = unit.things.page_at(caller.account_id, domain.id, after=after, limit=limit)
        return self._found(unit, caller.account_id, things)

    def get(self, unit: Unit, caller: Caller, device_id: str) -> FoundDevice:
        """Return a device; one that the caller cannot see is one that is not there."""
        tree = unit.domains.tree(caller.account_id)
        uids = (ThingUid(device_id),) if is_id(device_id) else ()
        things = [each for each in unit.things.by_uids(uids) if each.account_id == caller.account_id]
        if not things or not standing(caller, tree, things[0].domain_id):
            raise DeviceNotFound("deviceId", (device_id,))
        require(caller, tree, things[0].domain_id, "device:view")
        return self._found(unit, caller.account_id, things)[0]

    def register(
        self,
        unit: Unit,
        caller: Caller,
        group_id: str,
        *,
        original_ids: Sequence[str],
        network: str,
        type_id: str | None = None,
        tags: Sequence[str] = (),
    ) -> tuple[int, Domain]:
        """Register devices by the ids that their network knows them by; return how many they are, and their group.

        A type that the account does not have is made, at its root and with nothing but its name. Raise
        ``DeviceExists``, ``InvalidField``, ``GroupNotFound`` and ``NotPermitted``.
        """
        tree = unit.domains.tree(caller.account_id)
        domain = require(caller, tree, group_id, "device:create")
        wanted = _checked_ids(original_ids, network)
        require_tags(tags)
        thing_type = self._type(unit, caller, tree, domain, type_id or DEFAULT_TYPE)
        taken = unit.outside_identities.of_values(
            caller.account_id, IdentityKind.NETWORK, [f"{network}:{each}" for each in wanted]
        )
        if taken:
            raise DeviceExists(tuple(each.value.partition(":")[2] for each in taken))
        things = self._new_things(unit, caller, domain, thing_type, network=network, original_ids=wanted)
        self._many.add(unit, caller, things)
        unit.outside_identities.add(
            [
                OutsideIdentity(caller.account_id, IdentityKind.NETWORK, f"{network}:{original}", thing.uid)
                for original, thing in zip(wanted, things, strict=True)
            ]
        )
        now_ms = self._clock.millis()
        unit.device_facts.put(
            [
                DeviceFacts(
                    thing_uid=thing.uid,
                    account_id=caller.account_id,
                    tags=tuple(tags),
                    created_by=caller.person_id,
                    updated_by=caller.person_id,
                    updated_at_ms=now_ms,
                )
                for thing in things
            ]
        )
        return len(things), domain

    def retype(self, unit: Unit, caller: Caller, group_id: str, *, device_ids: Sequence[str], type_id: str) -> int:
        """Give devices of a group another type; return how many they are."""
        tree = unit.domains.tree(caller.account_id)
        domain = require(caller, tree, group_id, "device:edit")
        things = self._in_group(unit, domain, device_ids, field="devicesIds")
        thing_type = self._type(unit, caller, tree, domain, type_id)
        changes = [(each, replace(each, thing_type=thing_type)) for each in things if each.thing_type != thing_type]
        self._many.replace(unit, caller, changes)
        self._note(unit, caller, things)
        return len(things)

    def to_configure(self, unit: Unit, caller: Caller, group_id: str, *, device_ids: Sequence[str]) -> list[ThingUid]:
        """Return devices of a group that the caller is about to configure."""
        domain = require(caller, unit.domains.tree(caller.account_id), group_id, "device:configure")
        things = self._in_group(unit, domain, device_ids, field="devicesIds")
        self._note(unit, caller, things)
        return [each.uid for each in things]

    def transfer(
        self, unit: Unit, caller: Caller, group_id: str, *, device_ids: Sequence[str], to_group_id: str
    ) -> tuple[int, Domain]:
        """Move devices from one group to another; the caller needs the right in both."""
        tree = unit.domains.tree(caller.account_id)
        source = require(caller, tree, group_id, "device:transfer")
        target = require(caller, tree, to_group_id, "device:transfer", field="toGroupId")
        things = self._in_group(unit, source, device_ids)
        for type_id in sorted({each.thing_type for each in things}):
            self._type(unit, caller, tree, target, type_id)
        if target.id != source.id:
            self._many.replace(unit, caller, [(each, replace(each, domain_id=target.id)) for each in things])
        self._note(unit, caller, things)
        return len(things), target

    def remove(self, unit: Unit, caller: Caller, group_id: str, *, device_ids: Sequence[str]) -> int:
        """Remove devices of a group with their shadows and certificates."""
        domain = require(caller, unit.domains.tree(caller.account_id), group_id, "device:delete")
        things = self._in_group(unit, domain, device_ids)
        self._many.remove(unit, caller, things)
        return len(things)

    def _found(self, unit: Unit, account_id: AccountId, things: Sequence[Thing]) -> list[FoundDevice]:
        uids = [thing.uid for thing in things]
        facts = unit.device_facts.of_things(uids)
        identities = unit.outside_identities.of_things(account_id, IdentityKind.NETWORK, uids)
        known = {each.thing_uid: each.value for each in identities}
        return [FoundDevice(each, facts.get(each.uid), known.get(each.uid)) for each in things]

    def _in_group(
        self, unit: Unit, domain: Domain, device_ids: Sequence[str], *, field: str = "deviceIds"
    ) -> list[Thing]:
        """Return all of the devices, which have to be directly in the group."""
        wanted = _checked_many(device_ids, field)
        things = [
            each
            for each in unit.things.by_uids([ThingUid(each) for each in wanted if is_id(each)])
            if (each.account_id, each.domain_id) == (domain.account_id, domain.id)
        ]
        missing = set(wanted) - {each.uid for each in things}
        if missing:
            raise DeviceNotFound(field, tuple(each for each in wanted if each in missing))
        return things

    def _type(self, unit: Unit, caller: Caller, tree: DomainTree, domain: Domain, type_id: str) -> ThingTypeId:
        require_line(type_id, field="type", max_chars=MAX_ID_CHARS)
        wanted = ThingTypeId(type_id)
        found = unit.thing_types.get(caller.account_id, wanted)
        if found is None:
            # At the root, for the groups of an account share the names of their types.
            made = ThingType(caller.account_id, wanted, tree.root_id, label=type_id, created_at_ms=self._clock.millis())
            unit.thing_types.add(made)
            unit.emit(ThingTypeCreated(made, (tree.root_id,)))
        elif not tree.is_within(domain.id, found.domain_id):
            raise InvalidField("type", f"{type_id!r} belongs to another group and cannot be used here")
        return wanted

    def _new_things(
        self,
        unit: Unit,
        caller: Caller,
        domain: Domain,
        thing_type: ThingTypeId,
        *,
        network: str,
        original_ids: Sequence[str],
    ) -> list[Thing]:
        names = [ThingName(f"{network}-{each}") for each in original_ids]
        taken = unit.things.taken(caller.account_id, names)
        made = []
        for plain in names:
            uid = ThingUid(self._ids.new())
            name = ThingName(f"{plain}-{uid[-12:]}") if plain in taken else plain
            made.append(
                Thing(
                    uid=uid,
                    account_id=caller.account_id,
                    name=name,
                    thing_type=thing_type,
                    domain_id=domain.id,
                    label=name,
                    description=None,
                    created_at_ms=self._clock.millis(),
                    created_by=caller.user_name,
                )
            )
        return made

    def _note(self, unit: Unit, caller: Caller, things: Sequence[Thing]) -> None:
        """Note who has changed the devices last."""
        known = unit.device_facts.of_things([each.uid for each in things])
        now_ms = self._clock.millis()
        unit.device_facts.put(
            [
                replace(
                    known.get(each.uid) or DeviceFacts(thing_uid=each.uid, account_id=each.account_id),
                    updated_by=caller.person_id,
                    updated_at_ms=now_ms,
                )
                for each in things
            ]
        )


def is_original_id(text: str) -> bool:
    """Tell whether a network may know a device by that text."""
    return _ORIGINAL_ID.fullmatch(text) is not None


def original_id(network: str, text: str) -> str:
    """Return an id as it is kept: those of some networks are numbers, however their letters are written."""
    return text.upper() if network in _HEX_NETWORKS else text


def latest_report_s(metadata: Mapping[str, Any]) -> int | None:
    """Return when a thing last reported anything, in epoch seconds, from the metadata beside its reported state."""
    latest: int | None = None
    waiting: list[Any] = [metadata]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            stamp = node.get("timestamp")
            if isinstance(stamp, int):
                latest = stamp if latest is None else max(latest, stamp)
            else:
                waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return latest


def _checked_many(device_ids: Sequence[str], field: str) -> list[str]:
    wanted = list(dict.fromkeys(device_ids))
    if not wanted:
        raise InvalidField(field, "names no device")
    if len(wanted) > MOST_AT_ONCE:
        raise InvalidField(field, f"names more than {MOST_AT_ONCE} devices")
    return wanted


def _checked_ids(original_ids: Sequence[str], network: str) -> list[str]:
    if _NETWORK.fullmatch(network) is None:
        raise InvalidField("network", "needs 1 to 32 small letters, digits or '-', such as 'sigfox'")
    for each in original_ids:
        if not is_original_id(each):
            raise InvalidField("originalDevicesIds", "each needs 1 to 80 letters, digits, ':', '_' or '-'")
    return _checked_many([original_id(network, each) for each in original_ids], "originalDevicesIds")


def _json_text(value: object) -> str:
    return msgspec.json.encode(value).decode()
