"""One invocation, read: who asks, what the input says, what the answer should hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec

from cloudstead.core.errors import CloudsteadError, InvalidField
from cloudstead.dialects.cloud_connect.shapes.text import may_be_number, without_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.caller import Caller

I = TypeVar("I")  # noqa: E741 - the input
S = TypeVar("S", bound=msgspec.Struct)


class UnknownAction(CloudsteadError):
    """The payload names no action that the function knows; ``action`` is what it names, if anything.

    ``known`` are those that there are.
    """

    code = "unknown_action"

    def __init__(self, action: str | None, known: Iterable[str] = ()) -> None:
        names = ", ".join(known)
        says = "The action is missing." if action is None else f"The action {action!r} is not known."
        super().__init__(f"{says} There are: {names}" if names else says)
        self.action = action


class PayloadUnreadable(UnknownAction):
    """The payload is no JSON object, so it names no action either."""

    code = "payload_unreadable"

    def __init__(self) -> None:
        CloudsteadError.__init__(self, "The payload has to be a JSON object, with numbers that a double can hold.")
        self.action = None


class PropertyMissing(CloudsteadError):
    """A required property is absent, null or an empty text."""

    code = "property_missing"

    def __init__(self, name: str) -> None:
        super().__init__(f"The property {name!r} is required.")
        self.name = name


@dataclass(frozen=True, slots=True)
class Call(Generic[I]):
    """One invocation. ``selected`` holds the attributes that the caller named with the value null.

    ``attributes`` are as they were sent, for the one action that stores whatever they are; ``has_attributes`` tells
    empty ones from none.
    """

    account: Account
    caller: Caller
    input: I
    selected: frozenset[str]
    source_address: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    has_attributes: bool = False


def read_input(shape: type[S], fields: dict[str, Any]) -> S:
    """Turn the fields of a request into ``shape``.

    Raises ``PropertyMissing`` for the first of the required ones, in the order of ``shape``, that is missing, then
    ``InvalidField``. A field of any type whatsoever counts as missing only when absent: its null is a value.
    """
    read = dict(fields)
    for each in _fields(shape):
        name = each.name
        if each.is_required and _is_missing(fields, name, or_empty=each.is_missing_when_empty):
            # Section 4.1.2 prints thingtype in its table and thingType in its example.
            if _is_missing(fields, name.lower(), or_empty=True):
                raise PropertyMissing(name)
            read[name] = fields[name.lower()]
        if each.may_be_number and name in read:
            read[name] = without_number(read[name])
    try:
        return msgspec.convert(read, shape)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from error


class _Field(NamedTuple):
    name: str
    is_required: bool
    is_missing_when_empty: bool
    may_be_number: bool


@cache
def _fields(shape: type[msgspec.Struct]) -> tuple[_Field, ...]:
    """Return what ``read_input`` asks of a shape: resolving its annotations takes a quarter of a millisecond."""
    return tuple(
        _Field(field.encode_name, field.required, field.type is not Any, may_be_number(field.type))
        for field in msgspec.structs.fields(shape)
    )


def _is_missing(fields: dict[str, Any], name: str, *, or_empty: bool) -> bool:
    return name not in fields or (or_empty and fields[name] in (None, ""))


def _invalid(text: str) -> InvalidField:
    """Take the field's name off the end of msgspec's message: "Expected `str`, got `int` - at `$.label`"."""
    reason, _, path = text.rpartition(" - at `$.")
    return InvalidField(path.rstrip("`") or "attributes", reason or text)
