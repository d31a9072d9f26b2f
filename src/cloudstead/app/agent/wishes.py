"""What the shadow wishes of the agent: the difference between desired and reported, read from two kinds of message."""

from __future__ import annotations

import math

import msgspec

SHORTEST_INTERVAL_S = 0.2
LONGEST_INTERVAL_S = 3600.0


class _Delta(msgspec.Struct):
    """``update/delta``: the differing attributes stand directly in ``state`` (Cloud Connect 2.11, section 8)."""

    state: dict[str, msgspec.Raw]


class _Sections(msgspec.Struct):
    delta: dict[str, msgspec.Raw] = {}


class _Document(msgspec.Struct):
    """``get/accepted``: the difference is a section of ``state``."""

    state: _Sections


class WishRefused(Exception):
    """The wish cannot be granted; the message says why."""


def read_delta(payload: bytes) -> dict[str, msgspec.Raw]:
    """Return the attributes that an ``update/delta`` message wishes for; what is no such message wishes nothing."""
    try:
        return msgspec.json.decode(payload, type=_Delta).state
    except msgspec.MsgspecError:
        return {}


def read_document(payload: bytes) -> dict[str, msgspec.Raw]:
    """Return the attributes that a ``get/accepted`` message wishes for."""
    try:
        return msgspec.json.decode(payload, type=_Document).state.delta
    except msgspec.MsgspecError:
        return {}


def wished_interval(value: msgspec.Raw) -> float:
    """Return the seconds between two reports that ``interval_s`` asks for."""
    try:
        interval_s = msgspec.json.decode(value, type=float)
    except msgspec.MsgspecError:
        raise WishRefused(f"interval_s is to be a number, not {bytes(value).decode()}") from None
    if not math.isfinite(interval_s) or not SHORTEST_INTERVAL_S <= interval_s <= LONGEST_INTERVAL_S:
        raise WishRefused(f"interval_s is to lie between {SHORTEST_INTERVAL_S:g} and {LONGEST_INTERVAL_S:g} seconds")
    return interval_s
