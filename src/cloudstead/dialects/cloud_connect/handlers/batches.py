"""ThingBatchLambda (Cloud Connect 2.11, section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.batches.errors import NotANumber
from cloudstead.core.batches.model import DEFAULT_CONCURRENCY
from cloudstead.core.errors import InvalidField
from cloudstead.core.files.model import Bucket
from cloudstead.core.ids import DomainId, ThingTypeId
from cloudstead.dialects.cloud_connect.shapes.batches import batch_list, started

if TYPE_CHECKING:
    from cloudstead.core.batches.registry import BatchList
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.cloud_connect.call import Call
    from cloudstead.dialects.cloud_connect.ports import Backend
    from cloudstead.dialects.cloud_connect.shapes.inputs import ListedBatches, NewBatch, Scalar

_MAX_KEYS = 1000


async def create(backend: Backend, call: Call[NewBatch]) -> object:
    """Ask for a batch; its things are made in the background."""
    asked = call.input
    size = _whole(asked.requested_size, "requested_size")
    concurrency = DEFAULT_CONCURRENCY if asked.concurrency in (None, "") else _whole(asked.concurrency, "concurrency")
    batch = await backend.database.write(
        lambda unit: backend.batches.create(
            unit,
            call.caller,
            thing_type=ThingTypeId(asked.thing_type),
            domain_id=DomainId(asked.domain),
            requested_size=size,
            concurrency=concurrency,
        )
    )
    return started(batch)


async def show_all(backend: Backend, call: Call[ListedBatches]) -> object:
    """List batches with how far they are, and the addresses of the archives of those that are complete."""
    asked = call.input
    if asked.bucket_name != Bucket.CERTIFICATES:
        raise InvalidField("bucket_name", f"batches are kept in {Bucket.CERTIFICATES}")
    wanted = asked.filter
    limit = _MAX_KEYS if asked.max_keys in (None, "") else _whole(asked.max_keys, "max_keys")

    def read(unit: Unit) -> BatchList:
        return backend.batches.first_page(
            unit,
            call.caller,
            prefix=asked.prefix or "",
            limit=limit,
            domains=frozenset((wanted and wanted.domains) or ()),
            thing_types=frozenset((wanted and wanted.thing_types) or ()),
            texts=(wanted and wanted.free_texts) or (),
        )

    found = await backend.database.read(read)
    return batch_list(
        call.account,
        found,
        prefix=asked.prefix,
        marker=asked.marker,
        max_keys=limit,
        link_to=lambda key: backend.file_links.url(call.account.id, Bucket.CERTIFICATES, key),
    )


def _whole(value: Scalar, field: str) -> int:
    """Return a whole number, written as a number or as digits; raise ``NotANumber``."""
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise NotANumber(field) from None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise NotANumber(field)
    return int(value)
