"""What the jobs of device clouds carry, and what becomes of them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from cloudstead.core.clouds.errors import CloudNotFound, CloudStateForbids, EngineFailed
from cloudstead.core.clouds.model import CloudId
from cloudstead.core.jobs.model import Done, Failed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloudstead.core.ids import AccountId
    from cloudstead.core.jobs.model import Job

R = TypeVar("R")

PROVISION: Final = "cloud-provision"
REMOVE: Final = "cloud-remove"
LOOK_AT_UPDATE: Final = "cloud-update"


class Invoke(StrEnum):
    """How long work is done: put on the queue, done in the call, or only marked ("Device clouds", ``invoke``)."""

    ASYNC = "async"
    SYNC = "sync"
    NONE = "none"


class CloudWork(msgspec.Struct):
    """What a job carries."""

    cloud_id: str

    def encoded(self) -> bytes:
        """Return it as a payload."""
        return msgspec.json.encode(self)


class CloudPerformer:
    """Performs the jobs of one kind (``core.jobs.ports.Performer``).

    ``perform`` is told whether the try is the last one, so that somebody is told when nobody tries any more.
    """

    def __init__(self, kind: str, do: Callable[[AccountId, CloudId, bool], Awaitable[Any]], *, max_tries: int) -> None:
        self.kind = kind
        self._do = do
        self._max_tries = max_tries

    async def perform(self, job: Job) -> Done | Failed:
        """Do the work; a cloud that is gone, or stands elsewhere by now, leaves nothing to do."""
        work = msgspec.json.decode(job.payload, type=CloudWork)
        is_last = job.tries + 1 >= self._max_tries
        try:
            await self._do(job.account_id, CloudId(work.cloud_id), is_last)
        except EngineFailed as error:
            return Failed(detail=str(error), is_final=error.is_final)
        except (CloudNotFound, CloudStateForbids) as over:
            return Done(detail=str(over))
        return Done()
