"""AWS IoT data plane: shadows and publishing over HTTP.

People come with a signature, an ID token or an API key, devices with the client certificate of their connection.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Final, Protocol
from uuid import UUID

import msgspec

from cloudstead.core.errors import NotPermitted
from cloudstead.core.ids import ThingName
from cloudstead.core.shadows.errors import ShadowRejected
from cloudstead.dialects.aws import names
from cloudstead.dialects.aws.refusals import GuestRefused, NamedShadowRefused, PublishInvalid
from cloudstead.web.answer import Encoded
from cloudstead.web.bearer import names_bearer
from cloudstead.web.sigv4 import IOT_DATA

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from structlog.typing import FilteringBoundLogger

    from cloudstead.core.caller import Caller
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.spine.authors import AuthoredChange
    from cloudstead.core.spine.requests import Answer
    from cloudstead.dialects.aws.auth import BearerCallers, SignedCallers
    from cloudstead.dialects.aws.ports import Devices, DeviceShadow, ShadowPort, TopicPort
    from cloudstead.web.call import Call

MAX_PAYLOAD: Final = 128 * 1024  # AWS IoT quotas: 128 KB for a message
_OFFSET_HEADER: Final = names.OFFSET_HEADER.encode()


class ShadowQuery(msgspec.Struct):
    """The query of a shadow operation."""

    name: str | None = None


class HistoryQuery(msgspec.Struct):
    """The query of a shadow's history: how many changes, and before which offset."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    before: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Change(msgspec.Struct, rename="camel"):
    """One request that reached the shadow. ``code`` is 200, or that of the rejection."""

    offset: int
    verb: str
    version: int
    timestamp: int  # ms
    author: str
    author_name: str
    code: int
    request: msgspec.Raw


class History(msgspec.Struct, rename="camel"):
    """Changes, newest first; ``nextBefore`` continues where there are more."""

    changes: list[Change]
    next_before: int | None


class PublishQuery(msgspec.Struct):
    """The query of a publish."""

    qos: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0
    retain: bool = False


class Published(msgspec.Struct, rename={"trace_id": "traceId"}):
    """What a publish gives."""

    message: str
    trace_id: str


class Client(Protocol):
    """Who calls, and what such a client may do: a person within reach of the grants, a device with its own thing."""

    @property
    def account_id(self) -> AccountId:
        """The client's account."""
        ...

    @property
    def principal(self) -> str:
        """Who acts, as logs say it."""
        ...

    async def get(self, name: ThingName, payload: bytes) -> Answer:
        """Return a thing's shadow."""
        ...

    async def update(self, name: ThingName, payload: bytes) -> Answer:
        """Change a thing's shadow."""
        ...

    async def delete(self, name: ThingName, payload: bytes) -> Answer:
        """Remove a thing's shadow."""
        ...

    async def history(self, name: ThingName, *, before_offset: int | None, limit: int) -> Sequence[AuthoredChange]:
        """Return what was asked of a thing's shadow."""
        ...

    async def publish(self, topic: str, payload: bytes, *, qos: int) -> None:
        """Publish to a topic."""
        ...


class PersonClient:
    """Somebody with grants."""

    def __init__(self, caller: Caller, shadows: ShadowPort, topics: TopicPort) -> None:
        self.account_id = caller.account_id
        self.principal = caller.principal
        self._caller = caller
        self._shadows = shadows
        self._topics = topics

    async def get(self, name: ThingName, payload: bytes) -> Answer:
        """Return the shadow of a thing within reach."""
        return await self._shadows.get(self._caller, name, payload)

    async def update(self, name: ThingName, payload: bytes) -> Answer:
        """Change the shadow of a thing within reach."""
        return await self._shadows.update(self._caller, name, payload)

    async def delete(self, name: ThingName, payload: bytes) -> Answer:
        """Remove the shadow of a thing within reach."""
        return await self._shadows.delete(self._caller, name, payload)

    async def history(self, name: ThingName, *, before_offset: int | None, limit: int) -> Sequence[AuthoredChange]:
        """Return what was asked of the shadow of a thing within reach."""
        return await self._shadows.history(self._caller, name, before_offset=before_offset, limit=limit)

    async def publish(self, topic: str, payload: bytes, *, qos: int) -> None:
        """Publish to a thing-update topic within reach."""
        await self._topics.publish(self._caller, topic, payload, qos=qos)


class DeviceClient:
    """A device: it has its own thing, and nothing else exists for it."""

    def __init__(self, shadow: DeviceShadow) -> None:
        self.account_id = shadow.account_id
        self.principal = shadow.principal
        self._shadow = shadow

    async def get(self, name: ThingName, payload: bytes) -> Answer:
        """Return the device's own shadow."""
        self._require_own(name)
        return await self._shadow.get(payload)

    async def update(self, name: ThingName, payload: bytes) -> Answer:
        """Change the device's own shadow."""
        self._require_own(name)
        return await self._shadow.update(payload)

    async def delete(self, name: ThingName, payload: bytes) -> Answer:
        """Remove the device's own shadow."""
        self._require_own(name)
        return await self._shadow.delete(payload)

    async def history(
        self,
        name: ThingName,  # noqa: ARG002 - the form of every client
        *,
        before_offset: int | None,  # noqa: ARG002
        limit: int,  # noqa: ARG002
    ) -> Sequence[AuthoredChange]:
        """Refuse: who works on a thing is not the device's business."""
        raise NotPermitted("shadow:read")

    async def publish(self, topic: str, payload: bytes, *, qos: int) -> None:
        """Publish to a topic of the device's own thing."""
        await self._shadow.publish(topic, payload, qos=qos)

    def _require_own(self, name: ThingName) -> None:
        if name != self._shadow.name:
            raise NotPermitted("shadow:read")


