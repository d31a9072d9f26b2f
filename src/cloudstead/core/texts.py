"""Texts that people type: names on one line, prose on many, ids that become part of topics."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from cloudstead.core.errors import InvalidField

MAX_LINE_CHARS: Final = 256
MAX_PROSE_CHARS: Final = 4096
MAX_ID_CHARS: Final = 128

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Control characters, old and new ones, and the two separators with which Unicode ends a line."""


_UNSEEABLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What nobody sees: characters that may be ignored (Unicode's Default_Ignorable_Code_Point), those that turn the order
of what is around them (UAX 9, section 2), and the Braille pattern without a dot."""

_ZWNJ: Final = "\u200c"
_ZWJ: Final = "\u200d"
_VARIATIONS: Final = frozenset("\ufe0e\ufe0f")
_VIRAMA: Final = 9  # Canonical_Combining_Class


def require_line(text: str, *, field: str, max_chars: int = MAX_LINE_CHARS) -> None:
    """Raise ``InvalidField`` unless the text is one line of something that can be seen as it is, not too long.

    For names: two that look the same are the same, and none is read from its end.
    """
    require_header(text, field=field, max_chars=max_chars)
    require_seeable(text, field=field)


def require_header(text: str, *, field: str, max_chars: int = MAX_LINE_CHARS) -> None:
    """Raise ``InvalidField`` unless the text is one line of something, not too long, whatever it looks like."""
    if not text.strip():
        raise InvalidField(field, "blank")
    if len(text) > max_chars:
        raise InvalidField(field, f"longer than {max_chars} characters")
    if CONTROL.search(text):
        raise InvalidField(field, "holds a control character")


def require_seeable(text: str, *, field: str) -> None:
    """Raise ``InvalidField`` with the character that nobody could see, or that turns the order of those around it.

    Where such a character changes what is seen it stays: in a picture made of several, and in scripts whose letters
    join (RFC 5892, appendix A.1 and A.2).
    """
    if text.isascii():
        return
    for match in _UNSEEABLE.finditer(text):
        if not _shapes(text, match.start()):
            letter = match[0]
            name = unicodedata.name(letter, "unnamed")
            raise InvalidField(field, f"holds a character that cannot be seen: U+{ord(letter):04X} ({name})")


def _shapes(text: str, position: int) -> bool:
    """Tell whether the character at a position makes its neighbours look otherwise."""
    letter, before, behind = text[position], text[:position][-1:], text[position + 1 : position + 2]
    if not before:
        return False
    if letter in _VARIATIONS:
        return unicodedata.category(before) in {"So", "Sm"} or behind == "\u20e3"
    if letter not in {_ZWJ, _ZWNJ} or not behind:
        return False
    if unicodedata.combining(before) == _VIRAMA:
        return unicodedata.category(behind)[0] == "L"
    if letter == _ZWJ:
        return (unicodedata.category(before) in {"So", "Sk"} or before in _VARIATIONS) and (
            unicodedata.category(behind) in {"So", "Sm"}
        )
    return unicodedata.bidirectional(before) == "AL" and unicodedata.bidirectional(behind) == "AL"


def require_prose(text: str | None, *, field: str) -> None:
    """Raise ``InvalidField`` when the text is too long or holds a NUL character; ``None`` is fine."""
    if text is None:
        return
    if len(text) > MAX_PROSE_CHARS:
        raise InvalidField(field, f"longer than {MAX_PROSE_CHARS} characters")
    if "\0" in text:
        raise InvalidField(field, "holds a NUL character")
