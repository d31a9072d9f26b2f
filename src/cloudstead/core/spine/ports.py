"""What the spine needs from the rooms around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Any

    from cloudstead.core.ids import AccountId
    from cloudstead.core.spine.requests import ShadowRequest
    from cloudstead.core.unit import Unit


class FanOut(Protocol):
    """Delivers messages to whoever subscribed; called on the event loop for every update, so both calls are cheap."""

    def tell(self, account_id: AccountId, topics: Sequence[str], write: Callable[[], bytes], *, qos: int) -> None:
        """Deliver one message on each of the topics; ``write`` it only if anybody gets it. Never blocks.

        Raises what ``write`` raises and nothing else.
        """
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


class Follower(Protocol):
    """Makes something of every observation, exactly once, and stores it with the offset that it has come to.

    What it makes of an observation goes into the state store together with the shadows at the latest, so that its own
    offset is never behind their checkpoint. After a restart it is shown everything from the checkpoint on, and passes
    over what it has stored already.
    """

    @property
    def offset(self) -> int:
        """The offset up to which everything is stored, as of the start."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be stored that nothing should be added."""
        ...

    def observed(self, request: ShadowRequest, reported: Mapping[str, Any], whole: Mapping[str, Any], /) -> None:
        """Take note of what an accepted update reported; ``whole`` is all that is reported once it is merged.

        Called in the order of offsets, on the event loop, for every update: so it is cheap and does not block. Neither
        mapping is ever altered.
        """
        ...

    def turn(self) -> AbstractAsyncContextManager[Callable[[Unit], None]]:
        """Give what waits as work for a unit; its writes come one after another, so one may have to be waited for.

        When the context ends with an exception, everything waits again.
        """
        ...
