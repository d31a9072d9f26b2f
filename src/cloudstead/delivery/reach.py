"""Which addresses a webhook may reach, and the step that connects to exactly those.

Whoever may write a rule chooses where a webhook goes; what stands in the operator's own network must not be reachable
by that. So the name is resolved here, each address is looked at, and the connection is made to the very address that
was looked at: asking for the name once more could give another answer (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, Final, Protocol

import httpcore2

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Executor

    from httpcore2 import SOCKET_OPTION

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MOST_ADDRESSES: Final = 4
_NEXT_ADDRESS_AFTER_S: Final = 3.0

# IANA's registries of special-purpose addresses, of October 2026: whatever is not reachable by everybody.
_PRIVATE: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks, RFC 2544
            "::1/128",
            "fc00::/7",
            "fe80::/10",
            "fec0::/10",
        ),
    )
)
# Nothing answers there, or something that translates to IPv4 does: then what it leads to would not have been looked at.
_NOWHERE: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "::/96",
            "::ffff:0:0/96",  # IPv4-mapped
            "64:ff9b::/96",  # NAT64, RFC 6052
            "64:ff9b:1::/48",  # NAT64, RFC 8215
            "100::/64",
            "2001::/23",  # Teredo among others
            "2001:db8::/32",
            "2002::/16",  # 6to4
            "3fff::/20",
            "5f00::/16",
            "ff00::/8",
        ),
    )
)
# What clouds tell a machine about itself, its credentials included.
_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "100.100.100.200",
            "168.63.129.16",  # Azure's, in the midst of the public internet
            "fd00:ec2::254",
        ),
    )
)


class AddressRefused(Exception):
    """Every address of that name lies where webhooks may not go. The message names none: it goes to whoever asked."""

    def __init__(self) -> None:
        super().__init__("The address is in a network that webhooks may not reach (setting webhooks.allow).")


class NameUnknown(Exception):
    """The name of the server could not be resolved."""

    def __init__(self) -> None:
        super().__init__("The name of the server cannot be found.")


class Resolver(Protocol):
    """Turns a name into addresses."""

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host in the order to be tried; raise ``OSError`` when there are none."""
        ...


class SystemResolver:
    """Asks the system, in threads of its own: a name server that does not answer must hold up nobody else."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host."""
        found = await asyncio.get_running_loop().run_in_executor(self._executor, _look_up, host, port)
        return list(dict.fromkeys(found))


class Reach:
    """The rule: the public internet, and what the operator allows."""

    def __init__(self, *, allow: Sequence[Network] = (), allow_private: bool = False) -> None:
        """Admit whatever is in ``allow`` and, with ``allow_private``, all but where clouds keep their secrets."""
        self._allow = tuple(allow)
        self._allow_private = allow_private

    def admits(self, text: str) -> bool:
        """Tell whether a connection to that address may be made."""
        try:
            address = ipaddress.ip_address(text.partition("%")[0])  # without the interface
        except ValueError:
            return False
        if any(address in network for network in self._allow):
            return True
        if address in _METADATA:
            return False
        if any(address in network for network in _PRIVATE):
            return self._allow_private
        return not any(address in network for network in _NOWHERE)


class CheckedConnector(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were looked at, and to nothing else."""

    def __init__(self, reach: Reach, resolve: Resolver) -> None:
        self._reach = reach
        self._resolve = resolve
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first admitted address that answers; raise ``AddressRefused`` or ``NameUnknown``."""
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise NameUnknown from None
        admitted = [address for address in found if self._reach.admits(address)][:_MOST_ADDRESSES]
        if not admitted:
            raise AddressRefused
        *others, last = admitted
        for address in others:
            try:
                return await self._inner.connect_tcp(
                    address, port, _NEXT_ADDRESS_AFTER_S, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(last, port, timeout, local_address, socket_options)


def _look_up(host: str, port: int) -> list[str]:
    return [str(place[0]) for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
