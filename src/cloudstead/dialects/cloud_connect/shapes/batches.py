"""Batches on the wire (Cloud Connect 2.11, section 7). Times are milliseconds, but for S3's ``LastModified``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.files.model import Bucket, bucket_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.batches.model import Batch
    from cloudstead.core.batches.registry import BatchList

_NO_CONTENT: Final = '"d41d8cd98f00b204e9800998ecf8427e"'  # the tag of an object without content, as S3 gives it


def started(batch: Batch) -> dict[str, Any]:
    """Return what CREATE answers."""
    return {"batchId": batch.id}


def batch_list(
    account: Account,
    found: BatchList,
    *,
    prefix: str | None,
    marker: str | None,
    max_keys: int,
    link_to: Callable[[str], str],
) -> dict[str, Any]:
    """Return what LIST answers; ``link_to`` makes the address of an archive."""
    answer: dict[str, Any] = {
        "isTruncated": found.is_truncated,
        "name": bucket_name(account, Bucket.CERTIFICATES),
        "maxKeys": max_keys,
    }
    if marker:
        answer["marker"] = marker
    if prefix:
        answer["prefix"] = prefix
    answer["files"] = [_file(account, batch, link_to) for batch in found.batches]
    return answer


def _file(account: Account, batch: Batch, link_to: Callable[[str], str]) -> dict[str, Any]:
    changed_ms = batch.created_at_ms if batch.finished_at_ms is None else batch.finished_at_ms
    shown: dict[str, Any] = {
        "Key": batch.key,
        "LastModified": datetime.fromtimestamp(changed_ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "ETag": f'"{batch.etag}"' if batch.etag else _NO_CONTENT,
        "Size": batch.size,
        "StorageClass": "STANDARD",
        "Owner": {"DisplayName": account.name, "ID": account.id},
        "batchId": batch.id,
        "currentSize": batch.current_size,
        "requestedSize": batch.requested_size,
        "concurrency": batch.concurrency,
        "attributes": {"thingType": batch.thing_type, "domain": batch.domain_id},
        "createdBy": batch.created_by,
        "createdAt": batch.created_at_ms,
        "errors": [{"number": error.number, "message": error.message} for error in batch.errors],
    }
    if batch.finished_at_ms is not None:
        shown["finishedAt"] = batch.finished_at_ms
    if batch.is_complete:
        shown["url"] = link_to(batch.key)
    return shown
