"""What things leave behind in the store of objects: jobs that delete it, written in the transaction that removes them.

So nothing is left over by a crash or by a store that does not answer. An image goes only if its thing is gone by then,
and uids are never given twice: a job may come again, late, or where nothing is to be done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.files.errors import ObjectsUnavailable
from cloudstead.core.files.image_paths import is_image_path, path_of_image, uid_of
from cloudstead.core.files.model import Bucket, object_path
from cloudstead.core.ids import JobId
from cloudstead.core.jobs.model import Done, Failed, Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.clock import Clock
    from cloudstead.core.files.ports import ObjectStore
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.things.model import Thing
    from cloudstead.core.unit import Database, Unit

IMAGE_REMOVAL: Final = "image-removal"
"""The kind of these jobs."""

MOST_PATHS: Final = 500
"""Of one job: as text about 100 KiB at the most, and on S3 some 20 seconds of work."""

_PUT_WITHIN_MS: Final = 600_000  # longer than any store takes for one image


class ImagePaths(msgspec.Struct):
    """What the job carries."""

    paths: list[str]


class ImageRemovals:
    """Writes the jobs: for things that are removed, and for images that are about to be stored."""

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids

    def follow(self, unit: Unit, things: Sequence[Thing]) -> None:
        """Delete the images of things of one account, which this transaction removes."""
        self._add(unit, things, due_at_ms=self._clock.millis())

    def watch(self, unit: Unit, thing: Thing) -> None:
        """Look after an image that is about to be stored, should its thing be removed and the process die meanwhile."""
        self._add(unit, [thing], due_at_ms=self._clock.millis() + _PUT_WITHIN_MS)

    def _add(self, unit: Unit, things: Sequence[Thing], *, due_at_ms: int) -> None:
        unit.jobs.add(
            [self._job(things[at : at + MOST_PATHS], due_at_ms=due_at_ms) for at in range(0, len(things), MOST_PATHS)]
        )

    def _job(self, things: Sequence[Thing], *, due_at_ms: int) -> Job:
        job_id = JobId(self._ids.new())
        return Job(
            id=job_id,
            account_id=things[0].account_id,
            kind=IMAGE_REMOVAL,
            lane=job_id,
            payload=msgspec.json.encode(ImagePaths([path_of_image(thing) for thing in things])),
            created_at_ms=self._clock.millis(),
            due_at_ms=due_at_ms,
        )


class ImageRemover:
    """Performs the jobs (``core.jobs.ports.Performer``)."""

    kind = IMAGE_REMOVAL

    def __init__(self, database: Database, objects: ObjectStore) -> None:
        self._database = database
        self._objects = objects

    async def perform(self, job: Job) -> Done | Failed:
        """Delete the images whose things are gone."""
        try:
            paths = msgspec.json.decode(job.payload, type=ImagePaths).paths
        except msgspec.DecodeError:
            return Failed(detail="The job does not say what to delete.", is_final=True)
        if not all(_may_go(path, job.account_id) for path in paths):
            return Failed(detail="The job names something that is no image of its account's things.", is_final=True)
        uids = [uid_of(path) for path in paths]
        alive = {thing.uid for thing in await self._database.read(lambda unit: unit.things.by_uids(uids))}
        gone = [path for path in paths if uid_of(path) not in alive]
        try:
            for path in gone:
                await self._objects.delete(path)
        except ObjectsUnavailable as error:
            return Failed(detail=str(error))
        return Done(detail=f"The images of {len(gone)} things are gone.")


def _may_go(path: str, account_id: AccountId) -> bool:
    return path.startswith(object_path(account_id, Bucket.THING_FILES, "")) and is_image_path(path)
