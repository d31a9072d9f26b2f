"""Tags on devices: at most fifty short texts under short keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cloudstead.core.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TAGS: Final = 50  # ProvisionDevice, ``Tags``
MAX_KEY_CHARS: Final = 128
MAX_VALUE_CHARS: Final = 256
_RESERVED: Final = "aws:"  # AWS, "Tagging your resources": nobody but AWS may use it


_LINE_END: Final = re.compile("[\\n\\r\\x85\\u2028\\u2029\\x00]")  # what a dot does not match, and what no store takes


def ends_a_line(text: str) -> bool:
    """Tell whether the text holds a line break, or a NUL character."""
    return _LINE_END.search(text) is not None


def require_tags(tags: Mapping[str, str], *, field: str = "tags") -> None:
    """Raise ``InvalidField`` naming ``field`` for tags that no device can have."""
    if len(tags) > MAX_TAGS:
        raise InvalidField(field, f"holds {len(tags)} tags; a device has at most {MAX_TAGS}")
    for key, value in tags.items():
        if not 1 <= len(key) <= MAX_KEY_CHARS or ends_a_line(key):
            raise InvalidField(field, f"a key has 1 to {MAX_KEY_CHARS} characters on one line, unlike {key[:40]!r}")
        if key.lower().startswith(_RESERVED):
            raise InvalidField(field, f"keys that begin with {_RESERVED} are reserved: {key[:40]!r}")
        if len(value) > MAX_VALUE_CHARS or ends_a_line(value):
            raise InvalidField(
                field, f"the value of {key!r} has more than {MAX_VALUE_CHARS} characters, or a line break"
            )
