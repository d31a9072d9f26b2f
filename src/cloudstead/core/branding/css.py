"""Colours as people write them: a CSS name, or ``#`` with three or six hexadecimal digits."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from PIL import ImageColor

from cloudstead.core.errors import InvalidField

FIELD: Final = "color"

_HEX: Final = re.compile(r"#(?:[0-9a-fA-F]{3}){1,2}")


class Rgb(NamedTuple):
    """A colour of the screen, each part from 0 to 255."""

    red: int
    green: int
    blue: int

    @property
    def hex(self) -> str:
        """The colour as ``#rrggbb``: nothing else of what people typed ever reaches a style sheet."""
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"


BLACK: Final = Rgb(0, 0, 0)
WHITE: Final = Rgb(255, 255, 255)


def parse_colour(text: str) -> Rgb:
    """Return the colour that a text means; raise ``InvalidField``.

    The names are those of CSS Color Module Level 4, section 6.1, in any case. Transparency is refused, for nobody can
    say whether text on it can be read.
    """
    if not _HEX.fullmatch(text) and text.lower() not in ImageColor.colormap:
        raise InvalidField(FIELD, "is neither the name of a CSS colour nor # with three or six hexadecimal digits")
    return Rgb(*ImageColor.getrgb(text)[:3])
