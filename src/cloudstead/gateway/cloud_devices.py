"""Devices of a device cloud: beside their shadows, the topics of their agent, and a share of what their cloud may send.

An agent says what it has to say below ``ioto/service/ID``, also by way of ``$aws/rules/NAME/``, which reaches AWS IoT
for less. Either is an update of the device's own shadow like any other: acknowledged when it is on disk, searched,
and followed by rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.clouds.agent_topics import AgentTopics, update_of
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.gateway.devices import DeviceRole
from cloudstead.protocols.mqtt import reasons

if TYPE_CHECKING:
    from cloudstead.core.clouds.gate import CloudStanding
    from cloudstead.core.clouds.quotas import Meter
    from cloudstead.core.spine.intake import Intake
    from cloudstead.core.things.directory import ThingEntry
    from cloudstead.gateway.counters import GatewayCounters
    from cloudstead.protocols.mqtt import Broker, Connection, PublishReceived, Will

_CLASSIC: Final = "$aws/things/"


class CloudDeviceRole(DeviceRole):
    """What a device of a cloud may do. While its cloud sends too much, nothing more is read from it."""

    __slots__ = ("_agent", "_meter")

    def __init__(
        self,
        thing: ThingEntry,
        connection: Connection,
        broker: Broker,
        intake: Intake,
        counters: GatewayCounters,
        *,
        standing: CloudStanding,
        meter: Meter | None,
        only_reads: bool = False,
    ) -> None:
        super().__init__(thing, connection, broker, intake, counters, only_reads=only_reads)
        self._agent = AgentTopics(thing.name, standing.number)
        self._meter = meter

    @property
    def is_behind(self) -> bool:  # type: ignore[override] # other devices never are, and it costs them nothing
        """Whether the cloud of the device has sent more than it may."""
        return self._meter is not None and not self._meter.may_go_on()

    def publish(self, event: PublishReceived, now: float) -> None:
        """Pass on what the device says to its shadow, or to the service."""
        if self._meter is not None:
            self._meter.note(len(event.payload))
        if event.topic.startswith(_CLASSIC):
            super().publish(event, now)
            return
        what = self._agent.said(event.topic)
        if what is None or not self.thing.is_live or self._only_reads:
            self._connection.deny(event, reasons.NOT_AUTHORIZED, now)
            return
        payload = update_of(what, event.payload)
        if payload is None:
            # Taken and passed over, as a rule of AWS IoT does with what it cannot read: closing the connection would
            # only have the device say it again.
            self._connection.acknowledge(event.packet_id)
            return
        self._intake.submit(
            ShadowRequest(
                self.thing,
                Verb.UPDATE,
                payload,
                principal=self.principal,
                origin=Origin.DEVICE,
                qos=event.qos,
                packet_id=event.packet_id,
                on_stored=self._on_stored,
                on_failed=self._on_failed,
            )
        )

    def may_hear(self, topic_filter: str) -> bool:
        """Tell whether the device may use this filter: its own, its account's, or everybody's of the cloud."""
        return super().may_hear(topic_filter) or self._agent.may_hear(topic_filter)

    def may_leave(self, will: Will) -> bool:
        """Tell whether the device may leave this will: below its own shadow, or to the service."""
        return super().may_leave(will) or self._agent.said(will.topic) is not None
