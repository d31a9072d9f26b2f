"""The messages that follow from what became of a request, in their order; each is written only if somebody gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.requests import Origin

if TYPE_CHECKING:
    from cloudstead.core.shadows.changes import Outcome
    from cloudstead.core.spine.ports import FanOut
    from cloudstead.core.spine.requests import ShadowRequest

_QOS: Final = 1  # of everything that the shadow service itself says


class Messages:
    """Tells the world (Cloud Connect 2.11, section 9; AWS IoT, "Device Shadow MQTT topics")."""

    def __init__(self, fan_out: FanOut) -> None:
        self._tell = fan_out.tell

    def tell(self, request: ShadowRequest, outcome: Outcome) -> None:
        """Publish the request itself, then delta, documents and accepted, or rejected, in this order.

        A REST call is no message, so it is not published itself, and its answer goes to the caller alone when it was
        rejected or has changed nothing.
        """
        verb, thing, tell = request.verb, request.thing, self._tell
        account_id, topics = thing.account_id, thing.topics
        is_rest = request.origin is Origin.REST
        if not is_rest:
            tell(account_id, topics.asked[verb], request.read, qos=request.qos)
        if outcome.rejection is not None:
            if not is_rest:
                tell(account_id, topics.rejected[verb], outcome.read_reply, qos=_QOS)
        elif verb is Verb.UPDATE:
            delta = outcome.delta()  # most updates leave none, and that is known sooner than who would hear of it
            if delta is not None:
                tell(account_id, topics.delta, delta.__bytes__, qos=_QOS)
            tell(account_id, topics.documents, outcome.documents, qos=_QOS)
            tell(account_id, topics.accepted[verb], outcome.read_reply, qos=_QOS)
        elif verb is Verb.DELETE or not is_rest:
            tell(account_id, topics.accepted[verb], outcome.read_reply, qos=_QOS)
