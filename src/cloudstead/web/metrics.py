"""Counts and latencies by operation; the metric objects are made outside and handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class WebMetrics:
    """Counts requests by face, operation and status, and measures their seconds by face and operation.

    The children of a metric are kept at hand, because looking one up by its labels costs more than counting does.
    """

    def __init__(self, requests: Counter, seconds: Histogram) -> None:
        self._requests = requests
        self._seconds = seconds
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._timers: dict[tuple[str, str], Histogram] = {}

    @classmethod
    def registered(cls, registry: CollectorRegistry) -> WebMetrics:
        """Make the metrics under their usual names in ``registry``."""
        return cls(
            Counter(
                "cloudstead_http_requests",
                "HTTP requests answered.",
                ("face", "operation", "status"),
                registry=registry,
            ),
            Histogram(
                "cloudstead_http_request_seconds",
                "Seconds from the request's head to the end of its answer.",
                ("face", "operation"),
                registry=registry,
            ),
        )

    def record(self, face: str, operation: str, *, status: int, seconds: float) -> None:
        """Count one answered request."""
        counter = self._counters.get((face, operation, status))
        if counter is None:
            counter = self._counters[face, operation, status] = self._requests.labels(face, operation, str(status))
        timer = self._timers.get((face, operation))
        if timer is None:
            timer = self._timers[face, operation] = self._seconds.labels(face, operation)
        counter.inc()
        timer.observe(seconds)
