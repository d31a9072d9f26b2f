"""Images of things: one for each thing, checked before it is kept, gone with the thing (``removals``)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.audit.record import record
from cloudstead.core.files.image_paths import path_of_image
from cloudstead.core.files.pictures import decode_text, require_image
from cloudstead.core.files.removals import ImageRemovals
from cloudstead.core.things.errors import ThingNotFound
from cloudstead.core.things.model import NAME_PATTERN

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.files.ports import ObjectStore
    from cloudstead.core.ids import IdSource, ThingName, ThingTypeId
    from cloudstead.core.things.model import Thing
    from cloudstead.core.things.registry import Things
    from cloudstead.core.unit import Database, Unit

WRITE: Final = Permission("file:write")


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
    ) -> None:
        self._database = database
        self._objects = objects
        self._things = things
        self._clock = clock
        self._ids = ids
        self._executor = executor
        self._removals = ImageRemovals(clock, ids)

    async def put(self, caller: Caller, *, name: ThingName, thing_type: ThingTypeId, text: str) -> None:
        """Keep an image, given in base64, as that of a thing.

        Raise ``InvalidField`` for what is no image, ``ThingNotFound`` or ``OutOfReach``.
        """
        caller.require(WRITE)
        content = await asyncio.get_running_loop().run_in_executor(self._executor, _checked, text)

        def prepare(unit: Unit) -> Thing:
            thing = self._find(unit, caller, name=name, thing_type=thing_type)
            self._removals.watch(unit, thing)
            return thing

        thing = await self._database.write(prepare)
        entry = await self._objects.put(path_of_image(thing), content)

        def note(unit: Unit) -> bool:
            if not unit.things.by_uids([thing.uid]):
                self._removals.follow(unit, [thing])
                return False
            self._record(unit, caller, thing, "thing.put-image", after={"size": entry.size, "etag": entry.etag})
            return True

        if not await self._database.write(note):  # it was removed while the image was stored
            raise ThingNotFound(name)

    async def delete(self, caller: Caller, *, name: ThingName, thing_type: ThingTypeId) -> None:
        """Delete a thing's image; nothing happens when it has none. Raise ``ThingNotFound`` or ``OutOfReach``."""
        thing = await self._database.read(lambda unit: self._find(unit, caller, name=name, thing_type=thing_type))
        path = path_of_image(thing)
        entry = await self._objects.head(path)
        if entry is None:
            return
        await self._objects.delete(path)
        before = {"size": entry.size, "etag": entry.etag}
        await self._database.write(lambda unit: self._record(unit, caller, thing, "thing.delete-image", before=before))

    def _find(self, unit: Unit, caller: Caller, *, name: ThingName, thing_type: ThingTypeId) -> Thing:
        if NAME_PATTERN.fullmatch(name) is None:
            raise ThingNotFound(name)
        thing = self._things.allowed(unit, caller, name=name, permission=WRITE)
        if thing.thing_type != thing_type:
            raise ThingNotFound(name)
        return thing

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
