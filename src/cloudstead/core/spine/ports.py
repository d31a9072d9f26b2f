"""What the spine needs from the rooms around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.ids import AccountId
    from cloudstead.core.spine.requests import ShadowRequest


class FanOut(Protocol):
    """Delivers messages to whoever subscribed; called on the event loop for every update, so both calls are cheap."""

    def wants(self, account_id: AccountId, topic: str) -> bool:
        """Tell whether anybody at all would get a message on the topic."""
        ...

    def publish(self, account_id: AccountId, topic: str, payload: bytes, *, qos: int) -> None:
        """Deliver a message to the topic's subscribers; never blocks, never raises."""
        ...


class LogWriter(Protocol):
    """Writes records in batches; see ``cloudstead.log.writer.GroupCommitWriter``."""

    @property
    def depth(self) -> int:
        """How many records were submitted and are not yet on disk."""
        ...

    @property
    def depth_bytes(self) -> int:
        """How many bytes these records have."""
        ...

    def submit(self, entry: ShadowRequest, payload: bytes, /) -> None:
        """Queue one record; never blocks."""
        ...

    def close(self) -> None:
        """Write what was submitted, tell it, and end."""
        ...


class LogReader(Protocol):
    """Reads records back; see ``cloudstead.log``."""

    @property
    def next_offset(self) -> int:
        """The offset that the next record will get."""
        ...

    def read(self, offset: int, *, max_records: int, max_bytes: int) -> Sequence[tuple[int, bytes]]:
        """Return records from ``offset`` on, at most so many, at least one when there is one."""
        ...
