"""The MQTT gateway: who is let in as what, revocation, and the end."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused
from cloudstead.core.spine.topics import own_topics
from cloudstead.core.things.events import ThingRemoved
from cloudstead.gateway.acceptor import Acceptor
from cloudstead.gateway.cloud_devices import CloudDeviceRole
from cloudstead.gateway.counters import GatewayCounters
from cloudstead.gateway.devices import PROFILES, DeviceRole, holder_of_thing
from cloudstead.gateway.link import Link
from cloudstead.gateway.people import PersonRole
from cloudstead.gateway.pump import Pump
from cloudstead.gateway.revocation import Revocations
from cloudstead.protocols.mqtt import reasons

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Coroutine
    from typing import Any

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.caller import Caller
    from cloudstead.core.events import EventBus
    from cloudstead.core.ids import CertificateId
    from cloudstead.core.spine.spine import Spine
    from cloudstead.gateway.devices import DeviceDoor
    from cloudstead.gateway.fan_out import BrokerFanOut
    from cloudstead.gateway.link import StreamTransport
    from cloudstead.gateway.listener import GatewayListener
    from cloudstead.gateway.people import PeopleDoor
    from cloudstead.protocols.mqtt import Broker, ConnectRequested, Profile

_DRAIN_S: Final = 5.0  # for what was received before the end to reach the disk
_GOOD_BYE_S: Final = 2.0  # for clients to take their last bytes


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """Bounds that keep a storm of clients from drowning those who are in."""

    connections: int = 20_000
    accepts_per_turn: int = 32


class MqttGateway:
    """Serves MQTT on TLS for devices, and on plain sockets and WebSockets for people."""

    def __init__(
        self,
        *,
        broker: Broker,
        fan_out: BrokerFanOut,
        spine: Spine,
        devices: DeviceDoor,
        people: PeopleDoor,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        report: Callable[[str, Exception], None],
        limits: GatewayLimits | None = None,
        listener: GatewayListener | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Needs a running event loop.

        ``spawn`` starts tasks that the application watches; ``report`` is told of failures that end one connection, and
        ``listener`` of who comes and goes.
        """
        self._broker = broker
        self._spine = spine
        self._devices = devices
        self._people = people
        self._spawn = spawn
        self._report = report
        self._limits = limits or GatewayLimits()
        self._listener = listener
        self._counters = GatewayCounters()
        self._links: set[Link] = set()
        self._acceptors: list[Acceptor] = []
        self._revocations = Revocations(self._counters)
        self._is_stopping = False
        self._moved = asyncio.Event()  # something happened that the end may wait for
        self.pump = Pump(broker, self._counters, is_full=self._is_closed_for_input, monotonic=monotonic)
        fan_out.write_through(self.pump)
        # After a batch there are acknowledgements to write and perhaps room again.
        spine.intake.when_room(self._committed)
        spine.applier.when_applied(self.pump.wake)
        self.pump.start()

    def listen(self, bus: EventBus) -> None:
        """Follow what is withdrawn and what changes, for the connections that are open."""
        self._revocations.listen(bus)
        # Behind these: who is connected as the thing has left by then.
        bus.subscribe(ThingRemoved, self._thing_removed)

    async def listen_tls(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        """Serve devices on a listening socket; ``context`` has to ask for certificates of our authority."""
        self._serve(sock, context)

    async def listen_plain(self, sock: socket.socket) -> None:
        """Serve people on a listening socket without TLS: user name ``token``, password an ID token or API key."""
        self._serve(sock, None)

    def attach(self, transport: StreamTransport, *, caller: Caller | None, source_address: str | None) -> Link | None:
        """Serve a person on a transport that is open already; ``None`` when there is no room.

        Without a ``caller`` the CONNECT has to carry a token. The transport hands over what it receives through the
        link's ``data_received`` and ends with its ``connection_lost``.
        """
        if self._is_full():
            self._counters.turned_away += 1
            return None
        link = Link(self, self.pump, caller=caller, source_address=source_address)
        link.attach(transport)
        return link

    async def stop(self) -> None:
        """Take no more connections, let what was received reach the disk, tell everybody good-bye, and end."""
        self._is_stopping = True
        for acceptor in self._acceptors:
            await acceptor.stop()
        for link in self._links:
            link.hold()
        await self._until(lambda: self._spine.intake.is_idle, _DRAIN_S)
        # Nobody is left to hear wills, and clients that come back will leave new ones.
        self.pump.keeps_wills = False
        now = self.pump.monotonic()
        for link in list(self._links):
            link.connection.close(reasons.SERVER_SHUTTING_DOWN, "the server is shutting down", now)
        self.pump.flush()
        await self._until(lambda: not self._links, _GOOD_BYE_S)
        for link in list(self._links):
            link.abort()
        await self._until(lambda: not self._links, _GOOD_BYE_S)
        self.pump.stop()

    def counters(self) -> dict[str, int]:
        """Return everything that is counted, and how much there is now, by name."""
        broker = self._broker
        counted = broker.counters
        return {
            "connections": len(self._links),
            "devices": self._revocations.devices,
            "people": self._revocations.people,
            "held": self.pump.held_count,
            "sessions": broker.session_count,
            "retained": broker.retained_count,
            **self._counters.snapshot(),
            **{name: getattr(counted, name) for name in counted.__slots__},
        }

    # Reception

    def arrived(self, link: Link) -> None:
        """Count a new network connection."""
        self._counters.accepted += 1
        self._links.add(link)

    def asked(self, link: Link, request: ConnectRequested) -> None:
        """Find out who is there."""
        self._spawn(self._admit(link, request))

    def left(self, link: Link) -> None:
        """Forget a network connection."""
        self._links.discard(link)
        self._revocations.let_go(link)
        self._moved.set()
        if self._listener is not None:
            _tell_end(self._listener, link)

    async def _admit(self, link: Link, request: ConnectRequested) -> None:
        connection = link.connection
        try:
            if self._is_stopping:
                connection.refuse(reasons.SERVER_SHUTTING_DOWN, "the server is shutting down", self.pump.monotonic())
            elif link.certificate_id is not None:
                await self._admit_device(link, request, link.certificate_id)
            else:
                await self._admit_person(link, request)
        except (CredentialRefused, CredentialExpired) as error:
            self._counters.credentials_refused += 1
            connection.refuse(reasons.NOT_AUTHORIZED, str(error), self.pump.monotonic())
        except Exception as error:  # noqa: BLE001 - the connection's edge: reported, and the client may come again
            self._report("admission of an MQTT client", error)
            connection.refuse(reasons.SERVER_UNAVAILABLE, "try again later", self.pump.monotonic())
        finally:
            self.pump.took(link)
            self.pump.wake()

    async def _admit_device(self, link: Link, request: ConnectRequested, certificate_id: CertificateId) -> None:
        device = await self._revocations.settled(partial(self._devices.open, certificate_id, link.shown))
        room = (device.thing, link.connection, self._broker, self._spine.intake, self._counters)
        if device.standing is None:
            role = DeviceRole(*room, only_reads=device.only_reads)
        else:
            role = CloudDeviceRole(*room, standing=device.standing, meter=device.meter, only_reads=device.only_reads)
        if request.will is not None and not role.may_leave(request.will):
            raise CredentialRefused("The will is outside of the thing's own shadow.")
        self._let_in(link, role, device.profile, space=device.thing.account_id)
        if link.role is not None:
            self._revocations.hold_device(link, role, certificate_id, trusted_id=device.trusted_id)

    async def _admit_person(self, link: Link, request: ConnectRequested) -> None:
        role, account = await self._revocations.settled(partial(self._recognise, link, request))
        self._let_in(link, role, PROFILES[account.mqtt_profile], space=account.id)
        if link.role is not None:
            self._revocations.hold_person(link, role, parent_id=account.parent_id)

    async def _recognise(self, link: Link, request: ConnectRequested) -> tuple[PersonRole, Account]:
        if link.caller is None:
            caller = (await self._people.of_password(request.password)).seen_from(link.source_address)
        else:
            caller = await self._people.still(link.caller)
        role = PersonRole(
            caller,
            link,
            self.pump,
            door=self._people,
            intake=self._spine.intake,
            counters=self._counters,
            spawn=self._spawn,
            report=self._report,
        )
        if request.will is not None and not await role.may_leave(request.will):
            raise CredentialRefused("The will is outside of what the caller may publish.")
        await role.learn()
        return role, await self._people.account(caller.account_id)

    def _let_in(self, link: Link, role: DeviceRole | PersonRole, profile: Profile, *, space: str) -> None:
        is_in = link.connection.accept(
            space=space, profile=profile, holder=role.holder, may_hear=role.may_hear, now=self.pump.monotonic()
        )
        if is_in:
            link.role = role
            link.caller = None
            if self._listener is not None:
                self._listener.connected(role, space=space, source_address=link.source_address)

    def _serve(self, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        acceptor = Acceptor(
            sock,
            tls=context,
            make_link=partial(Link, self, self.pump),
            is_full=self._is_full,
            per_turn=self._limits.accepts_per_turn,
            counters=self._counters,
            spawn=self._spawn,
            report=self._report,
            refused=self._not_greeted,
        )
        self._acceptors.append(acceptor)
        acceptor.start()

    def _not_greeted(self, reason: str, source_address: str) -> None:
        if self._listener is not None:
            self._listener.refused(reason=reason, code=reasons.NOT_AUTHORIZED, source_address=source_address)

    def _thing_removed(self, event: ThingRemoved) -> None:
        """Forget all that was left for a thing that is gone: a later namesake is another thing."""
        thing = event.thing
        self._broker.forget_holder(thing.account_id, holder_of_thing(thing.uid))
        self._broker.forget_retained(thing.account_id, own_topics(thing.name))

    def _committed(self) -> None:
        self._moved.set()
        self.pump.wake()

    def _is_closed_for_input(self) -> bool:
        return self._is_stopping or self._spine.is_full

    def _is_full(self) -> bool:
        return self._is_stopping or len(self._links) >= self._limits.connections

    async def _until(self, is_so: Callable[[], bool], seconds: float) -> None:
        """Wait until something is so, but no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not is_so():
                    self._moved.clear()
                    await self._moved.wait()


def _tell_end(listener: GatewayListener, link: Link) -> None:
    connection, role = link.connection, link.role
    reason, code = connection.close_detail, connection.close_code
    if role is None:
        listener.refused(reason=reason, code=code, source_address=link.source_address)
    else:
        listener.left(role, reason=reason, code=code)
