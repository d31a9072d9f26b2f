"""Count what the archive of a stopped cloud holds: every object read as its readers do, value by value."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloudstead.core.archive.archive import Archive
from cloudstead.core.archive.cutting import MAX_BYTES
from cloudstead.core.archive.names import BUCKET
from cloudstead.core.clock import ManualClock
from cloudstead.log import CommitLog
from cloudstead.storage.objects import open_objects
from cloudstead.storage.sql import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from cloudstead.core.files.ports import ObjectStore


def values_of(text: str) -> Iterator[Any]:
    """Yield the values of an object, which stand one after the other with nothing in between."""
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        value, position = decoder.raw_decode(text, position)
        yield value


def archived_reports(data: Path) -> Counter[tuple[str, int]]:
    """Return how often each report, by thing and number, is in an object of a stopped cloud.

    First the archive is brought to its end, as the next start would do it once the last slot is over.
    """
    return asyncio.run(_archived_reports(data))


async def _archived_reports(data: Path) -> Counter[tuple[str, int]]:
    database = await Database.open(f"sqlite:///{data / 'state.sqlite'}", on_events=lambda _events: None)
    objects = open_objects(data / "objects", None)
    found: Counter[tuple[str, int]] = Counter()
    try:
        accounts = await database.read(lambda unit: unit.accounts.all())
        with CommitLog.open(data / "log") as log:
            archive = Archive(
                clock=ManualClock(datetime.now(UTC) + timedelta(minutes=10)),
                database=database,
                objects=objects,
                log=log,
                report=_fail,
            )
            await archive.start()
            await archive.step()
            assert archive.stored_offset == log.next_offset - 1
        for account in accounts:
            async for text in _texts(objects, f"{account.id}/{BUCKET}/"):
                found.update((value["by"], value["n"]) for value in values_of(text) if "by" in value)
    finally:
        await database.close()
    return found


async def _texts(objects: ObjectStore, prefix: str) -> AsyncIterator[str]:
    after = ""
    while entries := await objects.list_after(prefix, after=after, limit=100):
        for entry in entries:
            content = await objects.get(entry.path)
            assert content is not None
            assert len(content) <= MAX_BYTES
            yield content.decode()
        after = entries[-1].path


def _fail(what: str, error: Exception) -> None:
    raise AssertionError(what) from error
