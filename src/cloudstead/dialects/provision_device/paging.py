"""Tokens that lead to the next page, good for the question that they were given for and for no other."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGEST_BYTES: Final = 12


# Ids, names, times and statuses: nothing else is ever the end of a page, whatever somebody makes a token of.
_Word = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_-]{1,255}\Z")]


class _Place(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    last: tuple[_Word, _Word]
    question: str


def token_for(last: tuple[str, str], question: Sequence[Any]) -> str:
    """Return the token behind ``last``; ``question`` is whatever must be the same when it comes back."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(_Place(last, _digest(question)))).decode()


def place_of(token: str, question: Sequence[Any]) -> tuple[str, str]:
    """Return where the page before ended; raise ``FieldInvalid``."""
    try:
        place = msgspec.msgpack.decode(base64.b64decode(token.encode(), b"-_", validate=True), type=_Place)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise FieldInvalid("NextToken", "is none of ours") from None
    if not hmac.compare_digest(place.question, _digest(question)):
        raise FieldInvalid("NextToken", "was given for another list: ask with the same filters and order")
    return place.last


def _digest(question: Sequence[Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(question)).hexdigest()[: _DIGEST_BYTES * 2]
