"""Devices: known by their certificates, each with the shadow topics of its own thing and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cloudstead.core.accounts.model import AccountStatus, MqttProfile
from cloudstead.core.clouds.gate import CloudGate
from cloudstead.core.credentials.errors import CertificateUnknown, CredentialRefused
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.core.spine.topics import device_may_subscribe
from cloudstead.protocols.mqtt import AWS_2017, STANDARD, reasons

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.gate import CloudStanding
    from cloudstead.core.clouds.quotas import Meter
    from cloudstead.core.credentials.certificates import Certificates
    from cloudstead.core.ids import AccountId, CertificateId, ThingUid, TrustedCertificateId
    from cloudstead.core.spine.intake import Intake
    from cloudstead.core.things.directory import ThingDirectory, ThingEntry
    from cloudstead.core.trustedcertificates.admission import Admission, Found, Shown
    from cloudstead.core.unit import Database, Unit
    from cloudstead.gateway.counters import GatewayCounters
    from cloudstead.protocols.mqtt import (
        Broker,
        Connection,
        Profile,
        PublishReceived,
        SubscribeRequested,
        Will,
        WillDue,
    )

PROFILES: Final = MappingProxyType({MqttProfile.AWS_2017: AWS_2017, MqttProfile.STANDARD: STANDARD})


def holder_of_thing(uid: ThingUid) -> str:
    """Return to whom the sessions of a thing belong: by its uid, so that a later namesake inherits nothing."""
    return f"thing:{uid}"


@dataclass(frozen=True, slots=True)
class Device:
    """A thing whose certificate opened the door, and the limits of its account.

    ``trusted_id`` names the trusted certificate that vouches for it; ``None`` for a certificate of our own.
    """

    thing: ThingEntry
    profile: Profile
    trusted_id: TrustedCertificateId | None = None
    only_reads: bool = False  # its account is restricted
    standing: CloudStanding | None = None  # the device cloud that it belongs to
    meter: Meter | None = None  # where that has a limit


class DeviceDoor:
    """Opens for certificates that are in force, of things that exist, in accounts that are open."""

    def __init__(
        self,
        certificates: Certificates,
        admission: Admission,
        *,
        directory: ThingDirectory,
        database: Database,
        clock: Clock,
        clouds: CloudGate | None = None,
    ) -> None:
        self._clouds = clouds or CloudGate()
        self._certificates = certificates
        self._admission = admission
        self._directory = directory
        self._database = database
        self._clock = clock

    async def open(self, certificate_id: CertificateId, shown: Callable[[], Shown]) -> Device:
        """Return whose certificate it is; raise ``CredentialRefused`` or ``CredentialExpired``.

        Asked at every CONNECT: a TLS session may be resumed long after its certificate was revoked. ``shown`` is asked
        only for certificates that are not our own; a device that a trusted certificate enrols becomes a thing here.
        """

        def read(unit: Unit) -> tuple[ThingUid, Account, CloudStanding | None]:
            found = self._certificates.recognise(unit, certificate_id, now_ms=self._clock.millis())
            account = _open_account(unit, found.account_id)
            return found.thing_uid, account, self._clouds.standing(unit, account)

        try:
            uid, account, standing = await self._database.read(read)
        except CertificateUnknown:
            return await self._open_vouched(shown())
        return self._placed(_device(await self._thing(uid), account), standing)

    async def _open_vouched(self, shown: Shown) -> Device:
        def read(unit: Unit) -> tuple[Found, Account, CloudStanding | None]:
            found = self._admission.find(unit, shown)
            account = _open_account(unit, found.trusted.account_id)
            return found, account, self._clouds.standing(unit, account)

        def write(unit: Unit) -> tuple[Found, Account]:
            found = self._admission.register(unit, shown)
            account = _open_account(unit, found.trusted.account_id)
            if account.status is AccountStatus.RESTRICTED:
                raise CredentialRefused("The account is restricted.")
            return found, account

        found, account, standing = await self._database.read(read)
        if found.thing_uid is None:
            found, account = await self._database.write(write)
        if found.thing_uid is None:
            raise LookupError("a device that was registered has a thing")
        device = _device(await self._thing(found.thing_uid), account, trusted_id=found.trusted.id)
        return self._placed(device, standing)

    def _placed(self, device: Device, standing: CloudStanding | None) -> Device:
        """Return a device with the cloud that it belongs to, if any."""
        if standing is None:
            return device
        return replace(device, standing=standing, meter=self._clouds.meter(standing))

    async def _thing(self, uid: ThingUid) -> ThingEntry:
        thing = (await self._directory.load((uid,))).get(uid)
        if thing is None:
            raise CredentialRefused("The thing is gone.")
        return thing


def _open_account(unit: Unit, account_id: AccountId) -> Account:
    account = unit.accounts.get(account_id)
    if account is None or not account.is_usable:
        raise CredentialRefused("The account is not open.")
    return account


def _device(thing: ThingEntry, account: Account, *, trusted_id: TrustedCertificateId | None = None) -> Device:
    only_reads = account.status is AccountStatus.RESTRICTED
    return Device(thing, PROFILES[account.mqtt_profile], trusted_id, only_reads)


class DeviceRole:
    """What a device may do. Decides everything at once: nothing of it needs storage."""

    __slots__ = ("_broker", "_connection", "_counters", "_intake", "_only_reads", "holder", "principal", "thing")

    is_behind: bool = False  # where somebody may be, a property says when

    def __init__(
        self,
        thing: ThingEntry,
        connection: Connection,
        broker: Broker,
        intake: Intake,
        counters: GatewayCounters,
        *,
        only_reads: bool = False,
    ) -> None:
        self.thing = thing
        self.principal = f"thing:{thing.name}"
        self.holder = holder_of_thing(thing.uid)
        self._connection = connection
        self._broker = broker
        self._intake = intake
        self._counters = counters
        self._only_reads = only_reads

    def publish(self, event: PublishReceived, now: float) -> None:
        """Pass a shadow request on; it is acknowledged when it is on disk. Deny any other topic.

        The retain flag is not kept: a request that is handed out again later would say what is no longer asked.
        """
        thing = self.thing
        verb = thing.topics.requests.get(event.topic)
        if verb is None or not thing.is_live or (self._only_reads and verb is not Verb.GET):
            self._connection.deny(event, reasons.NOT_AUTHORIZED, now)
            return
        self._intake.submit(
            ShadowRequest(
                thing,
                verb,
                event.payload,
                principal=self.principal,
                origin=Origin.DEVICE,
                qos=event.qos,
                packet_id=event.packet_id,
                on_stored=self._on_stored,
                on_failed=self._on_failed,
            )
        )

    def subscribe(self, event: SubscribeRequested, now: float) -> None:
        """Grant filters below the thing's own shadow."""
        codes = [
            each.qos if self.may_hear(each.topic_filter) else reasons.NOT_AUTHORIZED for each in event.subscriptions
        ]
        self._connection.grant(event.packet_id, codes, now)

    def may_hear(self, topic_filter: str) -> bool:
        """Tell whether the device may use this filter."""
        return device_may_subscribe(topic_filter, self.thing.topics)

    def may_leave(self, will: Will) -> bool:
        """Tell whether the device may leave this will: only below its own shadow."""
        return will.topic.startswith(self.thing.topics.prefix)

    def leave(self, will: WillDue, now: float) -> None:
        """Deliver a will as a message; the shadow service does not act on it (AWS IoT, "MQTT", last will)."""
        if self.thing.is_live:
            self._broker.publish(
                will.space,
                will.topic,
                will.payload,
                qos=will.qos,
                retain=will.retain,
                properties=will.properties,
                now=now,
            )

    def _on_stored(self, request: ShadowRequest) -> None:
        self._connection.acknowledge(request.packet_id)

    def _on_failed(self, request: ShadowRequest, error: Exception) -> None:
        # The intake keeps the error for operators; for the device, silence and a closed door mean "send it again".
        del request, error
        self._counters.not_stored += 1
        self._connection.close(reasons.UNSPECIFIED, "the message could not be stored", self._broker.now)
