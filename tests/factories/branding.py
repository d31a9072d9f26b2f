"""Branding over stores that a test made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.core.branding.colours import Colours
from cloudstead.core.branding.images import BrandImages
from cloudstead.core.files.errors import ObjectsUnavailable
from factories.objects import MemoryObjects

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from cloudstead.core.files.ports import ObjectEntry
    from factories.tenants import Tenant


@dataclass
class SilentObjects(MemoryObjects):
    """A store that answers nothing for as long as it is told to."""

    is_silent: bool = False

    async def put(self, path: str, content: bytes) -> ObjectEntry:
        self._answer()
        return await super().put(path, content)

    async def get(self, path: str) -> bytes | None:
        self._answer()
        return await super().get(path)

    def _answer(self) -> None:
        if self.is_silent:
            raise ObjectsUnavailable


@dataclass(frozen=True)
class BrandingRooms:
    """What a tenant needs to brand itself."""

    colours: Colours
    images: BrandImages
    objects: SilentObjects


def branding_rooms(tenant: Tenant, executor: Executor, *, max_bytes: int = 100_000) -> BrandingRooms:
    objects = SilentObjects()
    images = BrandImages(
        tenant.database, objects, clock=tenant.clock, ids=tenant.ids, executor=executor, max_bytes=max_bytes
    )
    return BrandingRooms(Colours(tenant.clock, tenant.ids), images, objects)
