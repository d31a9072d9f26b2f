"""What may be known of a person, and which texts can be that."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cloudstead.core.errors import InvalidField
from cloudstead.core.patch import ABSENT, Patched, patched
from cloudstead.core.texts import MAX_LINE_CHARS, require_line, require_seeable

if TYPE_CHECKING:
    from cloudstead.core.people.model import Person

MAX_USER_NAME_CHARS: Final = 128
"""Amazon Cognito user pools, Username."""

SHORTEST_PASSWORD: Final = 4
"""Cloud Connect 2.11 signs up ``demo`` with the password ``demo`` (section 2.1.2); shorter ones are nobody's."""

SHORTEST_CHOSEN_PASSWORD: Final = 8
"""What our own pages ask for (NIST SP 800-63B, section 5.1.1.2)."""

DEMO_USER_NAME: Final = "demo"
"""Whoever is created under this name cannot be removed (Cloud Connect 2.11, section 13.1.5: the demo user)."""

_MAX_EMAIL_CHARS: Final = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets
_MAX_LOCAL_CHARS: Final = 64  # RFC 5321, section 4.5.3.1.1
_MAX_PHONE_CHARS: Final = 64
# Whether a mail arrives shows whether the address is one; this only keeps out what no header could carry.
_EMAIL: Final = re.compile(r"""[^\s@"(),:;<>\[\]\\\x00-\x1f\x7f]+@[^\s@"(),:;<>\[\]\\\x00-\x1f\x7f]+""")
_LABEL: Final = re.compile(r"(?!-)[\w-]{1,63}(?<!-)")
_E164: Final = re.compile(r"\+[1-9][0-9]{1,14}")  # ITU-T E.164: at most 15 digits, the country code first


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChange:
    """What to change of a profile; an empty text clears where something may be missing."""

    first_name: Patched[str] = ABSENT
    last_name: Patched[str] = ABSENT
    email: Patched[str] = ABSENT
    phone: Patched[str] = ABSENT
    company: Patched[str] = ABSENT
    address: Patched[str] = ABSENT
    zip: Patched[str] = ABSENT
    city: Patched[str] = ABSENT
    country: Patched[str] = ABSENT

    def check(self) -> None:
        """Raise ``InvalidField`` when a value given can be nobody's."""
        names = (("first_name", self.first_name), ("last_name", self.last_name))
        places = (
            ("company", self.company),
            ("address", self.address),
            ("zip", self.zip),
            ("city", self.city),
            ("country", self.country),
        )
        for field, value in (*names, *places):
            if value is not ABSENT and value:
                require_line(value, field=field)
        if self.phone is not ABSENT and self.phone:
            require_line(self.phone, field="phone", max_chars=_MAX_PHONE_CHARS)
        if self.email is not ABSENT:
            require_email(self.email)

    def applied_to(self, person: Person) -> Person:
        """Return the person as the change leaves it; another address has to be proved anew."""
        email = patched(self.email, person.email)
        return replace(
            person,
            is_email_verified=person.is_email_verified and email == person.email,
            first_name=patched(self.first_name, person.first_name),
            last_name=patched(self.last_name, person.last_name),
            email=email,
            phone=patched(self.phone, person.phone),
            company=patched(self.company, person.company),
            address=patched(self.address, person.address),
            zip=patched(self.zip, person.zip),
            city=patched(self.city, person.city),
            country=patched(self.country, person.country),
        )


def require_user_name(user_name: str) -> None:
    """Raise ``InvalidField`` for what can be no user name: names that look alike but are not, among others."""
    require_line(user_name, field="user_name", max_chars=MAX_USER_NAME_CHARS)
    if user_name != user_name.strip():
        raise InvalidField("user_name", "must not begin or end with a blank")
    if not unicodedata.is_normalized("NFC", user_name) or not user_name.isprintable():
        raise InvalidField("user_name", "holds characters that nobody could tell from others")


def require_email(email: str) -> None:
    """Raise ``InvalidField`` for what can be no mail address."""
    local, _, host = email.rpartition("@")
    is_address = (
        len(email) <= min(_MAX_EMAIL_CHARS, MAX_LINE_CHARS)
        and _EMAIL.fullmatch(email) is not None
        and len(local) <= _MAX_LOCAL_CHARS
        and ".." not in local
        and not local.startswith(".")
        and not local.endswith(".")
        and all(_LABEL.fullmatch(label) for label in host.split("."))
    )
    if not is_address:
        raise InvalidField("email", "is no mail address")
    require_seeable(email, field="email")


def require_phone(phone: str) -> None:
    """Raise ``InvalidField`` unless the number is empty or begins with a country code and holds nothing but digits."""
    if phone and not _E164.fullmatch(phone):
        raise InvalidField("phone", "needs '+', a country code and digits, without blanks or delimiters")


def require_password(password: str, *, shortest: int = SHORTEST_PASSWORD) -> None:
    """Raise ``InvalidField`` for a password that is too short; what else can be none is the hasher's to say."""
    if len(password) < shortest:
        raise InvalidField("password", f"must have at least {shortest} characters")
