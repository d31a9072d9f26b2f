"""What the spine publishes, into the broker: the port ``core.spine.ports.FanOut``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.ids import AccountId
    from cloudstead.protocols.mqtt import Broker


class BrokerFanOut:
    """Delivers to the sessions of an account; the account's id is the name of its topic space."""

    __slots__ = ("_broker", "_monotonic", "_wake")

    def __init__(self, broker: Broker, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._broker = broker
        self._monotonic = monotonic
        self._wake: Callable[[], None] | None = None

    def when_output(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` whenever there is something to write to a client."""
        self._wake = wake

    def wants(self, account_id: AccountId, topic: str) -> bool:
        """Tell whether any session of the account would get a message on the topic."""
        return self._broker.wants(account_id, topic)

    def publish(self, account_id: AccountId, topic: str, payload: bytes, *, qos: int) -> None:
        """Deliver a message to the account's sessions."""
        went_to = self._broker.publish(account_id, topic, payload, qos=qos, now=self._monotonic())
        if went_to and self._wake is not None:
            self._wake()
