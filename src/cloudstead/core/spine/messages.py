"""The messages that follow from what became of a request, in their order; each is written only if somebody gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.requests import Origin

if TYPE_CHECKING:
    from cloudstead.core.shadows.changes import Outcome
    from cloudstead.core.spine.ports import FanOut
    from cloudstead.core.spine.requests import ShadowRequest
    from cloudstead.core.things.directory import ThingEntry

_QOS: Final = 1  # of everything that the shadow service itself says


class Messages:
    """Tells the world (Cloud Connect 2.11, section 9; AWS IoT, "Device Shadow MQTT topics")."""

    def __init__(self, fan_out: FanOut) -> None:
        self._wants = fan_out.wants
        self._publish = fan_out.publish

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
            self._tell_update(request.thing, outcome)
        elif request.verb is Verb.DELETE or not is_rest:
            thing = request.thing
            accepted, _ = thing.topics.replies[request.verb]
            if self._wants(thing.account_id, accepted):
                self._publish(thing.account_id, accepted, outcome.reply, qos=_QOS)

    def _tell_request(self, request: ShadowRequest) -> None:
        thing = request.thing
        topics = thing.topics
        self._publish(thing.account_id, topics.asked[request.verb], request.payload, qos=request.qos)
        if request.verb is Verb.UPDATE and topics.family_update is not None:
            self._publish(thing.account_id, topics.family_update, request.payload, qos=request.qos)

    def _tell_rejected(self, request: ShadowRequest, outcome: Outcome) -> None:
        account = request.thing.account_id
        topics = request.thing.topics
        _, rejected = topics.replies[request.verb]
        self._publish(account, rejected, outcome.reply, qos=_QOS)
        if request.verb is Verb.UPDATE and topics.family_rejected is not None:
            self._publish(account, topics.family_rejected, outcome.reply, qos=_QOS)

    def _tell_update(self, thing: ThingEntry, outcome: Outcome) -> None:
        account = thing.account_id
        topics = thing.topics
        wants, publish = self._wants, self._publish
        delta = outcome.delta()  # most updates leave none, and that is known sooner than who would hear of it
        if delta is not None:
            publish(account, topics.delta, delta, qos=_QOS)
            if topics.family_delta is not None:
                publish(account, topics.family_delta, delta, qos=_QOS)
        for topic in (topics.documents, topics.family_documents):
            if topic is not None and wants(account, topic):
                publish(account, topic, outcome.documents(), qos=_QOS)
        for topic in (topics.replies[Verb.UPDATE][0], topics.family_accepted):
            if topic is not None and wants(account, topic):
                publish(account, topic, outcome.reply, qos=_QOS)
