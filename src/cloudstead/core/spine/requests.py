"""A shadow request on its way down the spine, and the answer to it."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from cloudstead.core.shadows.changes import Verb

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.shadows.changes import Outcome
    from cloudstead.core.things.directory import ThingEntry


class Origin(IntEnum):
    """The door through which a request came; the numbers stand in the log."""

    DEVICE = 1  # published by the thing itself
    PERSON = 2  # published on a thing-update topic
    REST = 3  # called over the IoT data plane


class Answer(NamedTuple):
    """The accepted document of a request, and the offset by which the change can be followed through the log.

    Of a get it is the offset of the change that the shadow was last changed by.
    """

    document: bytes
    offset: int


class ShadowRequest:
    """One update, get or delete.

    ``thing_type`` and ``domain_id`` are those of the thing when the request was made: an observation stays where its
    thing was, however often it moves before, or is replayed after.

    ``on_stored`` is called once when the request is on disk (a get at once: it changes nothing), ``on_outcome`` once
    when it was applied; ``on_failed`` instead of both when it could not be stored. All of them run on the event loop
    and must neither block nor raise. ``offset`` is 0 until the request is on disk, and stays 0 for a get.
    """

    __slots__ = (
        "domain_id",
        "followers",
        "offset",
        "on_failed",
        "on_outcome",
        "on_stored",
        "origin",
        "packet_id",
        "payload",
        "principal",
        "qos",
        "received_ms",
        "thing",
        "thing_type",
        "verb",
    )

    def __init__(
        self,
        thing: ThingEntry,
        verb: Verb,
        payload: bytes,
        *,
        principal: str,
        origin: Origin,
        qos: int = 1,
        packet_id: int = 0,
        on_stored: Callable[[ShadowRequest], None] | None = None,
        on_failed: Callable[[ShadowRequest, Exception], None] | None = None,
        on_outcome: Callable[[ShadowRequest, Outcome], None] | None = None,
    ) -> None:
        self.thing = thing
        self.thing_type = thing.thing_type
        self.domain_id = thing.domain_id
        self.verb = verb
        self.payload = payload
        self.principal = principal
        self.origin = origin
        self.qos = qos
        self.packet_id = packet_id
        self.on_stored = on_stored
        self.on_failed = on_failed
        self.on_outcome = on_outcome
        self.received_ms = 0
        self.offset = 0
        self.followers: list[ShadowRequest] | None = None

    def read(self) -> bytes:
        """Return the payload."""
        return self.payload

    @property
    def is_logged(self) -> bool:
        """Whether the request changes something and so goes into the log."""
        return self.verb is not Verb.GET
