"""Texts that people type: names on one line, prose on many, ids that become part of topics."""

from __future__ import annotations

import re
from typing import Final

from cloudstead.core.errors import InvalidField

MAX_LINE_CHARS: Final = 256
MAX_PROSE_CHARS: Final = 4096
MAX_ID_CHARS: Final = 128

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Control characters, old and new ones, and the two separators with which Unicode ends a line."""


def require_line(text: str, *, field: str, max_chars: int = MAX_LINE_CHARS) -> None:
    """Raise ``InvalidField`` unless the text is one line of something, not too long."""
    if not text.strip():
        raise InvalidField(field, "blank")
    if len(text) > max_chars:
        raise InvalidField(field, f"longer than {max_chars} characters")
    if CONTROL.search(text):
        raise InvalidField(field, "holds a control character")


def require_prose(text: str | None, *, field: str) -> None:
    """Raise ``InvalidField`` when the text is too long or holds a NUL character; ``None`` is fine."""
    if text is None:
        return
    if len(text) > MAX_PROSE_CHARS:
        raise InvalidField(field, f"longer than {MAX_PROSE_CHARS} characters")
    if "\0" in text:
        raise InvalidField(field, "holds a NUL character")
