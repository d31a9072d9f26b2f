"""The only place where text, numbers and names from outside become ClickHouse SQL.

Everything that a caller wrote reaches a statement through one of these functions, so that a value can never become
syntax. ClickHouse ends a string literal at an unescaped quote and reads backslash escapes inside it; both characters
are escaped here, and NUL too, because it is the one byte that a C interface could stop at.
"""

import math
from collections.abc import Iterable

_LARGEST_INT64 = 2**63 - 1
_SMALLEST_INT64 = -(2**63)
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\0": "\\0"})
_NAME_ESCAPES = str.maketrans({"\\": "\\\\", "`": "\\`", "\0": "\\0"})


def text(value: str) -> str:
    """Write a string literal; a lone surrogate, which no stored text can hold, becomes a replacement character."""
    return "'" + value.encode("utf-8", "replace").decode("utf-8").translate(_ESCAPES) + "'"


def number(value: float) -> str:
    """Write a number literal that keeps its exact value; integers beyond 64 bits are written as floats."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int) and _SMALLEST_INT64 <= value <= _LARGEST_INT64:
        return f"({value})" if value < 0 else str(value)
    try:
        floating = float(value)
    except OverflowError:
        floating = math.inf if value > 0 else -math.inf
    if math.isnan(floating):
        return "nan"
    if math.isinf(floating):
        return "inf" if floating > 0 else "(-inf)"
    return f"toFloat64({floating!r})"


def floating(value: float) -> str:
    """Write a number as Float64, whatever it was."""
    try:
        return f"toFloat64({number(float(value))})"
    except OverflowError:
        return "inf" if value > 0 else "(-inf)"


def name(value: str) -> str:
    """Quote a column or a path; the caller keeps empty names away, which SQL cannot express."""
    return "`" + value.encode("utf-8", "replace").decode("utf-8").translate(_NAME_ESCAPES) + "`"


def texts(values: Iterable[str]) -> str:
    """Write a list of string literals for IN, sorted so that equal searches give equal statements."""
    return "(" + ", ".join(text(value) for value in sorted(values)) + ")"


def all_of(conditions: Iterable[str]) -> str:
    """Join conditions with AND; none at all is true."""
    parts = [condition for condition in conditions if condition != "1"]
    if not parts:
        return "1"
    return parts[0] if len(parts) == 1 else "(" + " AND ".join(parts) + ")"


def any_of(conditions: Iterable[str]) -> str:
    """Join conditions with OR; none at all is false."""
    parts = [condition for condition in conditions if condition != "0"]
    if not parts:
        return "0"
    return parts[0] if len(parts) == 1 else "(" + " OR ".join(parts) + ")"
