"""A letter, and what can be none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from cloudstead.core.errors import InvalidField
from cloudstead.core.texts import require_header

MAX_ADDRESS_CHARS: Final = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets
MAX_BODY_CHARS: Final = 200_000

# One plain address: no display name, no comment, no list, no quoting, so that nothing in it can become a header or a
# second recipient. Letters beyond ASCII are fine (RFC 6531).
_ADDRESS: Final = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}@[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail to one person. ``text`` is for everybody, ``html`` says the same to programs that show it.

    Neither address nor content belongs in a log: links in it open accounts.
    """

    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    html: str | None = field(default=None, repr=False)


def require_address(address: str, *, field: str) -> None:
    """Raise ``InvalidField`` unless that is the address of one mailbox."""
    if len(address) > MAX_ADDRESS_CHARS or not _ADDRESS.fullmatch(address):
        raise InvalidField(field, "is no mail address")


def require_letter(letter: Letter) -> None:
    """Raise ``InvalidField`` for a letter that cannot be sent as it is."""
    require_address(letter.to, field="to")
    require_header(letter.subject, field="subject")
    if len(letter.subject.splitlines()) > 1:  # Unicode knows more ways to end a line than the control characters
        raise InvalidField("subject", "holds a line break")
    for name, text in (("text", letter.text), ("html", letter.html or "")):
        if len(text) > MAX_BODY_CHARS:
            raise InvalidField(name, f"longer than {MAX_BODY_CHARS} characters")
        if "\0" in text:
            raise InvalidField(name, "holds a NUL character")
