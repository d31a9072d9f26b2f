"""Reading typed values out of a caller's JSON, with Elasticsearch's word for what was found instead."""

import math
from collections.abc import Mapping
from typing import TypeAlias

from cloudstead.search.errors import SearchInvalid

Scalar: TypeAlias = bool | int | float | str

_LARGEST_INT = 2**31 - 1


def token(value: object) -> str:
    """Name a value as Elasticsearch's parser names it in its messages."""
    match value:
        case None:
            return "VALUE_NULL"
        case bool():
            return "VALUE_BOOLEAN"
        case int() | float():
            return "VALUE_NUMBER"
        case str():
            return "VALUE_STRING"
        case Mapping():
            return "START_OBJECT"
        case _:
            return "START_ARRAY"


def members(value: object, where: str) -> Mapping[str, object]:
    """Take an object whose keys are texts."""
    if not isinstance(value, Mapping):
        raise SearchInvalid(f"[{where}] expected [START_OBJECT] but found [{token(value)}]")
    for key in value:
        if not isinstance(key, str):
            raise SearchInvalid(f"[{where}] has a key that is not text")
    return value


def listed(value: object) -> tuple[object, ...]:
    """Take a list, or one value as a list of one."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def whole(value: object, where: str, *, least: int = 0) -> int:
    """Take a whole number, written as number or as text, no smaller than `least`."""
    if isinstance(value, str):
        return whole(_parsed(value, where), where, least=least)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SearchInvalid(f"[{where}] must be a number but was [{token(value)}]")
    if not least <= int(value) <= _LARGEST_INT:
        raise SearchInvalid(f"[{where}] must be between {least} and {_LARGEST_INT}")
    return int(value)


def real(value: object, where: str) -> float:
    """Take a finite number, written as number or as text."""
    if isinstance(value, str):
        return _parsed(value, where)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SearchInvalid(f"[{where}] must be a number but was [{token(value)}]")
    try:
        taken = float(value)
    except OverflowError:
        taken = math.inf
    if not math.isfinite(taken):
        raise SearchInvalid(f"[{where}] must be a finite number")
    return taken


def _parsed(written: str, where: str) -> float:
    found = numeric(written)
    if found is None:
        raise SearchInvalid(f"[{where}] failed to parse [{written[:80]}] as a number")
    return found


def truth(value: object, where: str) -> bool:
    """Take a boolean as Elasticsearch 2 does: `false`, 0 and the texts false, off, no, 0 and "" are false."""
    match value:
        case bool():
            return value
        case str():
            return value not in {"false", "off", "no", "0", ""}
        case int() | float():
            return value != 0
        case _:
            raise SearchInvalid(f"[{where}] must be a boolean but was [{token(value)}]")


def word(value: object, where: str) -> str:
    """Take a text; numbers and booleans become their JSON text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return spelled(value)
    raise SearchInvalid(f"[{where}] must be text but was [{token(value)}]")


def scalar(value: object, where: str) -> Scalar:
    """Take a text, a number or a boolean."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SearchInvalid(f"[{where}] must be a finite number")
    if isinstance(value, bool | int | float | str):
        return value
    raise SearchInvalid(f"[{where}] expected a value but found [{token(value)}]")


def spelled(value: Scalar) -> str:
    """Write a value as the text that an index of texts would hold for it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, int) and abs(value) >= 10**300:
        # Python refuses to print very long integers; no stored text can equal such a number anyway.
        return "Infinity" if value > 0 else "-Infinity"
    return str(value)


def numeric(value: Scalar) -> float | None:
    """Read a value as a number if it is one or spells one; booleans are not numbers here."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    plain = value.strip()
    if not plain or len(plain) > 40 or not set(plain) <= set("0123456789+-.eE"):
        return None
    try:
        return int(plain)
    except ValueError:
        pass
    try:
        found = float(plain)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
