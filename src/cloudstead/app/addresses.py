"""Addresses and host names as an operator writes them."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


class Address(NamedTuple):
    """Where to listen. Port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        """Write it the way it is set: ``127.0.0.1:8080``, ``[::1]:8080``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address | None:
    """Read ``HOST:PORT``; ``None`` for the empty text, which switches a listener off.

    The host is an IPv4 address, an IPv6 address in brackets, a host name, or ``*`` for every IPv4 address.
    """
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT")
    if host == "*":
        return Address("0.0.0.0", int(port))  # noqa: S104  # an operator who writes * means every interface
    if host.startswith("[") and host.endswith("]"):
        return Address(str(ipaddress.IPv6Address(host[1:-1])), int(port))
    if ":" in host:
        raise ValueError(f"{text!r}: an IPv6 address stands in brackets, as in [::1]:8080")
    return Address(host, int(port))


def is_host(name: str) -> bool:
    """Tell whether ``name`` is a lower-case host name or an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return _HOST_NAME.fullmatch(name) is not None
    return True


def is_loopback(host: str) -> bool:
    """Tell whether an address, or ``localhost``, is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_host(url: str, *, field: str = "url") -> None:
    """Raise ``ValueError`` for an address without a host, or with a port that cannot be one."""
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
    if not has_host:
        raise ValueError(f"{field}: the address names a host, and a port from 1 to 65535 if any")


def without_password(url: str) -> str:
    """Return an address with its password, if it has one, written as ``***``."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    netloc = parts.netloc.replace(f":{parts.password}@", ":***@")
    return urlunsplit(parts._replace(netloc=netloc))
