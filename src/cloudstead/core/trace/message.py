"""The message itself, out of whichever place still has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.core.shadows.changes import Verb
from cloudstead.core.shadows.documents import read_update
from cloudstead.core.shadows.errors import ShadowRejected

if TYPE_CHECKING:
    from typing import Any

    from cloudstead.core.ids import DomainId, ThingTypeId
    from cloudstead.core.observations.model import ShadowChange
    from cloudstead.core.spine.records import ShadowRecord
    from cloudstead.core.spine.requests import Origin


@dataclass(frozen=True, slots=True)
class Message:
    """What is known of a message. The history of a shadow knows neither the door nor where the thing was."""

    offset: int
    verb: Verb
    received_ms: int
    principal: str
    payload: bytes
    origin: Origin | None = None
    thing_type: ThingTypeId | None = None
    domain_id: DomainId | None = None

    @property
    def reported(self) -> dict[str, Any] | None:
        """What it reported, ``None`` when it reported nothing."""
        if self.verb is not Verb.UPDATE:
            return None
        try:
            reported = read_update(self.payload).reported
        except ShadowRejected:
            return None
        return reported if isinstance(reported, dict) else None


def from_record(offset: int, record: ShadowRecord) -> Message:
    """Return the message that a record of the log, or of the archive, holds."""
    return Message(
        offset,
        record.verb,
        record.received_ms,
        record.principal,
        record.payload,
        record.origin,
        record.thing_type,
        record.domain_id,
    )


def from_change(change: ShadowChange) -> Message:
    """Return the message as the history of its shadow knows it."""
    return Message(change.offset, Verb(change.verb), change.timestamp_ms, change.author, change.request_json)
