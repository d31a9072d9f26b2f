"""Where clients find the listeners, and under which name."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from cloudstead.app.addresses import Address
from cloudstead.app.faces import Addresses
from cloudstead.app.settings import PublicSettings

if TYPE_CHECKING:
    import socket

    from cloudstead.app.settings import Settings


def addresses_of(settings: Settings, sockets: dict[str, socket.socket | None]) -> Addresses:
    """Say where clients find the listeners: under our host name if one was given, or where they listen everywhere."""
    places = {name: None if sock is None else _place(settings, sock) for name, sock in sockets.items()}
    https, http, thing_event = places["https"], places["http"], places["thing_event"]
    return Addresses(
        http=None if http is None else f"http://{http}",
        https=None if https is None else f"https://{https}",
        mqtts=places["mqtts"],
        thing_event=None if thing_event is None else f"https://{thing_event}",
        iot_host=https or http or "",
    )


def local_place(sock: socket.socket) -> str:
    """Return where this very machine finds a listener, whatever the names of the world outside lead to."""
    host, port = sock.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return str(Address(host, port))


def _place(settings: Settings, sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    own = settings.public.hostname
    if own != PublicSettings().hostname or ipaddress.ip_address(host).is_unspecified:
        host = own
    return str(Address(host, port))
