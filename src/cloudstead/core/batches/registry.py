"""Asking for a batch, and listing batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.audit.record import Trail
from cloudstead.core.batches.errors import NotInRange, TooManyBatches
from cloudstead.core.batches.model import DEFAULT_CONCURRENCY, LARGEST, Batch
from cloudstead.core.domains.errors import DomainNotFound
from cloudstead.core.errors import InvalidField
from cloudstead.core.files.model import Bucket, object_path
from cloudstead.core.files.paths import is_storable
from cloudstead.core.ids import BatchId, JobId
from cloudstead.core.jobs.model import Job
from cloudstead.core.thingtypes.errors import ThingTypeNotFound

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import AccountId, DomainId, IdSource, ThingTypeId
    from cloudstead.core.things.registry import Things
    from cloudstead.core.unit import Unit

JOB_KIND: Final = "batch"
LARGEST_CONCURRENCY: Final = 100
MOST_UNFINISHED: Final = 20
"""Of one account: they run one after another, and a thousand things of each are enough to wait for."""

_CREATE: Final = Permission("batch:create")
_READ: Final = Permission("batch:read")
_UNIQUE_DIGITS: Final = 8


class BatchWork(msgspec.Struct):
    """What the job of a batch carries."""

    batch_id: str


@dataclass(frozen=True, slots=True)
class BatchList:
    """Batches as Cloud Connect 2.11 lists them (section 7.1.2), and whether there are more."""

    batches: tuple[Batch, ...]
    is_truncated: bool


class Batches:
    """The batches of all accounts, as callers may see and ask for them."""

    def __init__(self, clock: Clock, ids: IdSource, things: Things) -> None:
        self._clock = clock
        self._ids = ids
        self._things = things
        self._trail = Trail(clock, ids, object_type="batch", name_of=lambda each: each.id, fields_of=_audited)

    def create(
        self,
        unit: Unit,
        caller: Caller,
        *,
        thing_type: ThingTypeId,
        domain_id: DomainId,
        requested_size: int,
        concurrency: int = DEFAULT_CONCURRENCY,
    ) -> Batch:
        """Take note of a batch, with the job that will make its things.

        Raise ``NotInRange``, ``ThingTypeNotFound``, ``ThingTypeNotUsable``, ``DomainNotFound``, ``OutOfReach`` or
        ``TooManyBatches``.
        """
        tree = unit.domains.tree(caller.account_id)
        reach = Reach.of(caller, _CREATE, tree)
        _require_between("requested_size", requested_size, most=LARGEST)
        _require_between("concurrency", concurrency, most=LARGEST_CONCURRENCY)
        found = unit.thing_types.get(caller.account_id, thing_type)
        if found is None:
            raise ThingTypeNotFound(thing_type, field="thing_type")
        if domain_id not in tree.nodes:
            raise DomainNotFound(domain_id, field="domain")
        reach.require(domain_id, field="domain")
        self._things.require_usable(reach, found, domain_id)
        if unit.batches.count_unfinished(caller.account_id) >= MOST_UNFINISHED:
            raise TooManyBatches(MOST_UNFINISHED)
        now_ms = self._clock.millis()
        batch_id = BatchId(self._ids.new())
        batch = Batch(
            id=batch_id,
            account_id=caller.account_id,
            key=f"batch-{thing_type}-{now_ms}-{batch_id[-_UNIQUE_DIGITS:]}.zip",
            thing_type=thing_type,
            domain_id=domain_id,
            requested_size=requested_size,
            concurrency=concurrency,
            created_by=caller.user_name,
            principal=caller.principal,
            person_id=caller.person_id,
            source_address=caller.source_address,
            created_at_ms=now_ms,
        )
        if not is_storable(archive_path(batch)):
            raise InvalidField("thing_type", "is no part of a file's name: call the type otherwise")
        unit.batches.add(batch)
        unit.jobs.add([self._job(batch)])
        self._trail.made(unit, caller, "batch.create", batch)
        return batch

    def first_page(
        self,
        unit: Unit,
        caller: Caller,
        *,
        prefix: str = "",
        limit: int = 1000,
        domains: Collection[str] = (),
        thing_types: Collection[str] = (),
        texts: Collection[str] = (),
    ) -> BatchList:
        """Return the first batches in the order of their keys, then sorted: unfinished ones first, newest end first.

        There is no further page (Cloud Connect 2.11, section 7.1.2). ``domains`` and ``thing_types`` keep the batches
        of one of them, ``texts`` those in which each of the texts occurs.
        """
        tree = unit.domains.tree(caller.account_id)
        reach = Reach.of(caller, _READ, tree)
        _require_between("max_keys", limit, most=1000)
        seen = unit.batches.first_by_key(
            caller.account_id,
            prefix=prefix,
            domain_ids=None if reach.is_whole_account else reach.domain_ids(),
            limit=limit + 1,
        )
        wanted = [
            batch
            for batch in seen[:limit]
            if (not domains or batch.domain_id in domains)
            and (not thing_types or batch.thing_type in thing_types)
            and all(_holds(batch, text) for text in texts)
        ]
        return BatchList(tuple(sorted(wanted, key=_unfinished_first)), len(seen) > limit)

    def _job(self, batch: Batch) -> Job:
        return Job(
            id=JobId(self._ids.new()),
            account_id=batch.account_id,
            kind=JOB_KIND,
            lane=JOB_KIND,
            payload=msgspec.json.encode(BatchWork(batch.id)),
            created_at_ms=batch.created_at_ms,
            due_at_ms=batch.created_at_ms,
            cause=f"batch:{batch.id}",
        )


def archive_path(batch: Batch) -> str:
    """Return where the archive lies among the objects."""
    return object_path(batch.account_id, Bucket.CERTIFICATES, batch.key)


def batch_of(unit: Unit, account_id: AccountId, payload: bytes) -> Batch | None:
    """Return the batch that a job is about."""
    return unit.batches.get(account_id, BatchId(msgspec.json.decode(payload, type=BatchWork).batch_id))


def _require_between(field: str, number: int, *, most: int) -> None:
    if not 1 <= number <= most:
        raise NotInRange(field, least=1, most=most)


def _holds(batch: Batch, text: str) -> bool:
    folded = text.casefold()
    fields: Sequence[str] = (batch.id, batch.key, batch.thing_type, batch.domain_id, batch.created_by)
    return any(folded in field.casefold() for field in fields)


def _unfinished_first(batch: Batch) -> tuple[bool, int]:
    end = batch.finished_at_ms
    return (end is not None, -(batch.created_at_ms if end is None else end))


def _audited(batch: Batch) -> dict[str, Any]:
    return {
        "thing_type": batch.thing_type,
        "domain": batch.domain_id,
        "requested_size": batch.requested_size,
        "concurrency": batch.concurrency,
    }
