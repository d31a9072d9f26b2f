"""Identifiers: UUIDv7 inside, one distinct type per noun; dialects write them in their own way."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NewType, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.clock import Clock

AccountId = NewType("AccountId", str)
PersonId = NewType("PersonId", str)
ThingUid = NewType("ThingUid", str)
DomainId = NewType("DomainId", str)  # chosen by people, unique in its account: "root", "sub1"
ThingName = NewType("ThingName", str)  # chosen by people or numbered, unique in its account
ThingTypeId = NewType("ThingTypeId", str)  # chosen by people, unique in its account
ApiKeyId = NewType("ApiKeyId", str)
CertificateId = NewType("CertificateId", str)  # lower-case hex SHA-256 of the DER form

_RANDOM_BITS = 74


class IdSource(Protocol):
    """Makes identifiers that sort by the time they were made."""

    def new(self) -> str:
        """Return a fresh UUIDv7 as 32 lower-case hexadecimal digits."""
        ...


class Uuid7Source:
    """UUIDv7 (RFC 9562, section 5.7) from a clock and a source of random bits."""

    def __init__(self, clock: Clock, *, random_bits: Callable[[int], int] = secrets.randbits) -> None:
        self._clock = clock
        self._random_bits = random_bits

    def new(self) -> str:
        """Return a fresh UUIDv7 as 32 lower-case hexadecimal digits."""
        noise = self._random_bits(_RANDOM_BITS)
        high = ((self._clock.millis() & 0xFFFFFFFFFFFF) << 16) | 0x7000 | (noise >> 62)
        low = 0x8000000000000000 | (noise & 0x3FFFFFFFFFFFFFFF)
        return f"{high:016x}{low:016x}"
