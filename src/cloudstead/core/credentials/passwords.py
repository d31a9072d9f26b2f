"""Passwords: argon2id, always off the event loop.

One hash takes some 20 ms of CPU and 19 MiB: forty of them on the event loop would stop every device for most of a
second, so they run one after the other in a thread of their own.
"""

from __future__ import annotations

import asyncio
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import argon2
from argon2.exceptions import VerifyMismatchError

from cloudstead.core.errors import InvalidField

if TYPE_CHECKING:
    from concurrent.futures import Executor

_LONGEST_PASSWORD: Final = 1024


@dataclass(frozen=True, slots=True)
class Argon2Cost:
    """What one guess costs. The figures are those of OWASP's Password Storage Cheat Sheet (19 MiB, t=2, p=1)."""

    memory_kib: int = 19_456
    passes: int = 2
    lanes: int = 1


OWASP_COST: Final = Argon2Cost()


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a password matched, and whether its hash should be made anew at today's cost."""

    matches: bool
    needs_rehash: bool


class Passwords:
    """Hashes and verifies in the calling thread: for commands and inside ``PasswordHasher``."""

    def __init__(self, *, cost: Argon2Cost = OWASP_COST) -> None:
        self._argon2 = argon2.PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes)
        # A well-formed hash that no password has: comparing with it takes as long as with a real one, from the first
        # time on, and making it takes no time at all.
        self._nobodys_hash = f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}${'A' * 22}${'A' * 43}"

    def hash(self, password: str) -> str:
        """Return the hash in its standard text form, salt and cost included."""
        return self._argon2.hash(prepared(password))

    def verify(self, password_hash: str | None, password: str) -> Verification:
        """Compare; without a hash (nobody there, or nobody with a password) it costs the same and never matches."""
        candidate = prepared(password)
        if not password_hash:
            self._compare(self._nobodys_hash, candidate)
            return Verification(matches=False, needs_rehash=False)
        matches = self._compare(password_hash, candidate)
        return Verification(matches, needs_rehash=matches and self._argon2.check_needs_rehash(password_hash))

    def _compare(self, password_hash: str, candidate: bytes) -> bool:
        try:
            return self._argon2.verify(password_hash, candidate)
        except VerifyMismatchError:
            return False


class HashesPasswords(Protocol):
    """What ``Passwords`` does, wherever it is done."""

    def hash(self, password: str) -> str:
        """Return the hash in its standard text form, salt and cost included."""
        ...

    def verify(self, password_hash: str | None, password: str) -> Verification:
        """Compare; without a hash it costs the same and never matches."""
        ...


class PasswordHasher:
    """``Passwords`` in the executor given, which should own a single thread: memory is 19 MiB for each at work."""

    def __init__(
        self, executor: Executor, *, cost: Argon2Cost = OWASP_COST, passwords: HashesPasswords | None = None
    ) -> None:
        """``passwords`` do the work in that thread, where they are given."""
        self._executor = executor
        self._passwords = passwords or Passwords(cost=cost)

    async def hash(self, password: str) -> str:
        """Return the password's hash; raise ``InvalidField``."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._passwords.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> Verification:
        """Compare; raise ``InvalidField`` for what cannot be anybody's password."""
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, self._passwords.verify, password_hash, password
        )


def prepared(password: str) -> bytes:
    """Return what is hashed: NFC, as RFC 8265 (section 4.2) has it, so that two keyboards type the same password.

    Raises ``InvalidField`` for an empty password, one of more than 1024 characters, NUL and lone surrogates.
    """
    if not 1 <= len(password) <= _LONGEST_PASSWORD:
        raise InvalidField("password", f"must have 1 to {_LONGEST_PASSWORD} characters")
    if "\0" in password:
        raise InvalidField("password", "must not contain NUL")
    try:
        return unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:
        raise InvalidField("password", "must be valid Unicode text") from None
