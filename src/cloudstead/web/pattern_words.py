"""Patterns of shapes in words: who sends a wrong name should not have to read a regular expression."""

from __future__ import annotations

import re
from typing import Final

# One set of characters and how many of them: every pattern of names and ids is like that.
_COUNTED: Final = re.compile(
    r"\^\[(?P<chosen>(?:\\.|[^\]\\])+)\](?:\{(?P<least>\d+)(?:,(?P<most>\d+))?\}|(?P<some>\+))(?:\$|\\Z)"
)
_PIECE: Final = re.compile(r"\\.|[a-zA-Z0-9]-[a-zA-Z0-9]|.")
_WORDS: Final = {"\\w": "letters digits _", "\\d": "digits", "0-9": "digits"}
_CONTROL: Final = re.compile(r"\\[a-vx-zA-Z]")  # classes and control characters that have no word here


def pattern_in_words(pattern: str) -> str | None:
    """Return what a text has to be, ``None`` for a pattern that is more than one set of characters."""
    found = _COUNTED.fullmatch(pattern)
    if found is None or found["chosen"].startswith("^"):
        return None
    pieces = _PIECE.findall(found["chosen"])
    if any(_CONTROL.fullmatch(piece) for piece in pieces if piece not in _WORDS):
        return None
    words = " ".join(_WORDS.get(piece, piece.removeprefix("\\")) for piece in pieces).split(" ")
    return f"{_number(found)} characters out of: {' '.join(dict.fromkeys(words))}"


def _number(found: re.Match[str]) -> str:
    if found["some"]:
        return "one or more"
    least, most = found["least"], found["most"]
    if most is None:
        return str(least)
    return f"at most {most}" if least == "0" else f"{least} to {most}"
