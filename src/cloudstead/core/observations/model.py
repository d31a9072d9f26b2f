"""What the index is given: observations, shadow changes and things."""

from __future__ import annotations

import msgspec

from cloudstead.core.ids import AccountId, DomainId, ThingName, ThingTypeId, ThingUid


class Observation(msgspec.Struct, frozen=True, gc=False):
    """What one accepted update reported. ``state_json`` is the reported object as JSON, kept as it is."""

    offset: int
    account_id: AccountId
    thing_uid: ThingUid
    thing_name: ThingName
    thing_type: ThingTypeId
    domain: DomainId
    timestamp_ms: int
    state_json: bytes


class ShadowChange(msgspec.Struct, frozen=True, gc=False):
    """One request that reached a shadow, and what became of it. ``outcome`` is 0 when accepted, else the rejection."""

    offset: int
    account_id: AccountId
    thing_uid: ThingUid
    thing_name: ThingName
    verb: str
    version: int
    author: str
    timestamp_ms: int
    request_json: bytes
    outcome: int


class ThingDocument(msgspec.Struct, frozen=True, gc=False):
    """A thing as it is found. A document replaces those of the same thing name with a lower ``version``."""

    account_id: AccountId
    thing_uid: ThingUid
    thing_name: ThingName
    thing_type: ThingTypeId
    label: str
    domain: DomainId
    description: str | None
    created_at_ms: int
    created_by: str
    state_json: bytes
    version: int


class IndexBatch(msgspec.Struct, frozen=True, gc=False):
    """What one span of the log leads to, in the order of offsets."""

    observations: tuple[Observation, ...]
    changes: tuple[ShadowChange, ...]


class SearchResult(msgspec.Struct, frozen=True):
    """The body of an Elasticsearch answer, ready for ``msgspec.json.encode``.

    The state of a document is a ``msgspec.Raw`` with the very text that the device sent, unless the search asked for
    parts of it.
    """

    response: dict[str, object]
