"""Images of things: one for each thing, checked before it is kept, gone with the thing.

The object's path carries the uid of the thing behind the key, so that a thing never shows the image of an earlier one
of the same name. What is left over (a crash between two steps) belongs to no thing, is shown to nobody, and is swept
away.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.audit.record import record
from cloudstead.core.files.model import Bucket, image_key, object_path
from cloudstead.core.files.pictures import decode_text, require_image
from cloudstead.core.ids import ThingUid
from cloudstead.core.things.errors import ThingNotFound
from cloudstead.core.things.events import ThingRemoved
from cloudstead.core.things.model import NAME_PATTERN

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine
    from concurrent.futures import Executor

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.events import EventBus
    from cloudstead.core.files.ports import ObjectStore
    from cloudstead.core.ids import AccountId, IdSource, ThingName, ThingTypeId
    from cloudstead.core.things.model import Thing
    from cloudstead.core.things.registry import Things
    from cloudstead.core.unit import Database, Unit

WRITE: Final = Permission("file:write")
_MARK: Final = "!"  # sorts before every character that a thing's name may hold, so that keys keep their order
_BATCH: Final = 1000


def path_of_image(thing: Thing) -> str:
    """Return the path of the object that holds the thing's image."""
    key = image_key(thing.thing_type, thing.name)
    return object_path(thing.account_id, Bucket.THING_FILES, f"{key}{_MARK}{thing.uid}")


def is_image_path(path: str) -> bool:
    """Tell whether an object among the files of things is an image of ours."""
    return _MARK in path.rpartition("/")[2]


def logical_key(path: str) -> str:
    """Return the path or key without the uid at its end."""
    return path.rpartition(_MARK)[0]


def uid_of(path: str) -> ThingUid:
    """Return the uid at the end of an image's path."""
    return ThingUid(path.rpartition(_MARK)[2])


class ThingImages:
    """Puts and deletes the images of things. Images are decoded on ``executor``, which bounds how many at a time."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        things: Things,
        *,
        clock: Clock,
        ids: IdSource,
        executor: Executor,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._database = database
        self._objects = objects
        self._things = things
        self._clock = clock
        self._ids = ids
        self._executor = executor
        self._spawn = spawn

    def listen(self, bus: EventBus) -> None:
        """Follow what happens to things."""
        bus.subscribe(ThingRemoved, self._on_thing_removed)

    def _on_thing_removed(self, event: ThingRemoved) -> None:
        self._spawn(self._objects.delete(path_of_image(event.thing)))

    async def put(self, caller: Caller, *, name: ThingName, thing_type: ThingTypeId, text: str) -> None:
        """Keep an image, given in base64, as that of a thing.

        Raise ``InvalidField`` for what is no image, ``ThingNotFound`` or ``OutOfReach``.
        """
        caller.require(WRITE)
        content = await asyncio.get_running_loop().run_in_executor(self._executor, _checked, text)
        thing = await self._thing(caller, name, thing_type)
        path = path_of_image(thing)
        entry = await self._objects.put(path, content)

        def note(unit: Unit) -> bool:
            if not unit.things.by_uids([thing.uid]):
                return False
            self._record(unit, caller, thing, "thing.put-image", after={"size": entry.size, "etag": entry.etag})
            return True

        if not await self._database.write(note):  # it was removed while the image was stored
            await self._objects.delete(path)
            raise ThingNotFound(name)

    async def delete(self, caller: Caller, *, name: ThingName, thing_type: ThingTypeId) -> None:
        """Delete a thing's image; nothing happens when it has none. Raise ``ThingNotFound`` or ``OutOfReach``."""
        thing = await self._thing(caller, name, thing_type)
        path = path_of_image(thing)
        entry = await self._objects.head(path)
        if entry is None:
            return
        await self._objects.delete(path)
        before = {"size": entry.size, "etag": entry.etag}
        await self._database.write(lambda unit: self._record(unit, caller, thing, "thing.delete-image", before=before))

    async def sweep(self) -> int:
        """Delete the images that belong to no thing, and return how many there were."""
        swept = 0
        for account in await self._database.read(lambda unit: unit.accounts.all()):
            swept += await self._sweep_account(account.id)
        return swept

    async def _sweep_account(self, account_id: AccountId) -> int:
        root = after = object_path(account_id, Bucket.THING_FILES, "")
        swept = 0
        while batch := await self._objects.list_after(root, after=after, limit=_BATCH):
            after = batch[-1].path
            by_uid = {uid_of(entry.path): entry.path for entry in batch if is_image_path(entry.path)}
            alive = await self._alive(by_uid)
            for uid, path in by_uid.items():
                if uid not in alive:
                    await self._objects.delete(path)
                    swept += 1
        return swept

    async def _alive(self, uids: Collection[ThingUid]) -> frozenset[ThingUid]:
        things = await self._database.read(lambda unit: unit.things.by_uids(uids))
        return frozenset(thing.uid for thing in things)

    async def _thing(self, caller: Caller, name: ThingName, thing_type: ThingTypeId) -> Thing:
        def find(unit: Unit) -> Thing:
            if NAME_PATTERN.fullmatch(name) is None:
                raise ThingNotFound(name)
            thing = self._things.allowed(unit, caller, name=name, permission=WRITE)
            if thing.thing_type != thing_type:
                raise ThingNotFound(name)
            return thing

        return await self._database.read(find)

    def _record(self, unit: Unit, caller: Caller, thing: Thing, operation: str, **fields: dict[str, Any]) -> None:
        record(
            unit,
            caller,
            clock=self._clock,
            ids=self._ids,
            operation=operation,
            object_type="thing",
            object_id=thing.name,
            **fields,
        )


def _checked(text: str) -> bytes:
    content = decode_text(text)
    require_image(content)
    return content
