"""A shadow request read and checked: bytes in, a typed request or a rejection out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from cloudstead.core.shadows.errors import MAX_DEPTH, bad_request, not_utf8, too_deep
from cloudstead.core.shadows.model import JsonObject

if TYPE_CHECKING:
    from cloudstead.core.shadows.errors import ShadowRejected

MAX_CLIENT_TOKEN_BYTES: Final = 64
_SECTIONS: Final = frozenset({"desired", "reported"})
_NO_RAW: Final = msgspec.Raw()


class UpdateRequest(msgspec.Struct, frozen=True, gc=False):
    """An update as asked. A section is ``None`` when the request deletes it, ``UNSET`` when it says nothing of it."""

    state_text: bytes  # the request's state as sent: what "accepted" repeats
    desired: JsonObject | msgspec.UnsetType | None
    reported: JsonObject | msgspec.UnsetType | None
    deletes_all: bool  # "state": null
    version: int | None
    client_token: str | None
    is_flat: bool = False  # sections hold single values alone, none of which deletes anything


class _Envelope(msgspec.Struct, gc=False):
    """The top level; unknown keys are ignored."""

    state: msgspec.Raw = _NO_RAW
    version: msgspec.Raw = _NO_RAW
    clientToken: msgspec.Raw = _NO_RAW  # noqa: N815 - the name on the wire


class _State(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A state that nothing is wrong with; what is none is read again, to say what is wrong."""

    desired: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    reported: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET


_envelopes: Final = msgspec.json.Decoder(_Envelope)
_states: Final = msgspec.json.Decoder(_State)
_values: Final = msgspec.json.Decoder()
_texts: Final = msgspec.json.Decoder(str)
_versions: Final = msgspec.json.Decoder(int)


def read_update(payload: bytes) -> UpdateRequest:
    """Read an update request; raise ``ShadowRejected`` saying what is wrong with it.

    Source: AWS IoT, "Device Shadow service documents" and "error messages".
    """
    if not payload:
        raise bad_request("Missing update payload")
    envelope = _read_envelope(payload)
    token = _client_token(envelope.clientToken) if envelope.clientToken else None
    version = _version(envelope.version, token) if envelope.version else None
    if not envelope.state:
        raise bad_request("Missing required node: state", client_token=token)
    state_text = bytes(envelope.state)
    if b"[" not in state_text and b"null" not in state_text:
        flat = _read_flat(state_text, version, token)
        if flat is not None:
            return flat
    state = _decode(envelope.state, token)
    if state is None:
        return UpdateRequest(state_text, msgspec.UNSET, msgspec.UNSET, True, version, token)
    if type(state) is not dict:
        raise bad_request("State node must be an object", client_token=token)
    for key in state:
        if key not in _SECTIONS:
            raise bad_request(f"State contains an invalid node: '{key}'", client_token=token)
    desired = _section(state, "desired", token)
    reported = _section(state, "reported", token)
    return UpdateRequest(state_text, desired, reported, False, version, token)


def _read_flat(state_text: bytes, version: int | None, token: str | None) -> UpdateRequest | None:
    """Read a state of single values without a null or an array, as nearly all are; ``None`` if it is any other.

    Told by its braces: those in texts only make a state seem to be nested.
    """
    try:
        state = _states.decode(state_text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    desired, reported = state.desired, state.reported
    if state_text.count(b"{") != 1 + (desired is not msgspec.UNSET) + (reported is not msgspec.UNSET):
        return None
    return UpdateRequest(state_text, desired, reported, False, version, token, True)


def read_client_token(payload: bytes) -> str | None:
    """Return the client token of a get or delete request, whose payload may be empty or anything at all.

    Raise ``ShadowRejected`` for a token that cannot be repeated: whoever sent it waits for an answer that carries it.
    """
    if not payload:
        return None
    try:
        raw = _envelopes.decode(payload).clientToken
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return _client_token(raw)


def _read_envelope(payload: bytes) -> _Envelope:
    try:
        return _envelopes.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unreadable(payload) from None


def _unreadable(payload: bytes) -> ShadowRejected:
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError:
        return not_utf8()
    return bad_request("Invalid JSON")


def _decode(raw: msgspec.Raw, token: str | None) -> Any:
    try:
        return _values.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        rejection = _unreadable(bytes(raw))
        rejection.client_token = token
        raise rejection from None
    except RecursionError:
        raise too_deep(client_token=token) from None


def _client_token(raw: msgspec.Raw) -> str | None:
    if not raw:
        return None
    try:
        token = _texts.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise bad_request("Invalid clientToken") from None
    if len(token.encode("utf-8", "surrogatepass")) > MAX_CLIENT_TOKEN_BYTES:
        raise bad_request("Invalid clientToken")
    return token


def _version(raw: msgspec.Raw, token: str | None) -> int | None:
    if not raw:
        return None
    try:
        version = _versions.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise bad_request("Invalid version", client_token=token) from None
    if version < 0:
        raise bad_request("Invalid version", client_token=token)
    return version


def _section(state: JsonObject, name: str, token: str | None) -> JsonObject | msgspec.UnsetType | None:
    if name not in state:
        return msgspec.UNSET
    section = state[name]
    if section is None:
        return None
    if type(section) is not dict:
        raise bad_request(f"{name.capitalize()} node must be an object", client_token=token)
    _check(section, MAX_DEPTH - 1, token)
    return section


def _check(node: JsonObject, levels: int, token: str | None) -> None:
    """Refuse an object nested more than ``levels`` deep, or an array that holds null."""
    if levels == 0:
        raise too_deep(client_token=token)
    for key, value in node.items():
        kind = type(value)
        if kind is dict:
            _check(value, levels - 1, token)
        elif kind is list:
            _check_array(key, value, levels - 1, token)


def _check_array(key: str, values: list[Any], levels: int, token: str | None) -> None:
    """Refuse null anywhere inside an array: there, it can delete nothing."""
    if levels == 0:
        raise too_deep(client_token=token)
    for value in values:
        if value is None:
            raise bad_request(f"State contains an invalid node: '{key}'", client_token=token)
        if type(value) is list:
            _check_array(key, value, levels - 1, token)
        elif type(value) is dict:
            _check_array(key, list(value.values()), levels - 1, token)
