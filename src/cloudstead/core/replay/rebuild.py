"""Messages as what an index holds of them: every request with its outcome, every accepted report.

Requests are applied to shadows that begin empty. Where the replay begins with the first record of the log, they are
what they were. Where it begins later, nobody knows the shadow that a request met: one that names a version is taken to
have named the right one, and versions count from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.observations.model import IndexBatch, Observation, ShadowChange
from cloudstead.core.shadows.changes import Verb, apply_delete, apply_update
from cloudstead.core.shadows.documents import read_update
from cloudstead.core.shadows.model import Shadow

if TYPE_CHECKING:
    from cloudstead.core.ids import ThingUid
    from cloudstead.core.replay.sources import Records
    from cloudstead.core.shadows.changes import Outcome
    from cloudstead.core.shadows.model import JsonObject
    from cloudstead.core.spine.records import ShadowRecord

_VERSION_CONFLICT: Final = 409
_encode: Final = msgspec.json.Encoder().encode


class Shadows:
    """The shadows of a replay, in memory: 1.4 KB for a thing with six values."""

    def __init__(self, *, are_known: bool) -> None:
        """``are_known`` says that the replay begins with the first record that there ever was."""
        self._are_known = are_known
        self._shadows: dict[ThingUid, Shadow] = {}

    def apply(self, record: ShadowRecord) -> Outcome:
        """Apply a request; return what became of it."""
        shadow = self._shadows.get(record.thing_uid)
        is_first = shadow is None
        if shadow is None:
            shadow = self._shadows[record.thing_uid] = Shadow(record.thing_uid, record.account_id)
        at_s = record.received_ms // 1000
        if record.verb is Verb.DELETE:
            if is_first and not self._are_known:
                shadow.version = 1  # there was something to delete, or nobody would have asked
            return apply_delete(shadow, record.payload, thing_name=record.thing_name, at_s=at_s)
        outcome = apply_update(shadow, record.payload, at_s=at_s)
        if is_first and not self._are_known and _is_conflict(outcome):
            named = read_update(record.payload).version
            if named is not None:
                shadow.version = named
                outcome = apply_update(shadow, record.payload, at_s=at_s)
        return outcome

    def reported(self, record: ShadowRecord) -> JsonObject:
        """Return all that a thing reports by now."""
        return self._shadows[record.thing_uid].reported


def index_batch(shadows: Shadows, records: Records) -> IndexBatch:
    """Return what the index holds of records, in their order."""
    observations: list[Observation] = []
    changes: list[ShadowChange] = []
    for offset, record in records:
        outcome = shadows.apply(record)
        if outcome.reported is not None:
            observations.append(
                Observation(
                    offset,
                    record.account_id,
                    record.thing_uid,
                    record.thing_name,
                    record.thing_type,
                    record.domain_id,
                    record.received_ms,
                    _encode(outcome.reported),
                )
            )
        changes.append(
            ShadowChange(
                offset,
                record.account_id,
                record.thing_uid,
                record.thing_name,
                record.verb.value,
                outcome.version,
                record.principal,
                record.received_ms,
                record.payload,
                0 if outcome.rejection is None else outcome.rejection.rejection,
            )
        )
    return IndexBatch(observations=tuple(observations), changes=tuple(changes))


def _is_conflict(outcome: Outcome) -> bool:
    return outcome.rejection is not None and outcome.rejection.rejection == _VERSION_CONFLICT
