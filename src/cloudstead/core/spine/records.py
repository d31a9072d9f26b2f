"""A shadow request as a log record, and back.

Layout, big-endian: version (1 byte), verb (1), origin (1), time of receipt in ms (8), account (16), thing uid (16),
four lengths (2 each); then the thing's name, type and domain and the principal, then the payload as received.
Name, type and domain are those of the moment, so that an observation can be made from the record alone: after the
thing was moved, and after it is gone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

from cloudstead.core.errors import CloudsteadError
from cloudstead.core.ids import AccountId, DomainId, ThingName, ThingTypeId, ThingUid
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.requests import Origin

if TYPE_CHECKING:
    from cloudstead.core.spine.requests import ShadowRequest

_VERSION: Final = 2
_HEAD: Final = struct.Struct(">BBBQ16s16s")
_MOMENT: Final = struct.Struct(">BBBQ")  # the part of the head that differs between the requests of a thing
_LENGTHS: Final = struct.Struct(">HHHH")
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
    thing_type: ThingTypeId
    domain_id: DomainId
    principal: str
    payload: bytes


def encode_request(request: ShadowRequest) -> bytes:
    """Write a request as a record."""
    thing = request.thing
    moment = _MOMENT.pack(_VERSION, _VERB_CODES[request.verb], request.origin, request.received_ms)
    names = _encode_names(
        thing.account_id, thing.uid, thing.name, request.thing_type, request.domain_id, request.principal
    )
    return b"".join((moment, names, request.payload))


@lru_cache(maxsize=16_384)  # some 0.5 KB each; writing them anew for every record takes five times the look-up
def _encode_names(account_id: AccountId, uid: ThingUid, *names: str) -> bytes:
    """Write what the records of a thing have in common: ids, lengths, name, type, domain and principal."""
    encoded = [name.encode() for name in names]
    lengths = _LENGTHS.pack(*map(len, encoded))
    return b"".join((bytes.fromhex(account_id), bytes.fromhex(uid), lengths, *encoded))


def decode_record(record: bytes) -> ShadowRecord:
    """Read a record; raise ``RecordUnreadable``."""
    if len(record) < _HEAD.size + _LENGTHS.size or record[0] != _VERSION:
        raise RecordUnreadable("unknown version or too short")
    _, verb, origin, received_ms, account, uid = _HEAD.unpack_from(record)
    ends = list(accumulate(_LENGTHS.unpack_from(record, _HEAD.size), initial=_HEAD.size + _LENGTHS.size))
    if verb not in _VERBS or len(record) < ends[-1]:
        raise RecordUnreadable("unknown verb or cut short")
    try:
        name, thing_type, domain, principal = (record[start:end].decode() for start, end in pairwise(ends))
        return ShadowRecord(
            verb=_VERBS[verb],
            origin=Origin(origin),
            received_ms=received_ms,
            account_id=AccountId(account.hex()),
            thing_uid=ThingUid(uid.hex()),
            thing_name=ThingName(name),
            thing_type=ThingTypeId(thing_type),
            domain_id=DomainId(domain),
            principal=principal,
            payload=record[ends[-1] :],
        )
    except ValueError as error:
        raise RecordUnreadable("unknown origin or no text") from error
