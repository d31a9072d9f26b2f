"""Messages out of objects again, as the records that the log had of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloudstead.core.archive.building import read_contents
from cloudstead.core.archive.errors import ObjectUnreadable
from cloudstead.core.archive.names import contents_path, object_path
from cloudstead.core.ids import DomainId, ThingName, ThingTypeId, ThingUid
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.records import ShadowRecord
from cloudstead.core.spine.requests import Origin

if TYPE_CHECKING:
    from cloudstead.core.archive.model import Contents
    from cloudstead.core.archive.ports import ObjectReader
    from cloudstead.core.ids import AccountId


async def read_object(objects: ObjectReader, account_id: AccountId, key: str) -> list[tuple[int, ShadowRecord]]:
    """Return the messages of an object with their offsets; raise ``ObjectUnreadable``.

    What was left out of the object is not among them.
    """
    contents = await contents_of(objects, account_id, key)
    messages = b""
    if any(contents.sizes):
        found = await objects.get(object_path(account_id, key))
        if found is None:
            raise ObjectUnreadable(key, "it is not there")
        messages = found
    # A full object of short messages takes a tenth of a second.
    return await asyncio.to_thread(records_of, account_id, key, messages, contents)


async def contents_of(objects: ObjectReader, account_id: AccountId, key: str) -> Contents:
    """Return the list of an object's contents; raise ``ObjectUnreadable``."""
    listed = await objects.get(contents_path(account_id, key))
    if listed is None:
        raise ObjectUnreadable(key, "the list of its contents is not there")
    return await asyncio.to_thread(read_contents, key, listed)


def records_of(account_id: AccountId, key: str, messages: bytes, contents: Contents) -> list[tuple[int, ShadowRecord]]:
    """Cut an object's bytes into its messages; raise ``ObjectUnreadable``."""
    if sum(contents.sizes) != len(messages):
        raise ObjectUnreadable(key, f"it has {len(messages)} bytes, and its contents {sum(contents.sizes)}")
    records = []
    position = 0
    for number, (offset, size) in enumerate(zip(contents.offsets, contents.sizes, strict=True)):
        if size:
            records.append((offset, _record(account_id, contents, number, messages[position : position + size])))
            position += size
    return records


def _record(account_id: AccountId, contents: Contents, number: int, payload: bytes) -> ShadowRecord:
    uid, name, thing_type, domain = contents.known_things[contents.things[number]]
    return ShadowRecord(
        verb=Verb.UPDATE,
        origin=Origin(contents.origins[number]),
        received_ms=contents.received_ms[number],
        account_id=account_id,
        thing_uid=ThingUid(uid),
        thing_name=ThingName(name),
        thing_type=ThingTypeId(thing_type),
        domain_id=DomainId(domain),
        principal=contents.known_principals[contents.principals[number]],
        payload=payload,
    )
