"""ULIDs: identifiers as device clouds write them, 26 letters and digits for the same 128 bits that we keep as hex."""

from __future__ import annotations

from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {digit: value for value, digit in enumerate(_DIGITS)}
_LENGTH: Final = 26
_BITS: Final = 128


def ulid_of(hex_id: str) -> str:
    """Write an id of ours as a ULID; it sorts as before."""
    number = int(hex_id, 16)
    return "".join(_DIGITS[number >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))


def id_of(text: str) -> str | None:
    """Read a ULID, in either case; ``None`` for what is none."""
    if len(text) != _LENGTH:
        return None
    number = 0
    for letter in text.upper():
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = number << 5 | value
    return f"{number:032x}" if number < 1 << _BITS else None
