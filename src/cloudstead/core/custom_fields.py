"""Custom fields: texts under names of the customer's own, on accounts and on what is noted of their people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.errors import InvalidField
from cloudstead.core.texts import require_line

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST: Final = 10
MAX_NAME_CHARS: Final = 100
MAX_VALUE_CHARS: Final = 1000


def require_custom_fields(custom: Mapping[str, str]) -> None:
    """Raise ``InvalidField`` for more, or longer ones, than account management, version 3, takes."""
    if len(custom) > MOST:
        raise InvalidField("custom_fields", f"holds more than {MOST}")
    for name, value in custom.items():
        require_line(name, field="custom_fields", max_chars=MAX_NAME_CHARS)
        if len(value) > MAX_VALUE_CHARS or "\0" in value:
            raise InvalidField("custom_fields", f"{name!r} is longer than {MAX_VALUE_CHARS} characters, or holds a NUL")
