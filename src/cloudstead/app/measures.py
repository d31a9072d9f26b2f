"""The metrics of the process, read from the counters that the rooms keep anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cloudstead.app.follower_measures import follower_metrics, followers_of, waiting_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

    from cloudstead.app.cloud import Cloud


_AS_OF_NOW: Final = frozenset({"connections", "devices", "people", "held", "held_bytes", "sessions", "retained"})
"""What the gateway tells as of now; all else it counts from its start."""


def new_registry(cloud: Cloud) -> CollectorRegistry:
    """Return a registry with everything that the cloud counts."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_CloudCollector(cloud))
    return registry


class _CloudCollector(Collector):
    """Reads plain counters when asked, so that counting costs the message path nothing but an addition."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as of now."""
        yield from self._spine()
        yield from self._followers()
        yield from self._http()
        yield from self._gateway()
        yield from self._index()
        yield from self._archive()
        yield from self._jobs()

    def _spine(self) -> Iterable[Metric]:
        spine, log = self._cloud.spine, self._cloud.log
        yield CounterMetricFamily("cloudstead_log_records", "Requests made durable.", spine.intake.stored)
        yield CounterMetricFamily("cloudstead_log_failures", "Requests that could not be stored.", spine.intake.failed)
        yield GaugeMetricFamily("cloudstead_log_waiting", "Requests waiting for the disk.", spine.intake.depth)
        yield GaugeMetricFamily("cloudstead_log_bytes", "Size of the log.", log.size_bytes)
        yield GaugeMetricFamily("cloudstead_log_first_offset", "Oldest record kept.", log.first_offset)
        yield GaugeMetricFamily(
            "cloudstead_log_committed_offset", "Last durable record.", spine.intake.committed_offset
        )
        yield GaugeMetricFamily("cloudstead_applied_offset", "Last record applied.", spine.applier.applied_offset)
        yield GaugeMetricFamily("cloudstead_indexed_offset", "Last record indexed.", spine.indexed_offset)
        yield GaugeMetricFamily("cloudstead_written_offset", "Last record written.", spine.projector.flushed_offset)
        outcomes = CounterMetricFamily("cloudstead_shadow_requests", "Shadow requests applied.", labels=("outcome",))
        outcomes.add_metric(("accepted",), spine.applier.accepted)
        outcomes.add_metric(("rejected",), spine.applier.rejected)
        yield outcomes

    def _followers(self) -> Iterable[Metric]:
        # The places first: what is committed after them would only make them look worse, never better than they are.
        followers, log = followers_of(self._cloud), self._cloud.log
        now_ms = self._cloud.clock.millis()
        yield from follower_metrics(
            followers,
            committed=self._cloud.spine.intake.committed_offset,
            waiting_s=lambda offset: waiting_seconds(log, offset, now_ms),
        )

    def _http(self) -> Iterable[Metric]:
        room = self._cloud.http_room
        yield GaugeMetricFamily("cloudstead_http_connections", "HTTP connections, but for WebSockets.", room.open)
        yield CounterMetricFamily(
            "cloudstead_http_turned_away", "HTTP connections that found no room.", room.turned_away
        )

    def _gateway(self) -> Iterable[Metric]:
        for name, value in self._cloud.gateway.counters().items():
            kind = GaugeMetricFamily if name in _AS_OF_NOW else CounterMetricFamily
            yield kind(f"cloudstead_mqtt_{name}", f"MQTT: {name.replace('_', ' ')}.", value)

    def _index(self) -> Iterable[Metric]:
        index = self._cloud.index
        counts = index.counts
        yield CounterMetricFamily("cloudstead_index_rows", "Rows written into the index.", counts.rows)
        yield CounterMetricFamily("cloudstead_index_skipped", "Offsets that the index held already.", counts.skipped)
        yield CounterMetricFamily(
            "cloudstead_index_unindexed", "States that are kept but cannot be searched.", counts.unindexed
        )
        yield CounterMetricFamily(
            "cloudstead_index_crowded_paths", "Paths beyond what an account may have.", counts.crowded_paths
        )
        yield GaugeMetricFamily("cloudstead_searches_waiting", "Searches waiting for a turn.", index.turns.waiting)
        yield CounterMetricFamily(
            "cloudstead_searches_refused", "Searches of accounts with too many waiting.", index.turns.refused
        )
        yield GaugeMetricFamily("cloudstead_index_broken_parts", "Parts set aside as broken.", index.detached_parts)

    def _archive(self) -> Iterable[Metric]:
        archive = self._cloud.archive
        if archive is None:
            return
        yield CounterMetricFamily("cloudstead_archive_objects", "Objects written.", archive.objects_written)
        yield CounterMetricFamily("cloudstead_archive_messages", "Messages in them.", archive.messages_written)
        yield GaugeMetricFamily("cloudstead_archived_offset", "Last record that is archived.", archive.stored_offset)
        yield GaugeMetricFamily("cloudstead_archive_held_bytes", "What open files hold in memory.", archive.held_bytes)

    def _jobs(self) -> Iterable[Metric]:
        worker = self._cloud.outgoing.worker
        states = GaugeMetricFamily("cloudstead_jobs", "Jobs by kind and state.", labels=("kind", "state"))
        oldest = GaugeMetricFamily(
            "cloudstead_jobs_oldest_age_seconds", "Age of the oldest job that is not finished.", labels=("kind",)
        )
        now_ms = self._cloud.clock.millis()
        for count in worker.counts:
            states.add_metric((count.kind, "waiting"), count.waiting)
            states.add_metric((count.kind, "running"), count.running)
            states.add_metric((count.kind, "dead"), count.dead)
            oldest.add_metric((count.kind,), 0 if count.oldest_ms is None else max(0, now_ms - count.oldest_ms) / 1e3)
        attempts = CounterMetricFamily(
            "cloudstead_job_attempts", "Attempts at jobs by outcome.", labels=("kind", "outcome")
        )
        for (kind, outcome), number in list(worker.outcomes.items()):
            attempts.add_metric((kind, outcome), number)
        yield from (states, oldest, attempts)
