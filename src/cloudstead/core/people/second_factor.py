"""The second factor: codes that change with the time (RFC 6238), and scratch codes for when the device is lost.

The shared secret is kept sealed. A code is good for its own half minute and the one on either side, and once: the step
of the last code is remembered, and neither it nor an earlier one is taken again (RFC 6238, section 5.2).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import pyotp

from cloudstead.core.people.errors import CodeRefused, SecondFactorMissing

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.ids import PersonId
    from cloudstead.core.people.model import Person
    from cloudstead.core.unit import Unit

SCRATCH_CODES: Final = 10

_PURPOSE: Final = "people/second-factor"
_SCRATCH_PURPOSE: Final = "people/scratch-code"
_STEP_S: Final = 30  # RFC 6238, section 5.2
_DRIFT_STEPS: Final = 1  # RFC 6238, section 6: "at most one time step"
_CODE: Final = re.compile(r"[0-9]{6}")
_SCRATCH_ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that looks like something else
_SCRATCH_CHARS: Final = 12  # 59 bits
_LONGEST_CODE: Final = 64


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A shared secret as it is stored. Without it nobody signs in once it ``is_on``: before, it is being set up.

    As long as no code was ever used (``last_step`` 0), its owner has yet to put it into a device.
    """

    person_id: PersonId
    sealed_secret: bytes = field(repr=False)
    is_on: bool = False
    last_step: int = 0

    @property
    def is_proven(self) -> bool:
        """Whether a device has shown that it holds the secret."""
        return self.last_step > 0


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a person puts into an authenticator: as text, and as the address that a QR code carries."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


class SecondFactors:
    """Sets second factors up, asks for them and takes them away."""

    def __init__(self, sealer: Sealer, clock: Clock) -> None:
        self._sealer = sealer
        self._clock = clock

    def is_on(self, unit: Unit, person_id: PersonId) -> bool:
        """Tell whether the person needs a second factor to sign in."""
        factor = unit.second_factors.get(person_id)
        return factor is not None and factor.is_on

    def wants_set_up(self, unit: Unit, person_id: PersonId) -> bool:
        """Tell whether the person has yet to put the secret into a device."""
        factor = unit.second_factors.get(person_id)
        return factor is None or not factor.is_proven

    def demand(self, unit: Unit, person_id: PersonId) -> list[str]:
        """Switch it on for somebody who will put it into a device at the next sign-in; return scratch codes."""
        factor = unit.second_factors.get(person_id) or self._fresh(person_id)
        unit.second_factors.put(replace(factor, is_on=True))
        return self.renew_scratch_codes(unit, person_id)

    def begin(self, unit: Unit, person: Person, *, issuer: str) -> Enrolment:
        """Return a secret to be put into a device; raise ``SecondFactorMissing`` when one holds one already.

        Asking again before the first code was used shows the same secret again.
        """
        factor = unit.second_factors.get(person.id)
        if factor is not None and factor.is_proven:
            raise SecondFactorMissing("is set up already")
        if factor is None:
            factor = self._fresh(person.id)
            unit.second_factors.put(factor)
        secret = self._opened(factor)
        label = issuer.replace(":", " ")  # the label's own separator
        return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=person.user_name, issuer_name=label))

    def turn_on(self, unit: Unit, person: Person, code: str) -> list[str]:
        """Ask for codes from now on, after one has proved that the device has the secret; return scratch codes.

        Raises ``SecondFactorMissing`` without ``begin`` and ``CodeRefused``.
        """
        factor = unit.second_factors.get(person.id)
        if factor is None or factor.is_proven:
            raise SecondFactorMissing("is not being set up")
        step = self._step_of(factor, code)
        if step is None:
            raise CodeRefused
        unit.second_factors.put(replace(factor, is_on=True, last_step=step))
        return self.renew_scratch_codes(unit, person.id)

    def turn_off(self, unit: Unit, person_id: PersonId) -> None:
        """Ask for no codes any more; the secret and the scratch codes are gone."""
        unit.second_factors.remove(person_id)

    def renew_scratch_codes(self, unit: Unit, person_id: PersonId) -> list[str]:
        """Replace the scratch codes; they are shown here and never again. Raises ``SecondFactorMissing``."""
        if not self.is_on(unit, person_id):
            raise SecondFactorMissing("is not on")
        codes = [
            "".join(secrets.choice(_SCRATCH_ALPHABET) for _ in range(_SCRATCH_CHARS)) for _ in range(SCRATCH_CODES)
        ]
        unit.second_factors.put_scratch_codes(person_id, [self._hash(person_id, code) for code in codes])
        return codes

    def accept(self, unit: Unit, person_id: PersonId, code: str) -> None:
        """Use a code, or a scratch code, up; raise ``CodeRefused``. Of two uses at the same time one wins."""
        factor = unit.second_factors.get(person_id)
        given = "".join(code.split()).lower()
        if factor is None or not factor.is_on or not 0 < len(given) <= _LONGEST_CODE:
            raise CodeRefused
        if _CODE.fullmatch(given):
            step = self._step_of(factor, given)
            if step is None or not unit.second_factors.use_step(person_id, step):
                raise CodeRefused
        elif not unit.second_factors.use_scratch_code(person_id, self._hash(person_id, given)):
            raise CodeRefused

    def _step_of(self, factor: SecondFactor, code: str) -> int | None:
        """Return the step that a code belongs to, of those that are near and not used up."""
        given = "".join(code.split())
        if not _CODE.fullmatch(given) or not given.isascii():
            return None
        totp = pyotp.TOTP(self._opened(factor))
        now_step = self._clock.millis() // 1000 // _STEP_S
        found: int | None = None
        for step in range(now_step - _DRIFT_STEPS, now_step + _DRIFT_STEPS + 1):
            # Every step is compared, whichever matches.
            if hmac.compare_digest(totp.at(step * _STEP_S), given) and step > factor.last_step:
                found = step
        return found

    def _fresh(self, person_id: PersonId) -> SecondFactor:
        return SecondFactor(person_id, self._sealer.seal(pyotp.random_base32().encode(), _PURPOSE))

    def _opened(self, factor: SecondFactor) -> str:
        return self._sealer.open(factor.sealed_secret, _PURPOSE).decode()

    def _hash(self, person_id: PersonId, code: str) -> bytes:
        # 59 bits could be tried out against a plain hash; this one needs the installation's key.
        message = hashlib.sha256(f"{person_id} {code}".encode("utf-8", "surrogatepass")).digest()
        return self._sealer.derive(_SCRATCH_PURPOSE, message)
