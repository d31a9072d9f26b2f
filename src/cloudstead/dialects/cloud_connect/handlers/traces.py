"""ThingLambda.TRACE, which the document does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.ids import ThingName
from cloudstead.dialects.cloud_connect.shapes.traces import asked_ms, asked_offset, followed

if TYPE_CHECKING:
    from cloudstead.dialects.cloud_connect.call import Call
    from cloudstead.dialects.cloud_connect.ports import Backend
    from cloudstead.dialects.cloud_connect.shapes.traces import FollowedMessage


async def follow(backend: Backend, call: Call[FollowedMessage]) -> object:
    """Follow one message of a thing through the log, the shadow, the index, the archive, rules and deliveries."""
    asked = call.input
    offset, at_ms = asked_offset(asked), asked_ms(asked)
    trace = await backend.tracing.follow(call.caller, ThingName(asked.thing_name), offset=offset, at_ms=at_ms)
    return followed(trace)
