"""The files of an account, as far as a caller may see them.

What somebody may not see looks like what is not there. Who sees what:

- ``ThingFilesBucket``: the images of the things within reach
- ``PublicBucket``: everything, to everybody
- ``ObservationsBucket``: whoever may read observations everywhere; a file holds what all devices have sent
- ``ThingCertsBucket``: whoever may download certificates everywhere; others ask for the archives of their own batches
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.files.errors import FileNotAvailable
from cloudstead.core.files.image_paths import is_image_path, logical_key, path_of_image, uid_of
from cloudstead.core.files.model import Bucket, File, Listing, object_path
from cloudstead.core.ids import ThingName
from cloudstead.core.things.model import NAME_PATTERN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.files.ports import ObjectEntry, ObjectStore
    from cloudstead.core.ids import AccountId
    from cloudstead.core.things.model import Thing
    from cloudstead.core.unit import Database, Unit

READ: Final = Permission("file:read")
MAX_KEYS: Final = 1000  # Amazon S3, ListObjectsV2: more are never given at once
_ALSO_NEEDED: Final = {
    Bucket.OBSERVATIONS: Permission("observation:read"),
    Bucket.CERTIFICATES: Permission("thing:download-certificate"),
}
_BATCH: Final = 1000
_LAST: Final = "\U0010ffff"


class Files:
    """Lists and reads."""

    def __init__(self, database: Database, objects: ObjectStore) -> None:
        self._database = database
        self._objects = objects

    async def page(
        self,
        caller: Caller,
        bucket: Bucket,
        *,
        prefix: str = "",
        after: str = "",
        limit: int = MAX_KEYS,
        delimiter: str = "",
    ) -> Listing:
        """Return at most ``limit`` files and common prefixes that sort after ``after``; raise ``NotPermitted``."""
        caller.require(READ)
        if not await self._database.read(lambda unit: _may_see_some(unit, caller, bucket)):
            return Listing((), (), None)
        page = _Page(prefix, delimiter, limit)
        root = object_path(caller.account_id, bucket, "")
        position = after
        while True:
            batch = await self._objects.list_after(root + prefix, after=root + position, limit=_BATCH)
            for file in await self._seen(caller, bucket, batch):
                if file.key > after and not page.take(file):
                    return page.listing(page.position)
            if len(batch) < _BATCH:
                return page.listing(None)
            # The rest of a common prefix need not be read.
            position = max(batch[-1].path.removeprefix(root), page.position or "")

    async def find(self, caller: Caller, bucket: Bucket, key: str) -> File:
        """Return a file that the caller may see; raise ``FileNotAvailable`` or ``NotPermitted``."""
        caller.require(READ)

        def path_for_caller(unit: Unit) -> str | None:
            if not _may_see_some(unit, caller, bucket):
                return None
            thing = _thing_of(unit, caller.account_id, bucket, key)
            if thing is not None and not _reach(unit, caller).covers(thing.domain_id):
                return None
            return _path(caller.account_id, bucket, key, thing)

        return await self._file(await self._database.read(path_for_caller), key)

    async def locate(self, account_id: AccountId, bucket: Bucket, key: str) -> File:
        """Return a file for somebody who was let in by other means; raise ``FileNotAvailable``."""
        path = await self._database.read(
            lambda unit: _path(account_id, bucket, key, _thing_of(unit, account_id, bucket, key))
        )
        return await self._file(path, key)

    def read(self, file: File, *, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` up to, not including, ``end``."""
        return self._objects.stream(file.path, start=start, end=end)

    async def _file(self, path: str | None, key: str) -> File:
        entry = None if path is None else await self._objects.head(path)
        if entry is None:
            raise FileNotAvailable(key)
        return File(key, *entry)

    async def _seen(self, caller: Caller, bucket: Bucket, batch: Sequence[ObjectEntry]) -> Iterable[File]:
        root = object_path(caller.account_id, bucket, "")
        if bucket is not Bucket.THING_FILES:
            return [File(entry.path.removeprefix(root), *entry) for entry in batch]
        images = [entry for entry in batch if is_image_path(entry.path)]
        visible = await self._database.read(lambda unit: _visible_things(unit, caller, images))
        return [
            File(logical_key(entry.path.removeprefix(root)), *entry)
            for entry in images
            if uid_of(entry.path) in visible
        ]


class _Page:
    """What has been gathered of a page."""

    def __init__(self, prefix: str, delimiter: str, limit: int) -> None:
        self._prefix = prefix
        self._delimiter = delimiter
        self._limit = limit
        self._files: list[File] = []
        self._prefixes: list[str] = []
        self.position: str | None = None

    def take(self, file: File) -> bool:
        """Add a file, in the order of the keys; return ``False`` when the page is full and the file would be next."""
        if not file.key.startswith(self._prefix):
            return True
        rest = file.key[len(self._prefix) :]
        end = rest.find(self._delimiter) if self._delimiter else -1
        common = None if end < 0 else self._prefix + rest[: end + len(self._delimiter)]
        if common is not None and self._prefixes and self._prefixes[-1] == common:
            return True
        if len(self._files) + len(self._prefixes) >= self._limit:
            return False
        if common is None:
            self._files.append(file)
            self.position = file.key
        else:
            self._prefixes.append(common)
            self.position = end_of(common)
        return True

    def listing(self, position: str | None) -> Listing:
        return Listing(self._files, self._prefixes, position)


def end_of(prefix: str) -> str:
    """Return the position behind everything that begins with ``prefix``."""
    return prefix + _LAST


def _reach(unit: Unit, caller: Caller) -> Reach:
    return Reach.of(caller, READ, unit.domains.tree(caller.account_id))


def _may_see_some(unit: Unit, caller: Caller, bucket: Bucket) -> bool:
    """Tell whether the caller may see anything in a bucket whose files are not those of one thing."""
    needed = _ALSO_NEEDED.get(bucket)
    if needed is None:
        return True
    if not caller.may(needed):
        return False
    tree = unit.domains.tree(caller.account_id)
    return all(Reach.of(caller, permission, tree).is_whole_account for permission in (READ, needed))


def _visible_things(unit: Unit, caller: Caller, images: Sequence[ObjectEntry]) -> frozenset[str]:
    reach = _reach(unit, caller)
    things = unit.things.by_uids([uid_of(entry.path) for entry in images])
    return frozenset(
        thing.uid for thing in things if thing.account_id == caller.account_id and reach.covers(thing.domain_id)
    )


def _thing_of(unit: Unit, account_id: AccountId, bucket: Bucket, key: str) -> Thing | None:
    """Return the thing whose image has the key, ``None`` in other buckets and when there is no such thing."""
    if bucket is not Bucket.THING_FILES:
        return None
    name = key.rpartition("/")[2]
    return unit.things.get(account_id, ThingName(name)) if NAME_PATTERN.fullmatch(name) else None


def _path(account_id: AccountId, bucket: Bucket, key: str, thing: Thing | None) -> str | None:
    if bucket is not Bucket.THING_FILES:
        return object_path(account_id, bucket, key)
    if thing is None:
        return None
    path = path_of_image(thing)
    return path if logical_key(path) == object_path(account_id, bucket, key) else None
