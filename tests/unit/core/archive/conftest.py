from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from cloudstead.core.archive.archive import Archive
from cloudstead.core.archive.cutting import Cutter
from cloudstead.core.archive.names import BUCKET
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.records import ShadowRecord, decode_record
from cloudstead.core.spine.requests import Origin
from cloudstead.log import MemoryLog
from factories.objects import MemoryObjects
from factories.tenants import open_tenant


def values_of(text: str) -> list[Any]:
    """Read an object as its readers do: value by value until the text ends."""
    decoder, position, values = json.JSONDecoder(), 0, []
    while position < len(text):
        value, position = decoder.raw_decode(text, position)
        values.append(value)
    return values


def encode(record: ShadowRecord) -> bytes:
    """Write a record as ``encode_request`` writes a request."""
    from cloudstead.core.spine.records import encode_request
    from cloudstead.core.spine.requests import ShadowRequest
    from cloudstead.core.things.directory import ThingEntry
    from cloudstead.core.things.model import Thing

    thing = Thing(
        record.thing_uid,
        record.account_id,
        record.thing_name,
        record.thing_type,
        record.domain_id,
        record.thing_name,
        None,
        0,
        "",
    )
    entry = ThingEntry(thing, (record.domain_id,))
    request = ShadowRequest(entry, record.verb, record.payload, principal=record.principal, origin=record.origin)
    request.received_ms = record.received_ms
    return encode_request(request)


@dataclass
class Workshop:
    """What outlives the lives of an archive: log, rows, objects, and what was acknowledged."""

    tenant: Any
    other: Any
    log: MemoryLog = field(default_factory=MemoryLog)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    reports: list[tuple[str, Exception]] = field(default_factory=list)
    acknowledged: dict[tuple[str, int], bytes] = field(default_factory=dict)
    max_bytes: int = 2_000

    def record(self, payload: bytes, *, account_id: str | None = None, verb: Verb = Verb.UPDATE) -> ShadowRecord:
        return ShadowRecord(
            verb=verb,
            origin=Origin.DEVICE,
            received_ms=self.tenant.clock.millis(),
            account_id=account_id or self.tenant.account.id,
            thing_uid="0" * 31 + "1",
            thing_name="lamp",
            thing_type="light",
            domain_id="root",
            principal="thing:lamp",
            payload=payload,
        )

    def append(self, *records: ShadowRecord) -> tuple[int, list[Any]]:
        """Put records into the log; return what the log writer would tell."""
        first = self.log.append([encode(record) for record in records])
        for offset, record in enumerate(records, first):
            if record.verb is Verb.UPDATE:
                self.acknowledged[record.account_id, offset] = record.payload
        return first, [_as_request(record) for record in records]

    async def live(self, **settings: Any) -> Archive:
        archive = Archive(
            clock=self.tenant.clock,
            database=self.tenant.database,
            objects=self.objects,
            log=self.log,
            report=lambda what, error: self.reports.append((what, error)),
            cutter=Cutter(max_bytes=self.max_bytes),
            interval_s=0.001,
            **settings,
        )
        await archive.start()
        return archive

    def objects_of(self, account_id: str) -> dict[str, bytes]:
        prefix = f"{account_id}/{BUCKET}/"
        return {path.removeprefix(prefix): held for path, held in self.objects.held.items() if path.startswith(prefix)}

    def archived(self) -> list[tuple[str, Any]]:
        """Return every message in every object, with its account."""
        return [
            (account_id, value)
            for account_id in (self.tenant.account.id, self.other.id)
            for content in self.objects_of(account_id).values()
            for value in values_of(content.decode())
        ]


def _as_request(record: ShadowRecord) -> Any:
    from cloudstead.core.archive.cutting import LoggedMessage

    return LoggedMessage.of(decode_record(encode(record)))


@pytest.fixture
async def workshop(tmp_path):
    tenant = await open_tenant(tmp_path)
    yield Workshop(tenant, await tenant.open_another_account())
    await tenant.database.close()
