"""What is written: observations, shadow changes and things as lines of JSON, states in their searchable form.

Rows are made on the event loop, a few in a turn. In a thread they would need the interpreter's lock as long, and the
loop, which gives the lock up at every record of TLS, would wait for it each time: at full speed a fifth of the updates.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec

from cloudstead.search import FlatState, flatten

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from cloudstead.core.observations.model import Observation, ShadowChange, ThingDocument

_T = TypeVar("_T")
Row: TypeAlias = "list[object]"

# In a turn of the loop: half a millisecond each.
_STATES_AT_ONCE = 192
_CHANGES_AT_ONCE = 768

_encode_lines = msgspec.json.Encoder().encode_lines
_decode_lines = msgspec.json.Decoder(list[Any]).decode_lines

_WEEK_MS = 604_800_000
_MONDAY_MS = 3 * 86_400_000
# The years that DateTime64(3) holds; the receive time of a message is always inside.
_EARLIEST_MS = -2_208_988_800_000
_LATEST_MS = 10_413_791_999_999


@dataclass(slots=True)
class Lines:
    """Rows of one partition as lines of JSON; ``first`` and ``last`` are what their first columns hold."""

    first: object
    last: object = None
    count: int = 0
    pieces: list[bytes] = field(default_factory=list)

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows. They are let go of at once: tens of thousands of them would take 10 ms to free."""
        self.pieces.append(_encode_lines(rows))
        self.last = rows[-1][0]
        self.count += len(rows)

    def text(self) -> bytes:
        """Return all lines."""
        return b"".join(self.pieces)


@dataclass(slots=True)
class Written:
    """Lines by partition, and what their states hold."""

    by_week: dict[int, Lines] = field(default_factory=dict)
    kinds: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    refused: int = 0
    _noted: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, by_week: Mapping[int, Sequence[Row]]) -> None:
        """Add rows by partition."""
        for week, rows in by_week.items():
            if week not in self.by_week:
                self.by_week[week] = Lines(rows[0][0])
            self.by_week[week].add(rows)

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


async def observation_lines(observations: Sequence[Observation]) -> Written:
    """Write observations."""
    written = Written()
    async for some in _in_turns(observations, _STATES_AT_ONCE):
        by_week: dict[int, list[Row]] = defaultdict(list)
        for seen in some:
            state = flatten(seen.state_json)
            written.note(seen.account_id, state)
            by_week[week_of(seen.timestamp_ms)].append(
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
        written.add(by_week)
    return written


async def change_lines(changes: Sequence[ShadowChange]) -> Written:
    """Write shadow changes."""
    written = Written()
    async for some in _in_turns(changes, _CHANGES_AT_ONCE):
        by_week: dict[int, list[Row]] = defaultdict(list)
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
        written.add(by_week)
    return written


async def thing_lines(documents: Collection[ThingDocument]) -> Written:
    """Write things; they have one partition."""
    written = Written()
    async for some in _in_turns(tuple(documents), _STATES_AT_ONCE):
        rows: list[Row] = []
        for document in some:
            state = flatten(document.state_json)
            written.note(document.account_id, state)
            rows.append(
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
        written.add({0: rows})
    return written


def lines_of(rows: Sequence[Row]) -> bytes:
    """Write a few rows as lines of JSON."""
    return _encode_lines(rows)


def rows_of(lines: bytes) -> list[Row]:
    """Read rows back, for the rare case that one of them has to be looked at again."""
    return _decode_lines(lines)
