"""How a reported value compares with the value of a rule.

- Numbers compare by value: 50 is 50.0.
- A text that spells one finite JSON number (``"50"``, ``"-1.5e3"``; no blanks, no ``0x``) counts as that number beside
  a number, whichever side it is on: many devices and many forms know only texts.
- Two texts are compared as texts, even when both spell numbers: letter by letter, by code point.
- Booleans and null are equal to themselves only, and no order knows them.
- Values of different kinds differ: ``ne`` is hit, everything else is not.
- Objects and lists compare with nothing: not even ``ne`` is hit.
- What was not reported is not looked at. A null was: it says that the value is gone.
"""

from __future__ import annotations

import math
import re
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Final, TypeAlias

from cloudstead.core.rules.model import Operator

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cloudstead.core.rules.model import Scalar

Number: TypeAlias = int | float

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,63})(?:\.[0-9]{1,64})?(?:[eE][+-]?[0-9]{1,4})?")
_ORDERS: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    Operator.GT: gt,
    Operator.GTE: ge,
    Operator.LT: lt,
    Operator.LTE: le,
}


def number_in(text: str) -> Number | None:
    """Return the number that a text spells, ``None`` when it spells none or one beyond floating point."""
    if _NUMBER.fullmatch(text) is None:
        return None
    if text.lstrip("-").isdigit():
        return int(text)
    found = float(text)
    return found if math.isfinite(found) else None


def is_number(value: object) -> bool:
    """Tell whether the value is a number; a boolean is none."""
    return type(value) is int or type(value) is float


def is_hit(operator: Operator, observed: object, wanted: Scalar) -> bool:
    """Tell whether a reported value hits an expression with this operator and value."""
    if type(observed) is dict or type(observed) is list:
        return False
    left, right = _on_common_ground(observed, wanted)
    are_comparable = (is_number(left) and is_number(right)) or (type(left) is str and type(right) is str)
    if operator.orders:
        return are_comparable and _ORDERS[operator](left, right)
    are_equal = left == right if are_comparable else type(left) is type(right) and left == right
    return are_equal is (operator is Operator.EQ)


def _on_common_ground(observed: object, wanted: Scalar) -> tuple[object, object]:
    """Read a text beside a number as the number that it spells."""
    if type(observed) is str and is_number(wanted):
        spelt = number_in(observed)
        return (observed if spelt is None else spelt), wanted
    if type(wanted) is str and is_number(observed):
        spelt = number_in(wanted)
        return observed, (wanted if spelt is None else spelt)
    return observed, wanted
