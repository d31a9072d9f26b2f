"""How far everything is that follows the log, and what it has made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from cloudstead.core.spine.records import decode_record
from cloudstead.log.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from prometheus_client.core import Metric

    from cloudstead.app.cloud import Cloud
    from cloudstead.log import Log

_LABELS: Final = ("follower",)
_LARGEST_READ: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Follower:
    """One that follows the log: up to which record it has come, and how often there was something for it to do."""

    name: str
    offset: int
    hits: int


def followers_of(cloud: Cloud) -> Sequence[Follower]:
    """Return everything that follows the log, in the order of the spine."""
    spine, rules, archive = cloud.spine, cloud.rules.follower, cloud.archive
    applied = spine.applied_offset
    waits = rules.waits_from
    found = [
        Follower("shadows", applied, spine.applier.accepted + spine.applier.rejected),
        Follower("events", applied, cloud.fan_out.told),
        Follower("rules", applied if waits is None else waits - 1, rules.hits),
        Follower("index", spine.indexed_offset, cloud.index.counts.rows),
    ]
    if archive is not None:
        found.append(Follower("archive", archive.stored_offset, archive.messages_written))
    return found


def follower_metrics(
    followers: Iterable[Follower], *, committed: int, waiting_s: Callable[[int], float]
) -> Iterable[Metric]:
    """Yield the metrics; ``waiting_s`` tells for how many seconds the record with an offset has been there."""
    offsets = GaugeMetricFamily("cloudstead_follower_offset", "Last record that was followed.", labels=_LABELS)
    records = GaugeMetricFamily("cloudstead_follower_lag_records", "Records that wait to be followed.", labels=_LABELS)
    seconds = GaugeMetricFamily(
        "cloudstead_follower_lag_seconds", "For how long the oldest of them has waited.", labels=_LABELS
    )
    hits = CounterMetricFamily("cloudstead_follower_hits", "What was made of the records.", labels=_LABELS)
    for each in followers:
        lag = max(0, committed - each.offset)
        offsets.add_metric((each.name,), each.offset)
        records.add_metric((each.name,), lag)
        seconds.add_metric((each.name,), waiting_s(each.offset + 1) if lag else 0.0)
        hits.add_metric((each.name,), each.hits)
    yield from (offsets, records, seconds, hits)


def waiting_seconds(log: Log, offset: int, now_ms: int) -> float:
    """Return for how long a record has been in the log; call it off the event loop, as it reads the record."""
    try:
        read = log.read(max(offset, log.first_offset), max_records=1, max_bytes=_LARGEST_READ)
    except LogError:
        return 0.0  # retention has taken it meanwhile, or the log is being closed: nothing waits there any more
    return max(0, now_ms - decode_record(read[0][1]).received_ms) / 1e3 if read else 0.0
