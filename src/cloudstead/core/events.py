"""Events inside the process: features tell what happened, those above them listen."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

E = TypeVar("E")


class EventBus:
    """Calls the listeners of an event's class, in the order in which they subscribed, on the event loop's thread.

    A listener must neither block nor raise; what takes time, it puts into its own queue. What one raises all the same
    is told to ``report``: the change is made, and the others (who may have to cut connections) have to hear of it.
    """

    def __init__(self, report: Callable[[str, Exception], None]) -> None:
        self._report = report
        self._listeners: dict[type, list[Callable[[Any], None]]] = defaultdict(list)

    def subscribe(self, kind: type[E], listener: Callable[[E], None]) -> None:
        """Call ``listener`` for every event that is exactly of class ``kind``."""
        self._listeners[kind].append(listener)

    def publish(self, event: object) -> None:
        """Call the listeners of ``event``."""
        for listener in self._listeners.get(type(event), ()):
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001 - a defect of one listener is no reason to leave out the others
                self._report(f"telling of {type(event).__name__}", error)
