"""What following a message asks, standing still: a log, an index and an archive that hold what they are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudstead.core.observations.model import Observation, ShadowChange
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.shadows.model import Shadow
from cloudstead.core.spine.records import encode_request
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.core.things.directory import ThingEntry
from cloudstead.core.trace.model import Keeping
from cloudstead.core.trace.tracing import Tracing
from cloudstead.log import MemoryLog
from factories.index import MemoryIndex
from factories.objects import MemoryObjects

if TYPE_CHECKING:
    from cloudstead.core.archive.cutting import OpenFile
    from cloudstead.core.things.model import Thing
    from cloudstead.core.things.registry import Things
    from factories.tenants import Tenant


class FiledLog(MemoryLog):
    """A log in memory that names a file for each offset, and counts how often it is read."""

    reads = 0

    def segment_of(self, offset: int) -> Path | None:
        return Path("/log/1.log") if self.first_offset <= offset < self.next_offset else None

    def read(self, offset: int, *, max_records: int, max_bytes: int) -> list[tuple[int, bytes]]:
        self.reads += 1
        return super().read(offset, max_records=max_records, max_bytes=max_bytes)


@dataclass
class StillArchive:
    """How far an archive is."""

    next_offset: int = 1
    stored_offset: int = 0
    file: OpenFile | None = None

    def open_file(self, account_id: str) -> OpenFile | None:
        return self.file if self.file is not None and self.file.account_id == account_id else None


@dataclass
class Traced:
    """Everything that is asked, and the one who asks."""

    tenant: Tenant
    things: Things
    log: FiledLog = field(default_factory=FiledLog)
    index: MemoryIndex = field(default_factory=MemoryIndex)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    archive: StillArchive | None = field(default_factory=StillArchive)
    keeping: Keeping = field(default_factory=lambda: Keeping(log_days=7, observation_days=0, archive_days=30))
    applied_offset: int = 0
    indexed_offset: int = 0
    failure: Exception | None = None

    async def settle(self) -> None:
        if self.failure is not None:
            raise self.failure

    async def current(self, account_id: str, uid: str) -> Shadow:
        return Shadow(uid, account_id)

    @property
    def tracing(self) -> Tracing:
        return Tracing(
            clock=self.tenant.clock,
            database=self.tenant.database,
            things=self.things,
            spine=self,
            index=self.index,
            log=self.log,
            archive=self.archive,
            objects=self.objects,
            keeping=self.keeping,
        )

    def say(
        self,
        thing: Thing,
        payload: bytes,
        *,
        reported: bytes | None = None,
        version: int = 1,
        outcome: int = 0,
        verb: Verb = Verb.UPDATE,
        origin: Origin = Origin.DEVICE,
        principal: str | None = None,
        is_applied: bool = True,
    ) -> int:
        """Put a message of a thing into the log and, if it was applied, what became of it into the index."""
        author = principal or f"thing:{thing.name}"
        request = ShadowRequest(ThingEntry(thing, (thing.domain_id,)), verb, payload, principal=author, origin=origin)
        request.received_ms = self.tenant.clock.millis()
        offset = self.log.append([encode_request(request)])
        if is_applied:
            self.applied_offset = self.indexed_offset = offset
            self.index.changes[offset] = ShadowChange(
                offset,
                thing.account_id,
                thing.uid,
                thing.name,
                verb.value,
                version,
                author,
                request.received_ms,
                payload,
                outcome,
            )
        if reported is not None:
            self.index.observations[offset] = Observation(
                offset,
                thing.account_id,
                thing.uid,
                thing.name,
                thing.thing_type,
                thing.domain_id,
                request.received_ms,
                reported,
            )
        return offset


def steps_of(answer: Any) -> dict[str, tuple[str, str]]:
    """Return state and sentence of each step of an answer on the wire."""
    return {step["step"]: (step["state"], step["says"]) for step in answer["steps"]}
