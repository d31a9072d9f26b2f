"""Making the things of a batch: a few in each transaction, together with the count of how many there are.

So after a crash the work goes on with the next thing: none is missing and none is there twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cloudstead.core.batches.model import BatchError
from cloudstead.core.batches.registry import JOB_KIND, archive_path, batch_of
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.credentials.bundle import pack
from cloudstead.core.errors import CloudsteadError
from cloudstead.core.jobs.model import Done

if TYPE_CHECKING:
    from cloudstead.core.batches.model import Batch
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.bundle import BundledThing
    from cloudstead.core.credentials.certificates import Certificates
    from cloudstead.core.files.ports import ObjectStore
    from cloudstead.core.jobs.model import Failed, Job
    from cloudstead.core.things.registry import Things
    from cloudstead.core.unit import Database, Unit

_ROLE: Final = "ReadWrite"
_HOPELESS: Final = 10


class BatchMaker:
    """Performs the jobs of batches (``core.jobs.ports.Performer``).

    ``archives`` has to seal what it is given: an archive holds the private keys of its things.
    """

    kind = JOB_KIND

    def __init__(
        self, database: Database, things: Things, certificates: Certificates, *, archives: ObjectStore, clock: Clock
    ) -> None:
        self._database = database
        self._things = things
        self._certificates = certificates
        self._archives = archives
        self._clock = clock

    async def perform(self, job: Job) -> Done | Failed:
        """Make what is missing, then the archive. May be cut off at any moment and come again."""
        batch = await self._database.read(lambda unit: batch_of(unit, job.account_id, job.payload))
        if batch is None:
            return Done(detail="The batch is gone.")
        while batch.finished_at_ms is None and batch.tried < batch.requested_size and not _is_hopeless(batch):
            batch = await self._make_some(batch)
        if batch.finished_at_ms is None:
            batch = await self._finish(batch)
        return Done(detail=f"{batch.current_size} of {batch.requested_size} things were made.")

    async def _make_some(self, batch: Batch) -> Batch:
        """Make as many things as the batch wants at the same time or, if that fails, one of them.

        What hinders that one is noted under its number, and the next ones are tried.
        """
        try:
            return await self._make(batch, min(batch.concurrency, batch.requested_size - batch.tried))
        except CloudsteadError as error:
            hindrance = error
        if batch.concurrency > 1:
            try:
                return await self._make(batch, 1)
            except CloudsteadError as error:
                hindrance = error
        return await self._note(batch, BatchError(batch.tried + 1, str(hindrance)))

    async def _make(self, batch: Batch, count: int) -> Batch:
        caller = _caller_of(batch)

        def write(unit: Unit) -> Batch:
            stored = unit.batches.get(batch.account_id, batch.id)
            if stored is None:
                return replace(batch, finished_at_ms=self._clock.millis())
            if stored != batch:
                return stored  # somebody who took this job for abandoned is at it as well
            made = [
                self._things.create(unit, caller, thing_type=batch.thing_type, domain_id=batch.domain_id).uid
                for _ in range(count)
            ]
            unit.batches.add_things(batch, made)
            grown = replace(batch, current_size=batch.current_size + count)
            unit.batches.replace(grown)
            return grown

        return await self._database.write(write)

    async def _note(self, batch: Batch, error: BatchError) -> Batch:
        def write(unit: Unit) -> Batch:
            stored = unit.batches.get(batch.account_id, batch.id)
            if stored is not None and stored != batch:
                return stored
            failed = replace(batch, errors=(*batch.errors, error))
            unit.batches.replace(failed)
            return failed

        return await self._database.write(write)

    async def _finish(self, batch: Batch) -> Batch:
        """Store the archive, if every thing is there, and close the batch."""
        ended = replace(batch, finished_at_ms=self._clock.millis())
        if not batch.errors:
            bundles = await self._database.scan(lambda unit: self._bundles(unit, batch))
            content = await asyncio.to_thread(pack, bundles)
            entry = await self._archives.put(archive_path(batch), content)
            ended = replace(ended, size=len(content), etag=entry.etag)
        await self._database.write(lambda unit: unit.batches.replace(ended))
        return ended

    def _bundles(self, unit: Unit, batch: Batch) -> list[BundledThing]:
        """Return the credentials of the batch's things, but of those that were removed since."""
        things = unit.things.by_uids(unit.batches.things(batch.account_id, batch.id))
        in_order = sorted(things, key=lambda thing: thing.uid)
        return self._certificates.bundles_of(unit, batch.account_id, in_order)


def _is_hopeless(batch: Batch) -> bool:
    """Tell whether so many things in a row could not be made that the others need not be tried."""
    latest = batch.errors[-_HOPELESS:]
    return len(latest) == _HOPELESS and latest[0].number == batch.tried - _HOPELESS + 1


def _caller_of(batch: Batch) -> Caller:
    """Return the caller for whom the things are made: who asked, with the right that was checked then."""
    grant = Grant(batch.domain_id, _ROLE)
    return Caller(batch.account_id, batch.principal, batch.created_by, batch.person_id, (grant,), batch.source_address)
