"""Pictures: what people upload is looked at before it is kept.

A picture is really decoded, within bounds: a few bytes can claim to be a picture of a billion pixels, and a name or a
declared type says nothing about what a browser will make of the content.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from typing import Final

from PIL import Image, ImageSequence

from cloudstead.core.errors import InvalidField

MAX_IMAGE_BYTES: Final = 4 * 1024 * 1024
"""As base64 in JSON it just fits into an invocation of 6 MB (AWS Lambda quotas)."""

MAX_IMAGE_PIXELS: Final = 25_000_000
"""Of all frames together; decoded they take 100 MB."""

MAX_FRAMES: Final = 500

_FIELD: Final = "encoded_file"
_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")
_SPACE: Final = re.compile(r"\s+")
_DATA_URL: Final = re.compile(r"data:(?P<type>[^,;]*)(?P<parameters>(?:;[^,;]*)*),(?P<data>.*)", re.DOTALL)
_SIGNATURES: Final = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
)
SIGNATURE_BYTES: Final = 12
"""As many as ``media_type_of`` looks at."""


def media_type_of(beginning: bytes) -> str | None:
    """Return what kind of picture begins like this, ``None`` for anything else."""
    return next((kind for pattern, kind in _SIGNATURES if pattern.match(beginning)), None)


def decode_text(text: str) -> bytes:
    """Return the content of a data URL (RFC 2397) or of bare base64, with or without line ends; ``InvalidField``."""
    text = text.strip()
    if text.startswith("data:"):
        match = _DATA_URL.fullmatch(text)
        if match is None or not match["parameters"].lower().endswith(";base64"):
            raise InvalidField(_FIELD, "a data URL has to be in base64")
        text = match["data"]
    text = _SPACE.sub("", text)
    if len(text) > MAX_IMAGE_BYTES * 4 // 3 + 4:
        raise InvalidField(_FIELD, f"larger than {MAX_IMAGE_BYTES} bytes")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidField(_FIELD, "is not base64") from None


def require_image(content: bytes) -> None:
    """Raise ``InvalidField`` unless the content is a whole picture of a known kind, within bounds.

    Takes up to about a second for the largest: call it in a thread.
    """
    if len(content) > MAX_IMAGE_BYTES:
        raise InvalidField(_FIELD, f"larger than {MAX_IMAGE_BYTES} bytes")
    if media_type_of(content[:SIGNATURE_BYTES]) is None:
        raise InvalidField(_FIELD, "is no PNG, JPEG, GIF or WebP picture")
    try:
        _decode(content)
    except InvalidField:
        raise
    except Exception as error:  # decoders fail in many ways; whatever they choke on is no picture
        raise InvalidField(_FIELD, "is a damaged picture, or one that cannot be read") from error


def _decode(content: bytes) -> None:
    with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
        pixels = 0
        for number, frame in enumerate(ImageSequence.Iterator(picture), 1):
            pixels += frame.width * frame.height
            if pixels > MAX_IMAGE_PIXELS or number > MAX_FRAMES:
                raise InvalidField(_FIELD, f"more than {MAX_IMAGE_PIXELS} pixels or {MAX_FRAMES} frames")
            frame.load()
