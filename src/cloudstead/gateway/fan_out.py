"""What the spine publishes, into the broker: the port ``core.spine.ports.FanOut``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.core.ids import AccountId
    from cloudstead.protocols.mqtt import Broker


class Writer(Protocol):
    """Whoever writes to clients at the end of a turn of the loop, once it is awake."""

    is_awake: bool

    def wake(self) -> None:
        """Have everything written at the end of this turn."""
        ...


class BrokerFanOut:
    """Delivers to the sessions of an account; the account's id is the name of its topic space."""

    __slots__ = ("_broker", "_writer", "told")

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._writer: Writer | None = None
        self.told = 0  # messages about things that somebody has heard

    def write_through(self, writer: Writer) -> None:
        """Wake ``writer`` whenever there is something to write to a client."""
        self._writer = writer

    def tell(self, account_id: AccountId, topics: Sequence[str], write: Callable[[], bytes], *, qos: int) -> None:
        """Deliver a message on each of the topics to the account's sessions; ``write`` it only if one gets it."""
        if self._broker.tell(account_id, topics, write, qos=qos):
            self.told += 1
            writer = self._writer
            if writer is not None and not writer.is_awake:
                writer.wake()

    def publish(self, account_id: AccountId, topic: str, payload: bytes, *, qos: int) -> None:
        """Deliver a message to the account's sessions."""
        broker = self._broker
        # These messages never expire, so the time of the last input is good enough.
        if broker.publish(account_id, topic, payload, qos=qos, now=broker.now):
            writer = self._writer
            if writer is not None and not writer.is_awake:
                writer.wake()
