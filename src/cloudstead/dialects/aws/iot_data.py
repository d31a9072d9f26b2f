"""AWS IoT data plane: shadows and publishing over HTTP, by signature, ID token or API key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from cloudstead.core.ids import ThingName
from cloudstead.dialects.aws.refusals import GuestRefused, NamedShadowRefused, PublishInvalid
from cloudstead.dialects.aws.sigv4 import IOT_DATA
from cloudstead.web.bearer import bearer_token

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.ids import IdSource
    from cloudstead.dialects.aws.auth import BearerCallers, SignedCallers
    from cloudstead.dialects.aws.ports import ShadowPort, TopicPort
    from cloudstead.web.call import Call

MAX_PAYLOAD: Final = 128 * 1024  # AWS IoT quotas: 128 KB for a message


class ShadowQuery(msgspec.Struct):
    """The query of a shadow operation."""

    name: str | None = None


class PublishQuery(msgspec.Struct):
    """The query of a publish."""

    qos: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0
    retain: bool = False


class Published(msgspec.Struct, rename={"trace_id": "traceId"}):
    """What a publish gives."""

    message: str
    trace_id: str


class IotData:
    """The service. A refused call publishes nothing; an accepted one does what the same message over MQTT does."""

    def __init__(
        self, shadows: ShadowPort, topics: TopicPort, signed: SignedCallers, bearers: BearerCallers, ids: IdSource
    ) -> None:
        self._shadows = shadows
        self._topics = topics
        self._signed = signed
        self._bearers = bearers
        self._ids = ids

    async def authenticate(self, call: Call[Caller]) -> Caller:
        """Return who calls, by bearer token where there is one, else by signature. Guests are refused."""
        if bearer_token(call.headers) is not None:
            return await self._bearers.of_headers(call.headers, source_address=call.peer_address)
        signer = await self._signed.of_call(call, IOT_DATA)
        if signer.caller is None:
            raise GuestRefused
        return signer.caller

    async def get_shadow(self, call: Call[Caller]) -> Response:
        """Return a thing's shadow."""
        return _json(await self._shadows.get(call.caller, _thing(call), await call.body()))

    async def update_shadow(self, call: Call[Caller]) -> Response:
        """Change a thing's shadow; the answer is the accepted document."""
        return _json(await self._shadows.update(call.caller, _thing(call), await call.body()))

    async def delete_shadow(self, call: Call[Caller]) -> Response:
        """Remove a thing's shadow."""
        return _json(await self._shadows.delete(call.caller, _thing(call), await call.body()))

    async def publish(self, call: Call[Caller]) -> Published:
        """Publish the body to a topic."""
        options = call.options(PublishQuery)
        if options.retain:
            raise PublishInvalid("Retained messages are not offered.")
        await self._topics.publish(call.caller, call.path["topic"], await call.body(), qos=options.qos)
        return Published("OK", str(UUID(self._ids.new())))


def _thing(call: Call[Caller]) -> ThingName:
    if call.options(ShadowQuery).name is not None:
        raise NamedShadowRefused
    return ThingName(call.path["thing"])


def _json(document: bytes) -> Response:
    return Response(document, 200, media_type="application/json")
