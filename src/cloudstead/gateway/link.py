"""One network connection of an MQTT client: bytes between its transport and its protocol state."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol, cast

from cloudstead.core.credentials.authority import fingerprint
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.trustedcertificates.admission import Shown
from cloudstead.gateway.tls import certificates_shown
from cloudstead.protocols.mqtt import ConnectRequested, PublishReceived, SubscribeRequested, reasons

if TYPE_CHECKING:
    import ssl

    from cloudstead.core.caller import Caller
    from cloudstead.core.ids import CertificateId
    from cloudstead.gateway.pump import Pump
    from cloudstead.protocols.mqtt import Connection, WillDue

# Beyond this much unsent output the broker holds back; enough for a busy dashboard not to stop and go all the time.
_HIGH_WATER_BYTES: Final = 256 * 1024
_LOW_WATER_BYTES: Final = 64 * 1024


class Role(Protocol):
    """What a client that was let in may do: a device's, or a person's."""

    @property
    def principal(self) -> str:
        """Who acts, as logs and the audit trail say it."""
        ...

    @property
    def is_behind(self) -> bool:
        """Whether so much of what was read waits to be decided that reading should stop."""
        ...

    def publish(self, event: PublishReceived, now: float) -> None:
        """Take or deny a message."""
        ...

    def subscribe(self, event: SubscribeRequested, now: float) -> None:
        """Grant or refuse filters."""
        ...

    def leave(self, will: WillDue, now: float) -> None:
        """Do what a will that is due asks for."""
        ...


class Reception(Protocol):
    """Whoever lets links in."""

    def arrived(self, link: Link) -> None:
        """Take note of a new network connection."""
        ...

    def asked(self, link: Link, request: ConnectRequested) -> None:
        """Decide on a CONNECT, at once or later."""
        ...

    def left(self, link: Link) -> None:
        """Take note that the network connection is gone."""
        ...


class StreamTransport(Protocol):
    """What a link needs of a transport: asyncio's, or a WebSocket dressed as one."""

    def write(self, data: bytes) -> None:
        """Send, or buffer."""
        ...

    def pause_reading(self) -> None:
        """Hand over no more bytes."""
        ...

    def resume_reading(self) -> None:
        """Go on handing over bytes."""
        ...

    def is_closing(self) -> bool:
        """Tell whether the end has begun."""
        ...

    def close(self) -> None:
        """Send what is buffered, then end."""
        ...

    def abort(self) -> None:
        """End at once."""
        ...


class Link(asyncio.Protocol):
    """Feeds what it receives to its ``connection`` and passes on what that tells."""

    __slots__ = (
        "_pump",
        "_reception",
        "_transport",
        "caller",
        "certificate_id",
        "connection",
        "is_ending",
        "is_held",
        "keys",
        "role",
        "source_address",
        "was_cut",
    )

    def __init__(
        self, reception: Reception, pump: Pump, *, caller: Caller | None = None, source_address: str | None = None
    ) -> None:
        """``caller`` is who opened the network connection, where that is known before MQTT begins."""
        self._reception = reception
        self._pump = pump
        self._transport: StreamTransport | None = None
        self.connection: Connection  # from ``attach`` on: a failed handshake leaves no trace in the broker
        self.caller = caller
        self.certificate_id: CertificateId | None = None
        self.role: Role | None = None
        self.keys: tuple[str, ...] = ()
        self.source_address = source_address
        self.is_held = False
        self.is_ending = False
        self.was_cut = False

    @property
    def may_go_on(self) -> bool:
        """Whether more bytes of this client are welcome."""
        role = self.role
        return self.connection.wants_read and (role is None or not role.is_behind)

    @property
    def is_ready(self) -> bool:
        """Whether packets that were read already may be parsed now."""
        role = self.role
        return self.connection.pending_input and (role is None or not role.is_behind)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin on a TCP or TLS transport."""
        stream = cast("asyncio.Transport", transport)
        stream.set_write_buffer_limits(high=_HIGH_WATER_BYTES, low=_LOW_WATER_BYTES)
        peer = stream.get_extra_info("peername")
        self.source_address = peer[0] if isinstance(peer, tuple) else None
        tls: ssl.SSLObject | None = stream.get_extra_info("ssl_object")
        certificate = None if tls is None else tls.getpeercert(binary_form=True)
        if certificate is not None:
            self.certificate_id = fingerprint(certificate)
        self.attach(stream)

    def attach(self, transport: StreamTransport) -> None:
        """Begin on any transport."""
        self.connection = self._pump.broker.open(now=self._pump.monotonic())
        self.connection.owner = self
        self._transport = transport
        self._reception.arrived(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the network."""
        self.take(data, self._pump.monotonic())

    def connection_lost(self, exc: Exception | None) -> None:
        """End: with or without an error, what the client had is gone."""
        del exc
        self._transport = None
        self._pump.forget(self)
        self.connection.lost(self._pump.monotonic())
        self._reception.left(self)
        self._pump.wake()

    def pause_writing(self) -> None:
        """Hold messages back: the client does not take what it is sent."""
        self.connection.set_writable(False, self._pump.monotonic())

    def resume_writing(self) -> None:
        """Go on sending."""
        self.connection.set_writable(True, self._pump.monotonic())
        self._pump.wake()

    # For the pump and the gateway

    def shown(self) -> Shown:
        """Return what a device showed in the handshake; raise ``CredentialRefused`` when it is gone already."""
        stream = cast("asyncio.Transport | None", self._transport)
        tls: ssl.SSLObject | None = None if stream is None else stream.get_extra_info("ssl_object")
        certificate = None if tls is None else tls.getpeercert(binary_form=True)
        if tls is None or certificate is None:
            raise CredentialRefused("The connection is gone.")
        return Shown(fingerprint(certificate), certificate, certificates_shown(tls))

    def take(self, data: bytes, now: float) -> None:
        """Parse a fair share of what is there, and act on it."""
        connection = self.connection
        role = self.role
        for event in connection.receive(data, now):
            if role is None:
                if isinstance(event, ConnectRequested):
                    self._reception.asked(self, event)
            elif isinstance(event, PublishReceived):
                role.publish(event, now)
            elif isinstance(event, SubscribeRequested):
                role.subscribe(event, now)
        self._pump.took(self)

    def hold(self) -> None:
        """Stop reading from the network."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read from the network again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def flush(self) -> None:
        """Write everything that has gathered, in one piece; then end, if it is over."""
        output = self.connection.take_output()
        transport = self._transport
        if transport is None or self.is_ending:
            return
        if output:
            transport.write(output)
        if self.connection.closing:
            self.is_ending = True
            self._pump.see_off(self)
            transport.close()

    def abort(self) -> None:
        """End at once, whatever the client has not taken yet."""
        if self._transport is not None:
            self._transport.abort()

    def cut(self, detail: str) -> None:
        """End the connection because its right to be there has gone."""
        self.was_cut = True
        self.connection.close(reasons.ADMINISTRATIVE_ACTION, detail, self._pump.monotonic())
        self._pump.wake()
