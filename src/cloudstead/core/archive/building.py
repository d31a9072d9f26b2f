"""An open file as the bytes of an object, and the list of its contents."""

from __future__ import annotations

import gzip
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from cloudstead.core.archive.errors import ObjectUnreadable
from cloudstead.core.archive.model import CONTENTS_VERSION, ArchivedObject, Contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloudstead.core.archive.cutting import Held, OpenFile

_WHITE_SPACE: Final = b" \t\r\n"  # RFC 8259, section 2
_COMPRESSION: Final = 1  # a third more bytes than the default for a fifth of its time
_value: Final = msgspec.json.Decoder(msgspec.Raw)
_contents: Final = msgspec.json.Decoder(Contents)


class Piece(NamedTuple):
    """Messages ready to be written, with what the list of contents says of each."""

    messages: bytes
    sizes: list[int]
    offsets: list[int]
    received_ms: list[int]
    things: list[int]
    principals: list[int]
    origins: list[int]


class BuiltObject(NamedTuple):
    """What is to be written: ``messages`` is empty when all were left out."""

    row: ArchivedObject
    messages: bytes
    contents: bytes


def readable(payload: bytes) -> bytes:
    """Return a message as it goes into an object: without white space around it; nothing when it is no JSON object.

    Objects are read value by value until they end, with nothing in between (Cloud Connect 2.11, section 5.2). What is
    no JSON would end every reader there, and two numbers in a row would be one. No such message can change a shadow.
    """
    text = payload.strip(_WHITE_SPACE)
    if not text.startswith(b"{"):
        return b""
    try:
        _value.decode(text)
        text.decode()  # the decoder skips over strings without looking at their bytes
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b""
    return text


def join(held: Held) -> Piece:
    """Put messages one after the other."""
    texts = [readable(payload) for payload in held.payloads]
    return Piece(
        b"".join(texts),
        [len(text) for text in texts],
        held.offsets.tolist(),
        held.received_ms.tolist(),
        held.things.tolist(),
        held.principals.tolist(),
        held.origins.tolist(),
    )


def build(file: OpenFile, pieces: Sequence[Piece], *, key: str) -> BuiltObject:
    """Return the object of a closed file; ``pieces`` are all of its messages."""
    messages = b"".join([piece.messages for piece in pieces])
    contents = Contents(
        known_things=list(file.known_things),
        known_principals=list(file.known_principals),
        offsets=_chained(piece.offsets for piece in pieces),
        received_ms=_chained(piece.received_ms for piece in pieces),
        sizes=_chained(piece.sizes for piece in pieces),
        things=_chained(piece.things for piece in pieces),
        principals=_chained(piece.principals for piece in pieces),
        origins=_chained(piece.origins for piece in pieces),
    )
    left_out = contents.sizes.count(0)
    row = ArchivedObject(
        account_id=file.account_id,
        first_offset=file.first_offset,
        last_offset=file.last_offset,
        key=key,
        count=len(contents.sizes) - left_out,
        left_out=left_out,
        size=len(messages),
        first_ms=file.first_ms,
        last_ms=file.last_ms,
    )
    return BuiltObject(row, messages, gzip.compress(msgspec.json.encode(contents), _COMPRESSION, mtime=0))


def _chained(columns: Iterable[list[int]]) -> list[int]:
    return list(chain.from_iterable(columns))


def read_contents(key: str, content: bytes) -> Contents:
    """Read the list of an object's contents; raise ``ObjectUnreadable``."""
    try:
        contents = _contents.decode(gzip.decompress(content))
    except (OSError, EOFError, msgspec.DecodeError) as error:
        raise ObjectUnreadable(key, f"the list of its contents is damaged ({error})") from error
    if contents.version != CONTENTS_VERSION:
        raise ObjectUnreadable(key, f"the list of its contents has the unknown version {contents.version}")
    columns = (contents.received_ms, contents.sizes, contents.things, contents.principals, contents.origins)
    if any(len(column) != len(contents.offsets) for column in columns):
        raise ObjectUnreadable(key, "the list of its contents is cut short")
    return contents
