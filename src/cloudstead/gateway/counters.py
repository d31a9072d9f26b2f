"""What the gateway counts; plain integers, read by whoever shows metrics."""

from __future__ import annotations


class GatewayCounters:
    """Totals since the process began; what the broker counts stands in its own counters."""

    __slots__ = (
        "aborted",
        "accept_failures",
        "accepted",
        "credentials_refused",
        "cut",
        "handshakes_failed",
        "invalid_topics",
        "not_stored",
        "paused",
        "turned_away",
        "wills",
        "wills_void",
    )

    def __init__(self) -> None:
        self.accepted = 0  # network connections, after TLS where there is TLS
        self.turned_away = 0  # because there were too many connections already
        self.accept_failures = 0
        self.handshakes_failed = 0
        self.credentials_refused = 0
        self.invalid_topics = 0  # publishes on thing-update topics at which there is no such thing
        self.not_stored = 0  # requests that the log could not take
        self.paused = 0  # times that a link was not read for a while
        self.wills = 0
        self.wills_void = 0  # left by somebody who has lost the right to publish there
        self.cut = 0  # connections ended because somebody lost the right to them
        self.aborted = 0  # connections whose client did not take the last bytes in time

    def snapshot(self) -> dict[str, int]:
        """Return everything by name."""
        return {name: getattr(self, name) for name in self.__slots__}
