"""Update, get and delete applied to a shadow, with every document that follows from them.

Pure and deterministic: the same request on the same shadow at the same time gives the same shadow and the same
bytes. Source: AWS IoT, "Device Shadow service documents"; Cloud Connect 2.11, section 9.3.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from cloudstead.core.shadows.documents import read_client_token, read_update
from cloudstead.core.shadows.errors import ShadowRejected, no_shadow, too_large, version_conflict
from cloudstead.core.shadows.merge import difference, marks_of, merge, merge_flat

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.shadows.documents import UpdateRequest
    from cloudstead.core.shadows.merge import Leaf
    from cloudstead.core.shadows.model import JsonObject, Shadow

MAX_STATE_BYTES: Final = 8 * 1024
"""Serialised ``desired`` and ``reported`` together (AWS IoT limits, "Maximum size of a JSON state document")."""

_encode: Final = msgspec.json.Encoder().encode


class Verb(Enum):
    """What a request asks of a shadow; the value is the word in its topics."""

    UPDATE = "update"
    GET = "get"
    DELETE = "delete"

    # Members are single objects and keys on every message's way; the inherited hash runs in Python, this one in C.
    __hash__ = object.__hash__

    def __init__(self, word: str) -> None:
        self.word: str = word  # what ``value`` is too, but for a call into Python each time


class _Sections(NamedTuple):
    """What a shadow held at one moment; sections are never altered in place, so keeping them costs nothing."""

    desired: JsonObject
    reported: JsonObject
    desired_metadata: JsonObject
    reported_metadata: JsonObject
    version: int


class Outcome:
    """What became of one request.

    ``reply`` is the accepted or rejected document. Documents are written when they are asked for, as most have no
    reader; ``delta`` and ``documents`` have to be asked for before the next request is applied to the same shadow.
    """

    __slots__ = (
        "_before",
        "_documents",
        "_reply",
        "_sections",
        "_shadow",
        "at_s",
        "client_token",
        "rejection",
        "request",
        "verb",
        "version",
    )

    def __init__(
        self,
        verb: Verb,
        *,
        at_s: int,
        version: int,
        client_token: str | None,
        shadow: Shadow,
        reply: bytes | None = None,
        before: _Sections | bytes | None = None,
        rejection: ShadowRejected | None = None,
        request: UpdateRequest | None = None,
        sections: tuple[bytes, bytes] = (b"", b""),
    ) -> None:
        """Tell what became of a request.

        ``before`` is the shadow as it was before an update: its document, where that was written, or its sections.
        ``sections`` is the text of desired and reported after an update that was accepted.
        """
        self.verb = verb
        self.at_s = at_s
        self.version = version
        self.client_token = client_token
        self.rejection = rejection
        self.request = request
        self._reply = reply
        self._shadow = shadow
        self._before = before
        self._sections = sections
        self._documents: bytes | None = None

    @property
    def reported(self) -> JsonObject | None:
        """What the accepted update reported; ``None`` when it reported nothing."""
        if self.rejection is None and self.request is not None and type(self.request.reported) is dict:
            return self.request.reported
        return None

    @property
    def reported_text(self) -> bytes:
        """What the accepted update reported, as JSON; only for one that did report something."""
        request, shadow = self.request, self._shadow
        if request is None:
            return b"{}"
        return self._sections[1] if request.reported is shadow.reported else _encode(request.reported)

    @property
    def reply(self) -> bytes:
        """The accepted or rejected document."""
        if self._reply is None:
            self._reply = self._write_reply()
        return self._reply

    def read_reply(self) -> bytes:
        """Return the accepted or rejected document, for whoever takes a function."""
        return self.reply

    def _write_reply(self) -> bytes:
        if self.rejection is not None:
            return rejection_document(self.rejection, at_s=self.at_s)
        token, request = self.client_token, self.request
        tail = b"" if token is None else _token(token)
        if request is None:
            return b'{"version":%d,"timestamp":%d%b}' % (self.version, self.at_s, tail)
        return b'{"state":%b,"metadata":%b,"version":%d,"timestamp":%d%b}' % (
            request.state_text,
            _request_marks(request, self.at_s),
            self.version,
            self.at_s,
            tail,
        )

    def delta(self) -> bytes | None:
        """Write the delta document of an accepted update; ``None`` while desired and reported agree."""
        shadow = self._shadow
        if not shadow.desired:
            return None
        state, marks = difference(shadow.desired, shadow.reported, shadow.desired_metadata)
        if not state:
            return None
        return b'{"version":%d,"timestamp":%d,"state":%b,"metadata":%b%b}' % (
            self.version,
            self.at_s,
            _encode(state),
            _encode(marks),
            _token(self.client_token),
        )

    def documents(self) -> bytes:
        """Write the documents document of an accepted update: the shadow before and after."""
        if self._documents is None:
            self._documents = self._write_documents()
        return self._documents

    def _write_documents(self) -> bytes:
        held, shadow, request, token = self._before, self._shadow, self.request, self.client_token
        previous = b"null" if held is None else held if isinstance(held, bytes) else _document(held)
        if request is not None and request.is_flat and request.reported is shadow.reported:
            # The update reports all that is reported, so all of it has the same time.
            reported_marks = _flat_marks(shadow.reported, self.at_s)
        else:
            reported_marks = _encode(shadow.reported_metadata)
        desired_marks = _encode(shadow.desired_metadata) if shadow.desired_metadata else b"{}"
        # Kept: it is what the next update's document begins with.
        text = shadow.text = b'{"state":%b,"metadata":%b,"version":%d}' % (
            _join_sections(*self._sections),
            _join_sections(desired_marks, reported_marks),
            shadow.version,
        )
        return b'{"previous":%b,"current":%b,"timestamp":%d%b}' % (
            previous,
            text,
            self.at_s,
            b"" if token is None else _token(token),
        )


def apply_update(shadow: Shadow, payload: bytes, *, at_s: int) -> Outcome:
    """Apply an update request to ``shadow`` (altered in place unless rejected)."""
    try:
        request = read_update(payload)
        before = (shadow.text or _sections_of(shadow)) if shadow.version else None
        sections = _change(shadow, request, at_s)
    except ShadowRejected as rejection:
        return reject(Verb.UPDATE, shadow, rejection, at_s=at_s)
    return Outcome(
        Verb.UPDATE,
        at_s=at_s,
        version=shadow.version,
        client_token=request.client_token,
        shadow=shadow,
        before=before,
        request=request,
        sections=sections,
    )


def answer_get(shadow: Shadow, payload: bytes, *, thing_name: str, at_s: int) -> Outcome:
    """Answer a get request; the shadow stays as it is."""
    try:
        token = _token_for(shadow, payload, thing_name)
    except ShadowRejected as rejection:
        return reject(Verb.GET, shadow, rejection, at_s=at_s)
    reply = full_document(shadow, at_s=at_s, client_token=token)
    return Outcome(Verb.GET, at_s=at_s, version=shadow.version, client_token=token, shadow=shadow, reply=reply)


def apply_delete(shadow: Shadow, payload: bytes, *, thing_name: str, at_s: int) -> Outcome:
    """Delete the shadow; a later update starts again with version 1."""
    try:
        token = _token_for(shadow, payload, thing_name)
    except ShadowRejected as rejection:
        return reject(Verb.DELETE, shadow, rejection, at_s=at_s)
    version = shadow.version
    shadow.version = 0
    shadow.updated_at_s = at_s
    shadow.desired, shadow.reported, shadow.desired_metadata, shadow.reported_metadata = {}, {}, {}, {}
    shadow.text = None
    return Outcome(Verb.DELETE, at_s=at_s, version=version, client_token=token, shadow=shadow)


def reject(verb: Verb, shadow: Shadow, rejection: ShadowRejected, *, at_s: int) -> Outcome:
    """Reject a request; the shadow stays as it is."""
    return Outcome(
        verb,
        at_s=at_s,
        version=shadow.version,
        client_token=rejection.client_token,
        shadow=shadow,
        rejection=rejection,
    )


def full_document(shadow: Shadow, *, at_s: int, client_token: str | None = None) -> bytes:
    """Write the shadow as get/accepted and the REST call show it: with the delta, if there is one."""
    state = _sections(shadow.desired, shadow.reported)
    delta, _ = difference(shadow.desired, shadow.reported, shadow.desired_metadata)
    if delta:
        state["delta"] = delta
    return b'{"state":%b,"metadata":%b,"version":%d,"timestamp":%d%b}' % (
        _encode(state),
        _encode(_sections(shadow.desired_metadata, shadow.reported_metadata)),
        shadow.version,
        at_s,
        _token(client_token),
    )


def rejection_document(rejection: ShadowRejected, *, at_s: int) -> bytes:
    """Write the rejected document."""
    return b'{"code":%d,"message":%b,"timestamp":%d%b}' % (
        rejection.rejection,
        _encode(rejection.message),
        at_s,
        _token(rejection.client_token),
    )


def _change(shadow: Shadow, request: UpdateRequest, at_s: int) -> tuple[bytes, bytes]:
    """Merge a request into the shadow; return the text of desired and reported."""
    # Without a shadow, only version 1 may be named.
    if request.version is not None and request.version != (shadow.version or 1):
        raise version_conflict(client_token=request.client_token)
    leaf = {"timestamp": at_s}
    how = merge_flat if request.is_flat else merge
    desired, desired_marks = _section(shadow.desired, shadow.desired_metadata, request.desired, leaf, how)
    reported, reported_marks = _section(shadow.reported, shadow.reported_metadata, request.reported, leaf, how)
    if request.deletes_all:
        desired, desired_marks, reported, reported_marks = {}, {}, {}, {}
    sections = _encode(desired), _encode(reported)
    if len(sections[0]) + len(sections[1]) > MAX_STATE_BYTES:
        raise too_large(client_token=request.client_token)
    shadow.desired, shadow.desired_metadata = desired, desired_marks
    shadow.reported, shadow.reported_metadata = reported, reported_marks
    shadow.version += 1
    shadow.updated_at_s = at_s
    shadow.text = None
    return sections


def _section(
    state: JsonObject,
    marks: JsonObject,
    patch: JsonObject | msgspec.UnsetType | None,
    leaf: Leaf,
    how: Callable[[JsonObject, JsonObject, JsonObject, Leaf], tuple[JsonObject, JsonObject]],
) -> tuple[JsonObject, JsonObject]:
    if patch is msgspec.UNSET:
        return state, marks
    if patch is None:
        return {}, {}
    return how(state, marks, patch, leaf)


def _token_for(shadow: Shadow, payload: bytes, thing_name: str) -> str | None:
    token = read_client_token(payload)
    if not shadow.exists:
        raise no_shadow(thing_name, client_token=token)
    return token


def _request_marks(request: UpdateRequest, at_s: int) -> bytes:
    """Return the metadata of "accepted": it mirrors what the request carried, nulls included."""
    if request.is_flat and request.desired is msgspec.UNSET and type(request.reported) is dict:
        return b'{"reported":%b}' % _flat_marks(request.reported, at_s)
    leaf = {"timestamp": at_s}
    if request.deletes_all:
        return _encode(leaf)
    marks = {}
    if request.desired is not msgspec.UNSET:
        marks["desired"] = marks_of(request.desired, leaf)
    if request.reported is not msgspec.UNSET:
        marks["reported"] = marks_of(request.reported, leaf)
    return _encode(marks)


def _sections_of(shadow: Shadow) -> _Sections:
    return _Sections(
        shadow.desired,
        shadow.reported,
        shadow.desired_metadata,
        shadow.reported_metadata,
        shadow.version,
    )


def _flat_marks(section: JsonObject, at_s: int) -> bytes:
    """Write the metadata of single values that all have the same time."""
    return _marks_at(tuple(section), at_s)


@lru_cache(maxsize=1_024)
def _marks_at(keys: tuple[str, ...], at_s: int) -> bytes:
    """Write what devices repeat: the same few keys, and all that report in one second have the same time."""
    leaf = {"timestamp": at_s}
    return _encode({key: leaf for key in keys})  # noqa: C420 - all are to have the same leaf


def _document(held: _Sections) -> bytes:
    """Write state, metadata and version as the documents message holds them."""
    return b'{"state":%b,"metadata":%b,"version":%d}' % (
        _encode(_sections(held.desired, held.reported)),
        _encode(_sections(held.desired_metadata, held.reported_metadata)),
        held.version,
    )


def _join_sections(desired: bytes, reported: bytes) -> bytes:
    """Write the sections that hold something."""
    if desired == b"{}":
        return b"{}" if reported == b"{}" else b'{"reported":%b}' % reported
    return b'{"desired":%b}' % desired if reported == b"{}" else b'{"desired":%b,"reported":%b}' % (desired, reported)


def _sections(desired: JsonObject, reported: JsonObject) -> dict[str, Any]:
    sections: dict[str, Any] = {}
    if desired:
        sections["desired"] = desired
    if reported:
        sections["reported"] = reported
    return sections


def _token(client_token: str | None) -> bytes:
    return b"" if client_token is None else b',"clientToken":' + _encode(client_token)
