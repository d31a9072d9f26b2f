"""Finds the message and asks everybody. Costs a few look-ups by key, in the log a seek: never a scan."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudstead.core.access.permissions import Permission
from cloudstead.core.archive.errors import ObjectUnreadable
from cloudstead.core.archive.reading import read_object
from cloudstead.core.errors import InvalidField
from cloudstead.core.observations.errors import IndexUnavailable
from cloudstead.core.rules.explanation import explain
from cloudstead.core.rules.payloads import Sighting
from cloudstead.core.rules.registry import may_read_rules, readable_causes, readable_rules
from cloudstead.core.spine.authors import authors
from cloudstead.core.spine.records import RecordUnreadable, decode_record
from cloudstead.core.trace import steps
from cloudstead.core.trace.message import Message, from_change, from_record
from cloudstead.core.trace.model import Step, StepName, StepState, Trace
from cloudstead.log import LogError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.archive.model import ArchivedObject
    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.files.ports import ObjectStore
    from cloudstead.core.ids import ThingName
    from cloudstead.core.jobs.model import Attempt, Job
    from cloudstead.core.observations.model import ShadowChange
    from cloudstead.core.observations.ports import ObservationIndex
    from cloudstead.core.rules.explanation import Verdict
    from cloudstead.core.things.model import Thing
    from cloudstead.core.things.registry import Things
    from cloudstead.core.trace.model import Keeping
    from cloudstead.core.trace.ports import TracedArchive, TracedLog, TracedSpine
    from cloudstead.core.unit import Database, Unit

_READ: Final = Permission("shadow:read")
_MOST_VERDICTS: Final = 100


class _Looked(NamedTuple):
    """What the index says of a message."""

    change: ShadowChange | None
    is_observed: bool
    is_known: bool  # false when the index does not answer


class _Stored(NamedTuple):
    """What the state store says of a message."""

    author_name: str
    row: ArchivedObject | None
    jobs: Sequence[Job]
    attempts: Sequence[Attempt]


class Tracing:
    """Follows messages for callers who may read the shadow of their thing; of rules they are told what they may read.

    The thing may have been elsewhere at the time, where other rules looked at it.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database,
        things: Things,
        spine: TracedSpine,
        index: ObservationIndex,
        log: TracedLog,
        archive: TracedArchive | None,
        objects: ObjectStore,
        keeping: Keeping,
    ) -> None:
        self._clock = clock
        self._database = database
        self._things = things
        self._spine = spine
        self._index = index
        self._log = log
        self._archive = archive
        self._objects = objects
        self._keeping = keeping

    async def follow(
        self, caller: Caller, name: ThingName, *, offset: int | None = None, at_ms: int | None = None
    ) -> Trace:
        """Follow the thing's message with that offset, or the last one up to that time, or its newest one.

        Raise ``ThingNotFound``, ``OutOfReach`` or, naming the field, ``InvalidField`` when the thing has no such
        message: what another thing's message would be looks the same as one that never was.
        """
        thing = await self._database.read(lambda unit: self._things.allowed(unit, caller, name=name, permission=_READ))
        is_settled = await self._settle()
        if offset is None:
            offset = await self._last(thing, self._clock.millis() if at_ms is None else at_ms)
        message = await self._message(thing, offset)
        looked = await self._look(thing, message, is_settled=is_settled)
        stored = await self._database.read(lambda unit: _stored(unit, caller, thing, message))
        verdicts = await self._verdicts(caller, thing, message)
        told = self._tell(thing, message, looked, stored)
        of_rules = (
            (steps.ruled(message, looked.change, verdicts), steps.delivered(stored.jobs, stored.attempts))
            if may_read_rules(caller)
            else steps.kept_from_caller()
        )
        return Trace(thing.name, offset, (*told, *of_rules))

    async def _settle(self) -> bool:
        try:
            await self._spine.settle()
        except Exception:  # noqa: BLE001 - whatever hinders it: following a message is how people find out
            return False
        return True

    async def _last(self, thing: Thing, at_ms: int) -> int:
        changes = await self._index.shadow_history(
            thing.account_id, thing.uid, before_offset=None, until_ms=at_ms, limit=1
        )
        if not changes:
            raise InvalidField("at", f"nothing of {thing.name} is known up to {steps.at(at_ms)}")
        return changes[0].offset

    async def _message(self, thing: Thing, offset: int) -> Message:
        """Return the message from the log, the history or the archive, whichever has it."""
        unknown = InvalidField("offset", f"{offset} is no message of {thing.name} that is known")
        if offset < 1:
            raise unknown
        try:
            (found,) = await asyncio.to_thread(self._log.read, offset, max_records=1, max_bytes=1)
        except (LogError, ValueError):  # gone, to come, or damaged
            found = None
        if found is not None:
            try:
                record = decode_record(found[1])
            except RecordUnreadable:
                raise unknown from None
            if (record.account_id, record.thing_uid) != (thing.account_id, thing.uid):
                raise unknown
            return from_record(offset, record)
        change = await self._change(thing, offset)
        message = await self._from_archive(thing, offset) if change is None else from_change(change)
        if message is None:
            raise unknown
        return message

    async def _from_archive(self, thing: Thing, offset: int) -> Message | None:
        row = await self._database.read(lambda unit: unit.archive.holding(thing.account_id, offset))
        if row is None:
            return None
        try:
            records = await read_object(self._objects, row.account_id, row.key)
        except ObjectUnreadable:
            return None
        for found, record in records:
            if found == offset and record.thing_uid == thing.uid:
                return from_record(offset, record)
        return None

    async def _change(self, thing: Thing, offset: int) -> ShadowChange | None:
        try:
            changes = await self._index.shadow_history(thing.account_id, thing.uid, before_offset=offset + 1, limit=1)
        except IndexUnavailable:
            return None
        return changes[0] if changes and changes[0].offset == offset else None

    async def _look(self, thing: Thing, message: Message, *, is_settled: bool) -> _Looked:
        try:
            changes = await self._index.shadow_history(
                thing.account_id, thing.uid, before_offset=message.offset + 1, limit=1
            )
            is_observed = await self._index.has_observation(thing.account_id, message.offset, at_ms=message.received_ms)
        except IndexUnavailable:
            return _Looked(None, is_observed=False, is_known=False)
        change = changes[0] if changes and changes[0].offset == message.offset else None
        return _Looked(change, is_observed, is_known=is_settled or change is not None)

    async def _verdicts(self, caller: Caller, thing: Thing, message: Message) -> list[Verdict] | None:
        reported = message.reported
        if reported is None or message.domain_id is None or message.thing_type is None:
            return None
        sighting = Sighting(
            account_id=thing.account_id,
            thing_uid=thing.uid,
            thing_name=thing.name,
            thing_type=message.thing_type,
            domain_id=message.domain_id,
            offset=message.offset,
            at_ms=message.received_ms,
            state=reported,
        )
        whole = (await self._spine.current(thing.account_id, thing.uid)).reported

        def work(unit: Unit) -> list[Verdict] | None:
            tree = unit.domains.tree(thing.account_id)
            if sighting.domain_id not in tree.nodes:
                return None
            found = explain(
                readable_rules(unit, caller),
                sighting,
                tree.path(sighting.domain_id),
                whole=whole,
                states=unit.rules.states_of(thing.uid),
            )
            # Hits first: of very many, those are what is asked for.
            return sorted(found, key=lambda verdict: not verdict.is_hit)[:_MOST_VERDICTS]

        return await self._database.read(work)

    def _tell(self, thing: Thing, message: Message, looked: _Looked, stored: _Stored) -> tuple[Step, ...]:
        keeping, archive, log = self._keeping, self._archive, self._log
        segment = log.segment_of(message.offset)
        kept = steps.kept_for(keeping.observation_days, "observations.keep_days")
        if looked.is_known:
            applied = steps.applied(looked.change, message, applied_offset=self._spine.applied_offset, kept=kept)
            indexed = steps.indexed(
                message,
                looked.change,
                is_there=looked.is_observed,
                indexed_offset=self._spine.indexed_offset,
                kept=kept,
            )
        else:
            trouble = "The observation store does not answer: see /readyz."
            applied = Step(StepName.APPLIED, StepState.UNKNOWN, trouble)
            indexed = Step(StepName.INDEXED, StepState.UNKNOWN, trouble)
        return (
            steps.received(message, stored.author_name),
            steps.logged(
                message.offset,
                None if segment is None else segment.name,
                first_offset=log.first_offset,
                kept=steps.kept_for(keeping.log_days, "log.keep_days"),
            ),
            applied,
            indexed,
            steps.archived(
                message,
                stored.row,
                None if archive is None else archive.open_file(thing.account_id),
                next_offset=None if archive is None else archive.next_offset,
                stored_offset=0 if archive is None else archive.stored_offset,
                kept=steps.kept_for(keeping.archive_days, "archive.keep_days"),
            ),
        )


def _stored(unit: Unit, caller: Caller, thing: Thing, message: Message) -> _Stored:
    jobs = unit.jobs.at_offset(thing.account_id, message.offset)
    if jobs:
        causes = readable_causes(unit, caller)
        jobs = [job for job in jobs if causes is None or job.cause in causes]
    return _Stored(
        authors(unit, {message.principal})[message.principal],
        unit.archive.holding(thing.account_id, message.offset),
        jobs,
        unit.jobs.attempts(thing.account_id, [job.id for job in jobs]) if jobs else (),
    )
