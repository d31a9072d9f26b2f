"""What is written: observations, shadow changes and things as lines of JSON, states in their searchable form.

Rows are made on the event loop, a few in a turn. In a thread they would need the interpreter's lock as long, and the
loop, which gives the lock up at every record of TLS, would wait for it each time: at full speed a fifth of the updates.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from cloudstead.search import FlatState, flatten

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from cloudstead.core.observations.model import Observation, ShadowChange, ThingDocument

_T = TypeVar("_T")
Row: TypeAlias = "list[object]"

# In a turn of the loop: half a millisecond each.
_STATES_AT_ONCE = 256
_ROWS_AT_ONCE = 1_024

_encode_lines = msgspec.json.Encoder().encode_lines

_WEEK_MS = 604_800_000
_MONDAY_MS = 3 * 86_400_000
# The years that DateTime64(3) holds; the receive time of a message is always inside.
_EARLIEST_MS = -2_208_988_800_000
_LATEST_MS = 10_413_791_999_999


@dataclass(slots=True)
class WrittenRows:
    """Rows by partition, and what their states hold."""

    by_week: dict[int, list[Row]] = field(default_factory=lambda: defaultdict(list))
    kinds: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    refused: int = 0
    _noted: dict[str, dict[str, int]] = field(default_factory=dict)

    def note(self, account_id: str, state: FlatState) -> None:
        """Remember the kinds of a state's paths."""
        if state.refused is not None:
            self.refused += 1
        if self._noted.get(account_id) is state.kinds:
            return  # the same form as the one before
        self._noted[account_id] = state.kinds
        known = self.kinds[account_id]
        if state.kinds.items() <= known.items():
            return  # nothing new, which is the rule: told by one comparison
        for path, kind in state.kinds.items():
            known[path] = known.get(path, 0) | kind


async def _in_turns(items: Sequence[_T], at_once: int) -> AsyncIterator[Sequence[_T]]:
    """Yield the items, some in each turn of the loop."""
    for start in range(0, len(items), at_once):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + at_once]


@lru_cache(maxsize=64)  # some dozens of rows have the same time
def instant_text(millis: int) -> str:
    """Write an instant as seconds with three decimals.

    As a bare number of milliseconds ClickHouse would take it for seconds, and store the year 9999 without a word.
    """
    bounded = min(max(millis, _EARLIEST_MS), _LATEST_MS)
    seconds, rest = divmod(abs(bounded), 1000)
    return f"{'-' if bounded < 0 else ''}{seconds}.{rest:03}"


@lru_cache(maxsize=64)
def week_of(millis: int) -> int:
    """Return the number of the week of an instant: weeks begin on Monday, and 1970 began on a Thursday."""
    return (min(max(millis, _EARLIEST_MS), _LATEST_MS) + _MONDAY_MS) // _WEEK_MS


def text_of(source: bytes) -> str:
    """Return the text of a source; bytes that are no UTF-8 become replacement characters."""
    return source.decode("utf-8", "replace")


async def observation_rows(observations: Sequence[Observation]) -> WrittenRows:
    """Write observations."""
    written = WrittenRows()
    async for some in _in_turns(observations, _STATES_AT_ONCE):
        for seen in some:
            state = flatten(seen.state_json)
            written.note(seen.account_id, state)
            written.by_week[week_of(seen.timestamp_ms)].append(
                [
                    seen.offset,
                    seen.account_id,
                    seen.thing_uid,
                    seen.thing_name,
                    seen.thing_type,
                    seen.domain,
                    instant_text(seen.timestamp_ms),
                    text_of(seen.state_json),
                    state.values,
                ],
            )
    return written


async def change_rows(changes: Sequence[ShadowChange]) -> dict[int, list[Row]]:
    """Write shadow changes by partition."""
    by_week: dict[int, list[Row]] = defaultdict(list)
    async for some in _in_turns(changes, _ROWS_AT_ONCE):
        for change in some:
            by_week[week_of(change.timestamp_ms)].append(
                [
                    change.offset,
                    change.account_id,
                    change.thing_uid,
                    change.thing_name,
                    change.verb,
                    change.version,
                    change.author,
                    instant_text(change.timestamp_ms),
                    text_of(change.request_json),
                    change.outcome,
                ],
            )
    return by_week


async def thing_rows(documents: Collection[ThingDocument]) -> WrittenRows:
    """Write things; they have one partition."""
    written = WrittenRows()
    async for some in _in_turns(tuple(documents), _STATES_AT_ONCE):
        for document in some:
            state = flatten(document.state_json)
            written.note(document.account_id, state)
            written.by_week[0].append(
                [
                    document.account_id,
                    document.thing_name,
                    document.thing_uid,
                    document.thing_type,
                    document.label,
                    document.domain,
                    document.description,
                    instant_text(document.created_at_ms),
                    document.created_by,
                    document.version,
                    text_of(document.state_json),
                    state.values,
                ],
            )
    return written


async def lines_in_turns(rows: Sequence[Row]) -> bytes:
    """Write rows as lines of JSON."""
    return b"".join([_encode_lines(some) async for some in _in_turns(rows, _ROWS_AT_ONCE)])


def lines_of(rows: Sequence[Row]) -> bytes:
    """Write a few rows as lines of JSON."""
    return _encode_lines(rows)
