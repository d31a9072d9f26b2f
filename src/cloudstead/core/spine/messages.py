"""The messages that follow from what became of a request, in their order; each is written only if somebody gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.requests import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.shadows.changes import Outcome
    from cloudstead.core.spine.ports import FanOut
    from cloudstead.core.spine.requests import ShadowRequest
    from cloudstead.core.spine.topics import ThingTopics

_QOS: Final = 1  # of everything that the shadow service itself says


class Messages:
    """Tells the world (Cloud Connect 2.11, section 9; AWS IoT, "Device Shadow MQTT topics")."""

    def __init__(self, fan_out: FanOut) -> None:
        self._fan_out = fan_out

    def tell(self, request: ShadowRequest, outcome: Outcome) -> None:
        """Publish the request itself, then delta, documents and accepted, or rejected, in this order.

        A REST call is no message, so it is not published itself, and its answer goes to the caller alone when it was
        rejected or has changed nothing.
        """
        is_rest = request.origin is Origin.REST
        if not is_rest:
            self._tell_request(request)
        if outcome.rejection is not None:
            if not is_rest:
                self._tell_rejected(request, outcome)
        elif request.verb is Verb.UPDATE:
            self._tell_update(request, outcome)
        elif request.verb is Verb.DELETE or not is_rest:
            accepted, _ = request.thing.topics.replies[request.verb]
            self._say(request, accepted, None, lambda: outcome.reply)

    def _tell_request(self, request: ShadowRequest) -> None:
        thing = request.thing
        publish = self._fan_out.publish
        publish(thing.account_id, thing.topics.prefix + request.verb.value, request.payload, qos=request.qos)
        family = thing.topics.family_update
        if family is not None and request.verb is Verb.UPDATE:
            publish(thing.account_id, family, request.payload, qos=request.qos)

    def _tell_rejected(self, request: ShadowRequest, outcome: Outcome) -> None:
        topics = request.thing.topics
        _, rejected = topics.replies[request.verb]
        family = topics.family_rejected if request.verb is Verb.UPDATE else None
        self._say(request, rejected, family, lambda: outcome.reply)

    def _tell_update(self, request: ShadowRequest, outcome: Outcome) -> None:
        topics: ThingTopics = request.thing.topics
        accepted, _ = topics.replies[Verb.UPDATE]
        self._say(request, topics.delta, topics.family_delta, outcome.delta)
        self._say(request, topics.documents, topics.family_documents, outcome.documents)
        self._say(request, accepted, topics.family_accepted, lambda: outcome.reply)

    def _say(
        self, request: ShadowRequest, topic: str, family_topic: str | None, write: Callable[[], bytes | None]
    ) -> None:
        """Publish one document on both topics, where it is wanted."""
        account = request.thing.account_id
        fan_out = self._fan_out
        is_wanted = fan_out.wants(account, topic)
        if family_topic is not None and not fan_out.wants(account, family_topic):
            family_topic = None
        if not is_wanted and family_topic is None:
            return
        document = write()
        if document is None:
            return
        if is_wanted:
            fan_out.publish(account, topic, document, qos=_QOS)
        if family_topic is not None:
            fan_out.publish(account, family_topic, document, qos=_QOS)
