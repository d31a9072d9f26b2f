"""Identifiers: UUIDv7 inside, one distinct type per noun; dialects write them in their own way."""

from __future__ import annotations

import os
import re
from threading import Lock
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
JobId = NewType("JobId", str)
BatchId = NewType("BatchId", str)
ApiKeyId = NewType("ApiKeyId", str)
AccessKeyId = NewType("AccessKeyId", str)  # AKIA and 16 characters of base32
PolicyGroupId = NewType("PolicyGroupId", str)
CertificateId = NewType("CertificateId", str)  # lower-case hex SHA-256 of the DER form
TrustedCertificateId = NewType("TrustedCertificateId", str)

_ID = re.compile("[0-9a-f]{32}")
_RANDOM_BYTES = 10
_RANDOM_BITS = 74  # of the bytes above
_STEP_BITS = 48
_AT_ONCE = 256


def is_id(text: str) -> bool:
    """Tell whether the text can be an identifier of ours: 32 lower-case hexadecimal digits."""
    return _ID.fullmatch(text) is not None


class IdSource(Protocol):
    """Makes identifiers that sort by the time they were made."""

    def new(self) -> str:
        """Return a fresh UUIDv7 as 32 lower-case hexadecimal digits."""
        ...


class Uuid7Source:
    """UUIDv7 (RFC 9562, section 5.7) from a clock and a source of random bytes; any thread may ask.

    Each sorts after the one before. While the clock stands still, or has gone back, the last one is increased by a
    random step (RFC 9562, section 6.2, method 2); what the random bits cannot hold is carried into the time.

    Random bytes are fetched for many identifiers at once: each system call lets go of the interpreter's lock, which
    under load takes longer to get back than everything else here.
    """

    def __init__(self, clock: Clock, *, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._clock = clock
        self._random_bytes = random_bytes
        self._noises: list[bytes] = []
        self._last = 0  # time and random bits in one number
        self._turn = Lock()

    def new(self) -> str:
        """Return a fresh UUIDv7 as 32 lower-case hexadecimal digits."""
        noise = int.from_bytes(self._noise())
        made = self._clock.millis() << _RANDOM_BITS | noise & (1 << _RANDOM_BITS) - 1
        with self._turn:
            if made >> _RANDOM_BITS <= self._last >> _RANDOM_BITS:
                made = self._last + 1 + (noise & (1 << _STEP_BITS) - 1)
            self._last = made
        high = ((made >> _RANDOM_BITS & 0xFFFFFFFFFFFF) << 16) | 0x7000 | (made >> 62 & 0xFFF)
        low = 0x8000000000000000 | (made & 0x3FFFFFFFFFFFFFFF)
        return f"{high:016x}{low:016x}"

    def _noise(self) -> bytes:
        try:
            return self._noises.pop()  # one thread gets it, whichever ask
        except IndexError:
            fresh = self._random_bytes(_RANDOM_BYTES * _AT_ONCE)
            pieces = [fresh[start : start + _RANDOM_BYTES] for start in range(0, len(fresh), _RANDOM_BYTES)]
            own = pieces.pop()
            self._noises += pieces
            return own
