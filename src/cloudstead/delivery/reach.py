"""Which addresses a webhook may reach, and the step that connects to exactly those.

Whoever may write a rule chooses where a webhook goes; what stands in the operator's own network must not be reachable
by that. So the name is resolved here, each address is looked at, and the connection is made to the very address that
was looked at: asking for the name once more could give another answer (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import encodings.idna  # noqa: F401 - or the first request over TLS would, for 20 ms in which the loop serves nobody
import errno
import ipaddress
import os
import socket
import ssl
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

P = TypeVar("P", bound=asyncio.Protocol)

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

    def may_lead(self, host: str) -> bool:
        """Tell whether a host, as it is written, may lead to an admitted address: a name may, an address says so.

        For whoever writes one down; where a connection is made, each address is looked at, whatever was said here.
        """
        name = host.lower().rstrip(".")
        if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, section 6.3
            return self.admits("127.0.0.1") or self.admits("::1")
        address = _as_address(name)
        return address is None or self.admits(address)


class ConnectionFailed(Exception):
    """None of the addresses could be connected to. The message names none."""

    def __init__(self, error: OSError) -> None:
        super().__init__(_reason(error))


class CheckedConnector:
    """Connects to addresses that were looked at, and to nothing else."""

    def __init__(self, reach: Reach, resolve: Resolver) -> None:
        self._reach = reach
        self._resolve = resolve

    async def connect(
        self, host: str, port: int, *, tls: ssl.SSLContext | None, protocol: Callable[[], P]
    ) -> tuple[asyncio.BaseTransport, P]:
        """Connect to the first admitted address that answers, with ``tls`` to whoever proves to be ``host``.

        Raises ``AddressRefused``, ``NameUnknown`` or ``ConnectionFailed``. How long it may take is the caller's to say.
        """
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise NameUnknown from None
        admitted = [address for address in found if self._reach.admits(address)][:_MOST_ADDRESSES]
        if not admitted:
            raise AddressRefused
        *others, last = admitted
        name = None if tls is None else host
        for address in others:
            try:
                async with asyncio.timeout(_NEXT_ADDRESS_AFTER_S):
                    return await _connect(address, port, tls=tls, name=name, protocol=protocol)
            except ssl.SSLError as error:
                raise ConnectionFailed(error) from None  # it did answer, and not as whom it should
            except OSError:  # the time limit's end is one as well
                continue
        try:
            return await _connect(last, port, tls=tls, name=name, protocol=protocol)
        except OSError as error:
            raise ConnectionFailed(error) from None


async def _connect(
    address: str, port: int, *, tls: ssl.SSLContext | None, name: str | None, protocol: Callable[[], P]
) -> tuple[asyncio.BaseTransport, P]:
    """Connect to an address; were it a name, this would fail instead of looking it up."""
    return await asyncio.get_running_loop().create_connection(
        protocol, address, port, ssl=tls, server_hostname=name, flags=socket.AI_NUMERICHOST
    )


def _reason(error: OSError) -> str:
    """Say why in words without an address, which the messages of the event loop hold."""
    if isinstance(error, ssl.SSLError):
        return str(error)
    if error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    return type(error).__name__


def _as_address(host: str) -> str | None:
    """Return the address that a host spells out, in any of the ways in which systems read one; ``None`` for a name."""
    if ":" in host:
        return host
    try:
        return socket.inet_ntoa(socket.inet_aton(host))  # 127.1, 0x7f000001 and 2130706433 are all the same
    except OSError:
        return None


def _look_up(host: str, port: int) -> list[str]:
    return [str(place[0]) for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
