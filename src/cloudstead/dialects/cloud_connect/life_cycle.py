"""What happened to things and thing types, as messages (Cloud Connect 2.11, section 1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cloudstead.core.spine.topics import event_topic
from cloudstead.core.things.events import ThingChanged, ThingCreated, ThingRemoved
from cloudstead.core.thingtypes.events import ThingTypeChanged, ThingTypeCreated, ThingTypeRemoved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.core.clock import Clock
    from cloudstead.core.events import EventBus
    from cloudstead.core.ids import AccountId, DomainId
    from cloudstead.core.spine.ports import FanOut
    from cloudstead.core.things.model import Thing
    from cloudstead.core.thingtypes.model import ThingType

_CLASSIFICATION = "INTERNAL"
_QOS = 1


class LifeCycle:
    """Publishes one message for each event, to ``event/<domainPath>``.

    ``uses_printed_names`` tells of an account whether it wants THING.REMOVE and THING.UPDATE for thing types too, as
    sections 12.1.4 and 12.1.7 print them. Removing an attribute publishes nothing: section 12.1.5 lists no event.
    """

    def __init__(self, clock: Clock, fan_out: FanOut, *, uses_printed_names: Callable[[AccountId], bool]) -> None:
        self._clock = clock
        self._fan_out = fan_out
        self._uses_printed_names = uses_printed_names

    def listen(self, bus: EventBus) -> None:
        """Follow what happens to things and thing types."""
        bus.subscribe(ThingCreated, lambda event: self._thing("CREATE", "created", event.thing, event.path))
        bus.subscribe(ThingChanged, lambda event: self._thing("UPDATE", "updated", event.thing, event.path))
        bus.subscribe(ThingRemoved, lambda event: self._thing("REMOVE", "removed", event.thing, event.path))
        bus.subscribe(ThingTypeCreated, lambda event: self._type("CREATE", "created", event.thing_type, event.path))
        bus.subscribe(ThingTypeChanged, lambda event: self._type("UPDATE", "updated", event.thing_type, event.path))
        bus.subscribe(ThingTypeRemoved, lambda event: self._type("REMOVE", "removed", event.thing_type, event.path))

    def _thing(self, verb: str, what: str, thing: Thing, path: Sequence[DomainId]) -> None:
        self._publish(
            thing.account_id,
            path,
            kind=f"THING.{verb}",
            message=f"Thing with name: {thing.name} and label: {thing.label} {what}",
            source={"thingName": thing.name, "thingType": thing.thing_type, "domain": thing.domain_id},
        )

    def _type(self, verb: str, what: str, thing_type: ThingType, path: Sequence[DomainId]) -> None:
        is_printed_otherwise = verb != "CREATE" and self._uses_printed_names(thing_type.account_id)
        self._publish(
            thing_type.account_id,
            path,
            kind=f"THING.{verb}" if is_printed_otherwise else f"THING_TYPE.{verb}",
            message=f"Thingtype with id: {thing_type.id} and label: {thing_type.label} {what}",
            source={"thingType": thing_type.id, "domain": thing_type.domain_id},
        )

    def _publish(
        self, account_id: AccountId, path: Sequence[DomainId], *, kind: str, message: str, source: dict[str, Any]
    ) -> None:
        document = {
            "timestamp": self._clock.millis(),
            "message": message,
            "classification": _CLASSIFICATION,
            "type": kind,
            "source": source,
        }
        self._fan_out.publish(account_id, event_topic(path), msgspec.json.encode(document), qos=_QOS)
