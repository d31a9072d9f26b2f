"""How paths of objects are spelt as names in a folder: readable where they can be, and never anything but names.

A folder is called like its segment, an object like its last segment with ``.object`` behind it, so that ``a`` and
``a/b`` can both be objects. A segment longer than a name may be goes on in a folder that ends with ``.more``.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(StrEnum):
    """What a name in a folder stands for; the value is its suffix."""

    FOLDER = ""
    OBJECT = ".object"
    MORE = ".more"


_PIECE_BYTES: Final = 236  # file systems end at 255; four more for the last character, and a suffix comes behind
_ESCAPED: Final = re.compile(r"%|^\.|\.(?=(?:object|more)$)")
_ESCAPE_BYTES: Final = 3
_NAME: Final = re.compile(r"(?P<piece>.*?)(?P<suffix>\.object|\.more)?", re.DOTALL)
_NOTHING: Final = "%"  # no escape ends like this


def encode_path(path: str) -> list[str]:
    """Return the names that lead from the root folder to the object."""
    *folders, last = path.split("/")
    names = [name for segment in folders for name in _encode_segment(segment, Kind.FOLDER)]
    return [*names, *_encode_segment(last, Kind.OBJECT)]


def _encode_segment(segment: str, kind: Kind) -> Iterator[str]:
    while (end := _end_of_first_piece(segment)) is not None:
        yield _escape(segment[:end]) + Kind.MORE
        segment = segment[end:]
    yield (_escape(segment) or _NOTHING) + kind


def _end_of_first_piece(segment: str) -> int | None:
    """Return where a segment has to be cut, ``None`` when it is short enough.

    It depends on the part before the cut alone. Otherwise the paths below one name could have their place between
    those below another one, and no order of the names would give the order of the paths.
    """
    size = 0
    for position, character in enumerate(segment, 1):
        size += _ESCAPE_BYTES if character in "%." else len(character.encode())
        if size > _PIECE_BYTES:
            return position
    return None


def _escape(piece: str) -> str:
    return _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", piece)


def decode_name(name: str) -> tuple[str, Kind]:
    """Return the piece of a path that a name stands for, and as what."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"no name of ours: {name!r}")
    piece = "" if match["piece"] == _NOTHING else unquote(match["piece"])
    return piece, Kind(match["suffix"] or "")
