"""Lock-out: how long to wait after wrong passwords, for a person and for an address.

A person's failures are part of the person and survive a restart. Those of addresses, and of user names that nobody has,
are remembered here, within bounds: an unknown name must be locked like a known one, or the lock would tell them apart.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from cloudstead.core.credentials.recent import Recent

LONGEST_LOCK_S: Final = 900

_ENTRIES: Final = 10_000
_IPV6_HOST_BITS: Final = 64  # one customer commonly owns a /64 (RFC 6177) and may use any address of it


@dataclass(frozen=True, slots=True)
class LockRule:
    """How many failures are free, and after how long a quiet all of them are forgotten."""

    free: int
    forgotten_after_ms: int


NAME_RULE: Final = LockRule(free=5, forgotten_after_ms=24 * 3_600_000)
ADDRESS_RULE: Final = LockRule(free=20, forgotten_after_ms=3_600_000)
"""Milder, for a whole office may share an address, and no success clears it: or whoever has an account of their own
could log in to it between the guesses at somebody else's."""


@dataclass(frozen=True, slots=True)
class Failures:
    """How many in a row. ``locked_until_ms`` is the end of the lock or, after a free failure, its own time."""

    count: int = 0
    locked_until_ms: int = 0

    def wait_s(self, now_ms: int) -> int:
        """Return the whole seconds to wait; 0 when the door is open."""
        return max(0, -((now_ms - self.locked_until_ms) // 1000))

    def one_more(self, now_ms: int, rule: LockRule) -> Failures:
        """Return what follows: no lock for the free ones, then 1 s, 2 s, 4 s ... up to 15 minutes."""
        forgotten = now_ms - self.locked_until_ms > rule.forgotten_after_ms
        count = 1 if forgotten else self.count + 1
        if count <= rule.free:
            return Failures(count, now_ms)
        seconds = min(LONGEST_LOCK_S, 1 << min(count - rule.free - 1, 10))
        return Failures(count, now_ms + seconds * 1000)


class RememberedFailures:
    """Failures by key, kept in memory; the key that was quiet longest is forgotten first."""

    def __init__(self, rule: LockRule) -> None:
        self._rule = rule
        self._failures: Recent[str, Failures] = Recent(_ENTRIES)

    def wait_s(self, key: str, now_ms: int) -> int:
        """Return the whole seconds to wait; 0 when the door is open."""
        failures = self._failures.get(key)
        return 0 if failures is None else failures.wait_s(now_ms)

    def add(self, key: str, now_ms: int) -> None:
        """Count one more failure."""
        before = self._failures.get(key) or Failures()
        self._failures.put(key, before.one_more(now_ms, self._rule))


def neighbourhood(address: str) -> str:
    """Return the address or, of an IPv6 address, the /64 that it lies in."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(parsed) >> _IPV6_HOST_BITS << _IPV6_HOST_BITS))
