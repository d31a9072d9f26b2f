"""What the spine says about single things, for listeners in this process as well as for the broker's sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.core.ids import AccountId, ThingName
    from cloudstead.core.spine.ports import FanOut

    Listener = Callable[[str, bytes], None]

_THINGS: Final = "$aws/things/"


class WatchedFanOut:
    """Passes everything on, and lets listeners hear what is said on the shadow topics of the things they name.

    While nobody listens it costs a look into an empty table for each message.
    """

    __slots__ = ("_behind", "_listeners")

    def __init__(self, behind: FanOut) -> None:
        self._behind = behind
        self._listeners: dict[AccountId, dict[str, list[Listener]]] = {}

    def tell(self, account_id: AccountId, topics: Sequence[str], write: Callable[[], bytes], *, qos: int) -> None:
        """Deliver one message on each of the topics, the thing's own first; ``write`` it only if anybody gets it."""
        self._behind.tell(account_id, topics, write, qos=qos)
        if self._listeners:
            heard = self._who_hears(account_id, topics[0])
            if heard:
                payload = write()
                for listener in heard:
                    listener(topics[0], payload)

    def publish(self, account_id: AccountId, topic: str, payload: bytes, *, qos: int) -> None:
        """Deliver a message that is about no single thing."""
        self._behind.publish(account_id, topic, payload, qos=qos)

    def listen(self, account_id: AccountId, name: ThingName, listener: Listener) -> None:
        """Call ``listener`` with topic and payload of every message about the thing; it must not raise."""
        self._listeners.setdefault(account_id, {}).setdefault(name, []).append(listener)

    def unlisten(self, account_id: AccountId, name: ThingName, listener: Listener) -> None:
        """Stop what ``listen`` began."""
        things = self._listeners[account_id]
        things[name].remove(listener)
        if not things[name]:
            del things[name]
        if not things:
            del self._listeners[account_id]

    def _who_hears(self, account_id: AccountId, topic: str) -> Sequence[Listener]:
        things = self._listeners.get(account_id)
        if things is None or not topic.startswith(_THINGS):
            return ()
        return tuple(things.get(topic[len(_THINGS) :].partition("/")[0], ()))
