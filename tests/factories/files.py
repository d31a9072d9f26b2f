"""Files over a store in memory."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from obstore.store import MemoryStore
from PIL import Image

from cloudstead.core.credentials.certificates import Certificates
from cloudstead.core.files.files import Files
from cloudstead.core.files.images import ThingImages
from cloudstead.core.files.links import FileLinks
from cloudstead.core.files.model import is_sealed
from cloudstead.core.files.removals import ImageRemover
from cloudstead.core.files.sealed import SealedObjects
from cloudstead.core.things.registry import Things
from cloudstead.storage.objects import BucketObjects

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from factories.tenants import Tenant

PUBLIC_URL = "https://cloud.example"


@dataclass(frozen=True)
class FileRooms:
    """Everything about files that a tenant needs."""

    objects: SealedObjects
    files: Files
    images: ThingImages
    links: FileLinks
    remover: ImageRemover


def file_rooms(tenant: Tenant, executor: Executor) -> FileRooms:
    objects = SealedObjects(BucketObjects(MemoryStore()), tenant.sealer, is_sealed=is_sealed)
    images = ThingImages(
        tenant.database,
        objects,
        Things(tenant.clock, tenant.ids, Certificates(None, tenant.sealer, clock=tenant.clock, ids=tenant.ids)),
        clock=tenant.clock,
        ids=tenant.ids,
        executor=executor,
    )
    links = FileLinks(tenant.sealer, tenant.clock, public_url=PUBLIC_URL)
    remover = ImageRemover(tenant.database, objects)
    return FileRooms(objects, Files(tenant.database, objects), images, links, remover)


def picture(kind: str = "PNG", *, size: tuple[int, int] = (3, 2), frames: int = 1) -> bytes:
    """Return a picture of that kind."""
    stream = io.BytesIO()
    first, *others = [Image.new("RGB", size, (number % 256, 20, 30)) for number in range(frames)]
    first.save(stream, kind, **({"save_all": True, "append_images": others} if others else {}))
    return stream.getvalue()


def as_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
