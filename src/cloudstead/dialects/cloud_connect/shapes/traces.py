"""A followed message on the wire: our own, in the manner of the others. Times are milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cloudstead.core.errors import InvalidField
from cloudstead.dialects.cloud_connect.shapes.text import Text

if TYPE_CHECKING:
    from cloudstead.core.trace.model import Trace

_LAST_MS: Final = 9_999_999_999_999  # in the year 2286
_LAST_OFFSET: Final = 2**63 - 1


class FollowedMessage(msgspec.Struct, rename="camel"):
    """ThingLambda.TRACE. Without ``offset`` and ``at`` it is the thing's newest message.

    ``at`` is milliseconds, or a time as ISO 8601 writes it, UTC unless it says otherwise.
    """

    thing_name: Text
    offset: Text | None = None
    at: Text | None = None


def asked_offset(asked: FollowedMessage) -> int | None:
    """Return the offset that is asked for, if one is; raise ``InvalidField``."""
    if not asked.offset:
        return None
    if asked.at:
        raise InvalidField("at", "is given instead of an offset, not beside it")
    if not (asked.offset.isascii() and asked.offset.isdigit() and len(asked.offset) < 20):
        raise InvalidField("offset", "must be a whole number from 1")
    offset = int(asked.offset)
    if not 1 <= offset <= _LAST_OFFSET:
        raise InvalidField("offset", "must be a whole number from 1")
    return offset


def asked_ms(asked: FollowedMessage) -> int | None:
    """Return the time that is asked for, if one is; raise ``InvalidField``."""
    if not asked.at:
        return None
    text = asked.at
    if text.isascii() and text.isdigit() and len(text) < 15:
        millis = int(text)
    else:
        try:
            time = datetime.fromisoformat(text)
            millis = int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
        except (ValueError, OverflowError):
            raise InvalidField("at", "must be milliseconds or a time like 2026-01-31T12:00:00Z") from None
    if not 0 <= millis <= _LAST_MS:
        raise InvalidField("at", "must be a time between 1970 and 2286")
    return millis


def followed(trace: Trace) -> dict[str, Any]:
    """Return what TRACE answers."""
    return {
        "thingName": trace.thing_name,
        "offset": trace.offset,
        "steps": [
            {"step": step.name.value, "state": step.state.value, "says": step.says, "details": step.details}
            for step in trace.steps
        ],
    }
