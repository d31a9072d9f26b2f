"""What is written: observations, shadow changes and things as lines of JSON, states in their searchable form."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from cloudstead.search import FlatState, flatten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cloudstead.core.observations.model import Observation, ShadowChange, ThingDocument

_T = TypeVar("_T")
Row: TypeAlias = "list[object]"

_AT_ONCE = 16  # some 60 us of work

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


def _in_passing(items: Iterable[_T]) -> Iterator[_T]:
    """Yield the items, letting go of the interpreter's lock after every few.

    The event loop gives the lock up at each system call and would have to wait a whole switch interval to get it back:
    with a flush under way, that takes the PUBACK p99 at full speed from 20 to 80 ms.
    """
    for number, item in enumerate(items):
        if not number % _AT_ONCE:
            time.sleep(0)
        yield item


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


def observation_rows(observations: Iterable[Observation]) -> WrittenRows:
    """Write observations."""
    written = WrittenRows()
    for seen in _in_passing(observations):
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


def change_rows(changes: Iterable[ShadowChange]) -> dict[int, list[Row]]:
    """Write shadow changes by partition."""
    by_week: dict[int, list[Row]] = defaultdict(list)
    for change in _in_passing(changes):
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


def thing_rows(documents: Iterable[ThingDocument]) -> WrittenRows:
    """Write things; they have one partition."""
    written = WrittenRows()
    for document in _in_passing(documents):
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
