"""JSON columns: text outside, plain values inside."""

from __future__ import annotations

from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def to_text(value: Any) -> str:
    """Return the JSON text of a value."""
    return _encode(value).decode()


def to_optional_text(value: Any | None) -> str | None:
    """Return the JSON text of a value; nothing for nothing."""
    return None if value is None else _encode(value).decode()


def from_text(text: str) -> Any:
    """Return the value of a JSON text."""
    return _decode(text)


def from_optional_text(text: str | None) -> Any | None:
    """Return the value of a JSON text; nothing for nothing."""
    return None if text is None else _decode(text)
