"""What can go wrong on the spine."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError


class TopicForbidden(CloudsteadError):
    """The topic is none of the caller's; a broker ends the connection for that."""

    code = "topic_forbidden"

    def __init__(self, topic: str) -> None:
        super().__init__("The topic is outside of what the caller may use.")
        self.topic = topic


class LogBehindStore(CloudsteadError):
    """The log ends before what a store made of it: the log was lost, or belongs to another installation.

    New records would be taken for ones that the store has already.
    """

    code = "log_behind_store"

    def __init__(self, last_offset: int, held_offset: int, *, store: str) -> None:
        super().__init__(
            f"The log ends at offset {last_offset}, but the {store} store holds everything up to {held_offset}. "
            "Restore the log folder that belongs to this store."
        )
        self.last_offset = last_offset
        self.held_offset = held_offset
        self.store = store


class ShadowUnavailable(CloudsteadError):
    """A request could not be taken or stored; nothing was changed."""

    code = "shadow_unavailable"

    def __init__(self) -> None:
        super().__init__("The request could not be stored.")
