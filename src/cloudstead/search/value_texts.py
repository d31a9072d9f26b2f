"""Numbers as texts: as Java spells them, and in the patterns of its `DecimalFormat`."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from cloudstead.search.date_formats import check_format, printed
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.fields import Field

MAX_LENGTH = 200
_MAX_DIGITS = 40

_PATTERN = re.compile(
    r"((?:'[^']*'|[^'#0,.;])*)([#,]*[0,]*)(?:\.(0*)(#*))?((?:'[^']*'|[^'#0,.;])*)(?:;.*)?",
    re.DOTALL,
)


def spelled_double(value: float) -> str:
    """Write a number as Java writes a double: `5.0`, and `1.0E7` from ten million on."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(float(value))
    written, _, power = f"{Decimal(repr(float(value))):E}".partition("E")
    whole, _, fraction = written.partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}E{int(power)}"


@dataclass(frozen=True, slots=True)
class _Shape:
    """A pattern of `DecimalFormat`, taken apart."""

    prefix: str
    suffix: str
    least_whole: int
    group: int
    least_fraction: int
    most_fraction: int
    factor: int


@functools.lru_cache(maxsize=256)
def _shape_of(pattern: str) -> _Shape:
    match = _PATTERN.fullmatch(pattern) if len(pattern) <= MAX_LENGTH else None
    if match is None or not any(match[part] for part in (2, 3, 4)):
        raise SearchInvalid(f"Malformed pattern [{pattern[:80]}] of a number format")
    prefix, whole, zeros, optional, suffix = (part or "" for part in match.groups())
    if max(len(whole), len(zeros) + len(optional)) > _MAX_DIGITS:
        raise SearchInvalid(f"The number format [{pattern[:80]}] asks for more than {_MAX_DIGITS} digits")
    plain = re.sub("'[^']*'", "", prefix + suffix)
    factor = 100 if "%" in plain else 1000 if "‰" in plain else 1
    group = len(whole) - whole.rindex(",") - 1 if "," in whole else 0
    return _Shape(
        _unquoted(prefix), _unquoted(suffix), whole.count("0"), group, len(zeros), len(zeros + optional), factor
    )


def _unquoted(text: str) -> str:
    return re.sub("'([^']*)'", lambda match: match[1] or "'", text)


def formatted(value: float, pattern: str) -> str:
    """Write a number in a pattern such as `#,##0.00`, `0.0%` or `000`; halves go to the even neighbour."""
    shape = _shape_of(pattern)
    with localcontext(prec=800):
        exact = abs(Decimal(value)) * shape.factor
        rounded = exact.quantize(Decimal(1).scaleb(-shape.most_fraction), ROUND_HALF_EVEN)
    whole, _, fraction = f"{rounded:f}".partition(".")
    fraction = fraction.rstrip("0").ljust(shape.least_fraction, "0")
    whole = whole.lstrip("0").rjust(shape.least_whole, "0")
    if not whole and not fraction:
        whole = "0"
    if shape.group:
        first = len(whole) % shape.group
        parts = [whole[:first]] if first else []
        parts += [whole[place : place + shape.group] for place in range(first, len(whole), shape.group)]
        whole = ",".join(parts)
    number = f"{whole}.{fraction}" if fraction else whole
    return f"{'-' if value < 0 else ''}{shape.prefix}{number}{shape.suffix}"


def check_number_format(pattern: str) -> str:
    """Refuse a pattern that could not be written; return it."""
    _shape_of(pattern)
    return pattern


def texts_of(field: Field, written: str | None) -> Callable[[float], str] | None:
    """Return what writes the values of a field as texts: dates always have one, numbers when a format is given."""
    if field.is_date:
        if written is not None:
            check_format(written)
        return lambda value: printed(int(value), written=written)
    if written is None:
        return None
    check_number_format(written)
    return lambda value: formatted(value, written)