class IotData:
    """The service. A refused call publishes nothing; an accepted one does what the same message over MQTT does."""

    def __init__(
        self,
        shadows: ShadowPort,
        topics: TopicPort,
        devices: Devices,
        *,
        signed: SignedCallers,
        bearers: BearerCallers,
        ids: IdSource,
        log: FilteringBoundLogger,
    ) -> None:
        self._shadows = shadows
        self._topics = topics
        self._devices = devices
        self._signed = signed
        self._bearers = bearers
        self._ids = ids
        self._log = log
        self._tells = log.is_enabled_for(logging.DEBUG)

    async def authenticate(self, call: Call[Client]) -> Client:
        """Return who calls: by bearer token, else by client certificate where nothing is signed, else by signature.

        Guests are refused.
        """
        # A variable that was never set leaves the scheme alone: that is no signature gone wrong.
        sent = call.authorization
        if names_bearer(sent):
            return self._person(await self._bearers.of_authorization(sent, source_address=call.peer_address))
        certificate = call.peer_certificate
        if certificate is not None and sent is None:
            return DeviceClient(await self._devices.of_certificate(certificate, call.certificates_sent))
        signer = await self._signed.of_call(call, IOT_DATA)
        if signer.caller is None:
            raise GuestRefused
        return self._person(signer.caller)

    def _person(self, caller: Caller) -> PersonClient:
        return PersonClient(caller, self._shadows, self._topics)

    async def get_shadow(self, call: Call[Client]) -> Encoded:
        """Return a thing's shadow."""
        return await self._answer(call, call.caller.get)

    async def update_shadow(self, call: Call[Client]) -> Encoded:
        """Change a thing's shadow; the answer is the accepted document."""
        return await self._answer(call, call.caller.update)

    async def delete_shadow(self, call: Call[Client]) -> Encoded:
        """Remove a thing's shadow."""
        return await self._answer(call, call.caller.delete)

    async def _answer(self, call: Call[Client], ask: Callable[[ThingName, bytes], Awaitable[Answer]]) -> Encoded:
        """Ask for what the row is about, and answer with the accepted document and its place in the log."""
        name = _thing(call)
        try:
            answer = await ask(name, await call.body())
        except ShadowRejected as rejected:
            self._tell(call, name, offset=rejected.offset, code=rejected.rejection)
            raise
        self._tell(call, name, offset=answer.offset, code=200)
        return Encoded(answer.document, fields=((_OFFSET_HEADER, b"%d" % answer.offset),))

    def _tell(self, call: Call[Client], name: ThingName, *, offset: int, code: int) -> None:
        """Tie the id of the request to the place of the change in the log."""
        if self._tells:
            self._log.debug(
                "shadow_request",
                request_id=call.request_id,
                offset=offset,
                method=call.method,
                thing=name,
                account=call.caller.account_id,
                principal=call.caller.principal,
                code=code,
            )

    async def get_history(self, call: Call[Client]) -> History:
        """Return who asked what of a thing's shadow, newest first; our own, as AWS keeps no history."""
        asked = call.options(HistoryQuery)
        found = await call.caller.history(ThingName(call.path["thing"]), before_offset=asked.before, limit=asked.limit)
        more = found[-1].change.offset if len(found) == asked.limit else None
        return History([_change(each) for each in found], more)

    async def publish(self, call: Call[Client]) -> Published:
        """Publish the body to a topic."""
        options = call.options(PublishQuery)
        if options.retain:
            raise PublishInvalid("Retained messages are not offered.")
        await call.caller.publish(call.path["topic"], await call.body(), qos=options.qos)
        return Published("OK", str(UUID(self._ids.new())))


def _thing(call: Call[Client]) -> ThingName:
    if call.options(ShadowQuery).name is not None:
        raise NamedShadowRefused
    return ThingName(call.path["thing"])


def _change(authored: AuthoredChange) -> Change:
    change = authored.change
    return Change(
        offset=change.offset,
        verb=change.verb,
        version=change.version,
        timestamp=change.timestamp_ms,
        author=change.author,
        author_name=authored.author_name,
        code=change.outcome or 200,
        request=_readable(change.request_json),
    )


def _readable(request: bytes) -> msgspec.Raw:
    """Return a request as JSON: as it is, as text where it is none, ``null`` where it was empty."""
    try:
        msgspec.json.decode(request)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.Raw(msgspec.json.encode(request.decode("utf-8", "replace") or None))
    return msgspec.Raw(request)
