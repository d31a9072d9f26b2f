"""Where files and archives are kept, with their secrets sealed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloudstead.app.errors import ObjectsUnusable, reason_of
from cloudstead.core.files.errors import ObjectsUnavailable
from cloudstead.core.files.model import is_sealed
from cloudstead.core.files.sealed import SealedObjects
from cloudstead.storage.objects import BucketAddress, open_objects

if TYPE_CHECKING:
    from cloudstead.app.data_folder import DataFolder
    from cloudstead.app.settings import Settings
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.files.ports import ObjectStore


def bucket_address(settings: Settings) -> BucketAddress | None:
    """Return the bucket that the settings name; ``None`` for the folder in the data folder."""
    named = settings.objects
    if not named.url:
        return None
    return BucketAddress(
        url=named.url,
        region=named.region or settings.public.region,
        endpoint=named.endpoint,
        access_key_id=named.access_key_id,
        secret_access_key=named.secret_access_key,
    )


async def open_files(settings: Settings, folder: DataFolder, sealer: Sealer) -> ObjectStore:
    """Return the store of objects, once it has answered a first question; raise ``ObjectsUnusable``."""
    place = settings.objects.url or str(folder.objects)
    try:
        store = await asyncio.to_thread(open_objects, folder.objects, bucket_address(settings))
        await store.list_after("", after="", limit=1)
    except (OSError, ObjectsUnavailable) as error:
        raise ObjectsUnusable(place, reason_of(error)) from error
    return SealedObjects(store, sealer, is_sealed=is_sealed)
