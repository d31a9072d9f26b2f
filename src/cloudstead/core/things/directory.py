"""The few facts about a thing that every message needs, kept in memory and kept true.

An entry is one object for as long as anybody holds it, so that a move or a removal is seen by open connections too.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from cloudstead.core.domains.events import DomainMoved
from cloudstead.core.spine.topics import ThingTopics
from cloudstead.core.things.events import ThingChanged, ThingRemoved

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from cloudstead.core.events import EventBus
    from cloudstead.core.ids import AccountId, DomainId, ThingName, ThingTypeId, ThingUid
    from cloudstead.core.things.model import Thing
    from cloudstead.core.unit import Database, Unit

_KEPT = 50_000
"""Entries that are kept although nobody holds them."""

T = TypeVar("T")


class ThingEntry:
    """What the message path knows of a thing. ``is_live`` turns false when the thing is removed."""

    __slots__ = ("__weakref__", "account_id", "domain_id", "is_live", "name", "path", "thing_type", "topics", "uid")

    def __init__(self, thing: Thing, path: Sequence[DomainId]) -> None:
        """Describe ``thing``, whose domain has the given path (ids from the root, root included)."""
        self.uid: ThingUid = thing.uid
        self.account_id: AccountId = thing.account_id
        self.name: ThingName = thing.name
        self.is_live = True
        self.path: tuple[DomainId, ...] = ()
        self.move(thing, path)

    def move(self, thing: Thing, path: Sequence[DomainId]) -> None:
        """Take over what changed in the thing."""
        self.thing_type: ThingTypeId = thing.thing_type
        self.domain_id: DomainId = thing.domain_id
        self.respell(path)

    def respell(self, path: Sequence[DomainId]) -> None:
        """Take over where the thing's domain is now."""
        spelt = tuple(path)
        if spelt != self.path:  # most changes are no moves, and spelling the topics takes as long as a small write
            self.path = spelt
            self.topics = ThingTopics(self.name, spelt)


class ThingDirectory:
    """Entries by uid and by name; a miss costs one read, a hit none. Lives on the event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_uid: WeakValueDictionary[ThingUid, ThingEntry] = WeakValueDictionary()
        self._by_name: WeakValueDictionary[tuple[AccountId, ThingName], ThingEntry] = WeakValueDictionary()
        self._recent: OrderedDict[ThingUid, ThingEntry] = OrderedDict()
        self._events = 0

    def listen(self, bus: EventBus) -> None:
        """Follow what happens to things and domains."""
        bus.subscribe(ThingChanged, self._changed)
        bus.subscribe(ThingRemoved, self._removed)
        bus.subscribe(DomainMoved, self._domain_moved)

    async def find(self, account_id: AccountId, name: ThingName) -> ThingEntry | None:
        """Return the entry of the account's thing of that name, ``None`` when there is none."""
        known = self._by_name.get((account_id, name))
        if known is not None:
            return known

        def look_up(unit: Unit) -> tuple[Thing, tuple[DomainId, ...]] | None:
            thing = unit.things.get(account_id, name)
            return None if thing is None else (thing, unit.domains.tree(account_id).path(thing.domain_id))

        found = await self._read(look_up)
        return None if found is None else self._enter(*found)

    async def load(self, uids: Collection[ThingUid]) -> dict[ThingUid, ThingEntry]:
        """Return the entries of those things that still exist; reads the unknown ones in one query."""
        unknown = [uid for uid in uids if uid not in self._by_uid]
        entries = {uid: entry for uid in uids if (entry := self._by_uid.get(uid)) is not None}
        if unknown:

            def look_up(unit: Unit) -> list[tuple[Thing, tuple[DomainId, ...]]]:
                return [
                    (thing, unit.domains.tree(thing.account_id).path(thing.domain_id))
                    for thing in unit.things.by_uids(unknown)
                ]

            for thing, path in await self._read(look_up):
                entries[thing.uid] = self._enter(thing, path)
        return entries

    async def _read(self, look_up: Callable[[Unit], T]) -> T:
        """Read until nothing changes meanwhile: an entry of an older snapshot would never hear of the change."""
        while True:
            events = self._events
            found = await self._database.read(look_up)
            if events == self._events:
                return found

    def _enter(self, thing: Thing, path: Sequence[DomainId]) -> ThingEntry:
        entry = self._by_uid.get(thing.uid)
        if entry is None:
            entry = self._by_uid[thing.uid] = ThingEntry(thing, path)
        self._by_name[thing.account_id, thing.name] = entry
        self._recent[thing.uid] = entry
        self._recent.move_to_end(thing.uid)
        if len(self._recent) > _KEPT:
            self._recent.popitem(last=False)
        return entry

    def _changed(self, event: ThingChanged) -> None:
        self._events += 1
        entry = self._by_uid.get(event.thing.uid)
        if entry is not None:
            entry.move(event.thing, event.path)

    def _removed(self, event: ThingRemoved) -> None:
        self._events += 1
        self._recent.pop(event.thing.uid, None)
        entry = self._by_uid.pop(event.thing.uid, None)
        if entry is None:
            return
        entry.is_live = False
        key = (entry.account_id, entry.name)
        if self._by_name.get(key) is entry:  # a thing made anew under the name may have taken its place
            del self._by_name[key]

    def _domain_moved(self, event: DomainMoved) -> None:
        """Spell anew what lies below the domain; nothing is read for it, so it can neither fail nor be late."""
        self._events += 1
        for entry in list(self._by_uid.values()):
            if entry.account_id == event.account_id and event.domain_id in entry.path:
                below = entry.path[entry.path.index(event.domain_id) + 1 :]
                entry.respell((*event.path, *below))
