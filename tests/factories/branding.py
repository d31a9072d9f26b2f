"""Branding over stores that a test made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.core.branding.colours import Colours
from cloudstead.core.branding.images import BrandImages
from factories.objects import MemoryObjects

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from factories.tenants import Tenant


@dataclass(frozen=True)
class BrandingRooms:
    """What a tenant needs to brand itself."""

    colours: Colours
    images: BrandImages
    objects: MemoryObjects


def branding_rooms(tenant: Tenant, executor: Executor, *, max_bytes: int = 100_000) -> BrandingRooms:
    objects = MemoryObjects()
    images = BrandImages(
        tenant.database, objects, clock=tenant.clock, ids=tenant.ids, executor=executor, max_bytes=max_bytes
    )
    return BrandingRooms(Colours(tenant.clock, tenant.ids), images, objects)
