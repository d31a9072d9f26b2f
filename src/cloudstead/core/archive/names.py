"""What objects of the archive are called (Cloud Connect 2.11, section 5.2)."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from uuid import UUID

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId

BUCKET: Final = "ObservationsBucket"
_CONTENTS: Final = "ArchiveContents"
_PARTS: Final = "ArchiveParts"


def object_key(stack: str, account_id: AccountId, *, first_offset: int, first_ms: int) -> str:
    """Return ``YYYY/MM/DD/HH/<stack>-firehose-1-YYYY-MM-DD-HH-mm-ss-<random string>``, in UTC.

    The time is that of the first message. The string looks random and is the same for the same account and offset, so
    that an object that is written again after a crash replaces itself.
    """
    at = datetime.fromtimestamp(first_ms // 1000, UTC)
    digest = sha256(f"{account_id}/{first_offset}".encode()).digest()
    return f"{at:%Y/%m/%d/%H}/{stack}-firehose-1-{at:%Y-%m-%d-%H-%M-%S}-{UUID(bytes=digest[:16], version=4)}"


def object_path(account_id: AccountId, key: str) -> str:
    """Return where the store of objects keeps the messages."""
    return f"{account_id}/{BUCKET}/{key}"


def contents_path(account_id: AccountId, key: str) -> str:
    """Return where it keeps the list of their contents: beside the bucket, whose readers expect messages only."""
    return f"{account_id}/{_CONTENTS}/{key}.json.gz"


def part_path(account_id: AccountId, first_offset: int, number: int) -> str:
    """Return where a piece of a file waits that is still open, when there is no room for it in memory."""
    return f"{parts_prefix(account_id)}{first_offset}-{number}"


def parts_prefix(account_id: AccountId) -> str:
    """Return what the paths of all such pieces begin with."""
    return f"{account_id}/{_PARTS}/"
