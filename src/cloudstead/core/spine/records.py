"""A shadow request as a log record, and back.

Layout, big-endian: version (1 byte), verb (1), origin (1), time of receipt in ms (8), account (16), thing uid (16),
length of the thing's name (1) and the name, length of the principal (2) and the principal, then the payload as
received. The name stands there for whoever reads the log after the thing is gone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudstead.core.errors import CloudsteadError
from cloudstead.core.ids import AccountId, ThingName, ThingUid
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.requests import Origin

if TYPE_CHECKING:
    from cloudstead.core.spine.requests import ShadowRequest

_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BBBQ16s16sB")
_PRINCIPAL: Final = struct.Struct(">H")
_VERB_CODES: Final = {Verb.UPDATE: 1, Verb.DELETE: 2}
_VERBS: Final = {code: verb for verb, code in _VERB_CODES.items()}


class RecordUnreadable(CloudsteadError):
    """A log record was written by a later version, or is none of ours."""

    code = "record_unreadable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The log record cannot be read: {reason}.")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ShadowRecord:
    """What the log keeps of a request."""

    verb: Verb
    origin: Origin
    received_ms: int
    account_id: AccountId
    thing_uid: ThingUid
    thing_name: ThingName
    principal: str
    payload: bytes


def encode_request(request: ShadowRequest) -> bytes:
    """Write a request as a record."""
    thing = request.thing
    name = thing.name.encode()
    principal = request.principal.encode()
    head = _HEAD.pack(
        _VERSION,
        _VERB_CODES[request.verb],
        request.origin,
        request.received_ms,
        bytes.fromhex(thing.account_id),
        bytes.fromhex(thing.uid),
        len(name),
    )
    return b"".join((head, name, _PRINCIPAL.pack(len(principal)), principal, request.payload))


def decode_record(record: bytes) -> ShadowRecord:
    """Read a record; raise ``RecordUnreadable``."""
    if len(record) < _HEAD.size or record[0] != _VERSION:
        raise RecordUnreadable("unknown version or too short")
    _, verb, origin, received_ms, account, uid, name_length = _HEAD.unpack_from(record)
    name_end = _HEAD.size + name_length
    principal_start = name_end + _PRINCIPAL.size
    if verb not in _VERBS or len(record) < principal_start:
        raise RecordUnreadable("unknown verb or cut short")
    (principal_length,) = _PRINCIPAL.unpack_from(record, name_end)
    payload_start = principal_start + principal_length
    return ShadowRecord(
        verb=_VERBS[verb],
        origin=Origin(origin),
        received_ms=received_ms,
        account_id=AccountId(account.hex()),
        thing_uid=ThingUid(uid.hex()),
        thing_name=ThingName(record[_HEAD.size : name_end].decode()),
        principal=record[principal_start:payload_start].decode(),
        payload=record[payload_start:],
    )
