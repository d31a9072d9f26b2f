"""Which paths an object can have: the same everywhere, so that a store can be exchanged for another one."""

from __future__ import annotations

import re
from typing import Final

MAX_PREFIX_BYTES: Final = 63
"""What an operator may set before all paths."""

MAX_PATH_BYTES: Final = 1024 - MAX_PREFIX_BYTES - 1
"""Amazon S3 allows 1024 bytes of UTF-8 in all."""

_CONTROL_OR_SURROGATE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_NO_SEGMENT: Final = frozenset({"", ".", ".."})


def is_storable(path: str) -> bool:
    """Tell whether an object can have the path: no other one is ever written, so none can be found under it either.

    Segments that are empty or mean another folder are left out because file systems and proxies take them away.
    """
    if _CONTROL_OR_SURROGATE.search(path) or len(path.encode()) > MAX_PATH_BYTES:
        return False
    return _NO_SEGMENT.isdisjoint(path.split("/"))


def require_storable(path: str) -> None:
    """Raise ``ValueError`` for a path that no object can have."""
    if not is_storable(path):
        raise ValueError(f"no object can have the path {path[:80]!r}")


def last_storable(text: str) -> str | None:
    """Return the longest beginning of ``text`` that an object can have as its path, ``None`` when none can.

    It sorts before ``text``: a listing that may begin only at such a path begins there and leaves out what is too much.
    """
    sound = _CONTROL_OR_SURROGATE.split(text, maxsplit=1)[0].encode()[:MAX_PATH_BYTES].decode(errors="ignore")
    kept: list[str] = []
    for segment in sound.split("/"):
        if segment in _NO_SEGMENT:
            break
        kept.append(segment)
    return "/".join(kept) or None
