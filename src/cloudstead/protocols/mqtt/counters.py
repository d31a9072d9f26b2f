"""What a broker counts; plain integers, read by whoever shows metrics."""


class Counters:
    """Totals since the broker was made; every dropped message is counted under the reason it was dropped for."""

    __slots__ = (
        "bytes_in",
        "bytes_out",
        "connects",
        "dropped_denied",
        "dropped_expired",
        "dropped_queue_full",
        "dropped_retained_full",
        "dropped_too_large",
        "dropped_unwritable",
        "held_bytes",
        "keep_alive_timeouts",
        "messages_in",
        "messages_out",
        "protocol_errors",
        "refusals",
        "sessions_dropped",
        "takeovers",
    )

    def __init__(self) -> None:
        self.bytes_in = 0
        self.bytes_out = 0
        self.messages_in = 0
        self.messages_out = 0
        self.connects = 0
        self.refusals = 0
        self.takeovers = 0
        self.sessions_dropped = 0  # offline ones that had to make room
        self.held_bytes = 0  # as of now: what waits for sessions, and what offline ones take themselves
        self.protocol_errors = 0
        self.keep_alive_timeouts = 0
        self.dropped_denied = 0
        self.dropped_expired = 0
        self.dropped_queue_full = 0
        self.dropped_retained_full = 0
        self.dropped_too_large = 0
        self.dropped_unwritable = 0
