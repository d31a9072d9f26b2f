"""Devices that call the IoT data plane over HTTPS, known by the certificate of their connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.credentials.authority import fingerprint
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.errors import ShadowUnavailable, TopicForbidden
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.core.trustedcertificates.admission import Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.core.clouds.quotas import Meter
    from cloudstead.core.ids import AccountId, ThingName
    from cloudstead.core.spine.requests import Answer
    from cloudstead.core.spine.spine import Spine
    from cloudstead.core.things.directory import ThingEntry
    from cloudstead.gateway.devices import DeviceDoor


class RestDevices:
    """Opens the same door as the gateway does for MQTT."""

    def __init__(self, door: DeviceDoor, spine: Spine) -> None:
        self._door = door
        self._spine = spine

    async def of_certificate(self, der: bytes, sent: Callable[[], Sequence[bytes] | None]) -> RestDevice:
        """Return whose certificate it is; raise ``CredentialRefused`` or ``CredentialExpired``."""
        certificate_id = fingerprint(der)
        device = await self._door.open(certificate_id, lambda: Shown(certificate_id, der, sent()))
        return RestDevice(device.thing, self._spine, only_reads=device.only_reads, meter=device.meter)


class RestDevice:
    """One device, for the length of one call."""

    def __init__(
        self, thing: ThingEntry, spine: Spine, *, only_reads: bool = False, meter: Meter | None = None
    ) -> None:
        """``meter`` is that of the device cloud that the device belongs to, where that has a limit."""
        self._meter = meter
        self._thing = thing
        self._spine = spine
        self._only_reads = only_reads

    @property
    def name(self) -> ThingName:
        """The name of the thing."""
        return self._thing.name

    @property
    def account_id(self) -> AccountId:
        """The account of the thing."""
        return self._thing.account_id

    @property
    def principal(self) -> str:
        """Who acts, as logs and the history say it."""
        return f"thing:{self.name}"

    async def get(self, payload: bytes) -> Answer:
        """Return the accepted document of a get; raise ``ShadowRejected``."""
        return await self._ask(Verb.GET, payload)

    async def update(self, payload: bytes) -> Answer:
        """Change the shadow and return the accepted document; raise ``ShadowRejected``."""
        return await self._ask(Verb.UPDATE, payload)

    async def delete(self, payload: bytes) -> Answer:
        """Remove the shadow and return the accepted document; raise ``ShadowRejected``."""
        return await self._ask(Verb.DELETE, payload)

    async def publish(self, topic: str, payload: bytes, *, qos: int) -> None:
        """Publish a shadow request as over MQTT: what the shadow service says to it comes as a message, not here."""
        verb = self._thing.topics.requests.get(topic)
        if verb is None or self._may_not(verb):
            raise TopicForbidden(topic)
        self._count(payload)
        await self._spine.send(
            ShadowRequest(self._thing, verb, payload, principal=self.principal, origin=Origin.DEVICE, qos=qos)
        )

    def _count(self, payload: bytes) -> None:
        """Count a message; raise ``ShadowUnavailable`` while the device's cloud has sent more than it may."""
        if self._meter is not None:
            if not self._meter.may_go_on():
                raise ShadowUnavailable
            self._meter.note(len(payload))

    def _may_not(self, verb: Verb) -> bool:
        return self._only_reads and verb is not Verb.GET

    async def _ask(self, verb: Verb, payload: bytes) -> Answer:
        if self._may_not(verb):
            raise AccountNotUsable(AccountStatus.RESTRICTED)
        self._count(payload)
        return await self._spine.ask(self._thing, verb, payload, principal=self.principal)
