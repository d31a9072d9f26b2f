"""The images of slots that nobody set: our own, drawn here as SVG, the same in every installation.

They use the colours of the palette and attributes only, no style sheet, script, font or address of anybody: so they
show under the strictest content security policy.
"""

from __future__ import annotations

import math
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudstead.core.branding.model import CAROUSEL_SIZE, IMAGE_SLOTS, ColourSlot, Shape, Theme
from cloudstead.core.branding.palette import PALETTE

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE: Final = "image/svg+xml"

# The mark: a roof and a door inside of a cloud, in a square of 100.
_CLOUD: Final = "M26 74a20 20 0 0 1-2-39.9A27 27 0 0 1 75 30a22.500 22.500 0 0 1 1 44z"
_HOUSE: Final = "M50 36 30 53h6v15h28V53h6zM45 68V57h10v11z"
_WORD: Final = "cloudstead"
_SIZES: Final = {
    "logo": {"portrait": (240, 320), "square": (256, 256), "landscape": (480, 120), "email": (320, 80)},
    "background": {"portrait": (1080, 1920), "square": (1440, 1440), "landscape": (1920, 1080)},
    "carousel": {"portrait": (600, 800), "square": (640, 640), "landscape": (960, 540)},
}
_ACCENTS: Final = (ColourSlot.PRIMARY, ColourSlot.INFO, ColourSlot.SUCCESS, ColourSlot.SECONDARY, ColourSlot.WARNING)


class Drawing(NamedTuple):
    """An image and a digest of it."""

    content: bytes
    etag: str


@cache
def drawing(theme: Theme, slot: str) -> Drawing:
    """Return the image of a slot that nobody set; there are 74, of about a kilobyte each."""
    content = _draw(theme, slot).encode()
    return Drawing(content, blake2b(content, digest_size=8).hexdigest())


def find_drawing(theme: str, slot: str, etag: str) -> bytes | None:
    """Return an image by the parts of its address, ``None`` for none that we draw today."""
    if theme not in {each.value for each in Theme} or slot not in IMAGE_SLOTS:
        return None
    found = drawing(Theme(theme), slot)
    return found.content if found.etag == etag else None


def _draw(theme: Theme, slot: str) -> str:
    colours = PALETTE[theme]
    kind, _, rest = slot.partition("_image_" if slot.startswith("carousel") else "_")
    if kind == "brand":
        shape = slot.rpartition("_")[2]
        return _logo(_SIZES["logo"][shape], colours, has_word=shape != Shape.SQUARE)
    if kind == "desktop":
        return _background(_SIZES["background"][slot.rpartition("_")[2]], colours)
    shape, _, number = rest.rpartition("_")
    return _scene(_SIZES["carousel"][shape], colours, int(number))


def _svg(size: tuple[int, int], title: str, parts: str) -> str:
    width, height = size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img"><title>{title}</title>{parts}</svg>'
    )


def _mark(x: float, y: float, edge: float, colours: Mapping[ColourSlot, str]) -> str:
    return (
        f'<g transform="translate({x:g} {y:g}) scale({edge / 100:g})">'
        f'<path fill="{colours[ColourSlot.PRIMARY]}" d="{_CLOUD}"/>'
        f'<path fill="{colours[ColourSlot.PRIMARY_FONT]}" d="{_HOUSE}"/></g>'
    )


def _logo(size: tuple[int, int], colours: Mapping[ColourSlot, str], *, has_word: bool) -> str:
    width, height = size
    if not has_word:
        return _svg(size, _WORD, _mark(0, 0, width, colours))
    is_wide = width > height
    text_size = height * 0.42 if is_wide else width * 0.15
    length = width - height * 1.25 if is_wide else width * 0.84  # whatever the font of the system
    place = (
        f'x="{height * 1.08:g}" y="{height * 0.66:g}"'
        if is_wide
        else f'x="{width / 2:g}" y="{height * 0.86:g}" text-anchor="middle"'
    )
    word = (
        f'<text {place} textLength="{length:g}" lengthAdjust="spacingAndGlyphs" font-size="{text_size:g}" '
        f'fill="{colours[ColourSlot.CANVAS_FONT]}" font-family="system-ui, sans-serif" font-weight="600">{_WORD}</text>'
    )
    return _svg(size, _WORD, _mark(0, 0, min(width, height), colours) + word)


def _background(size: tuple[int, int], colours: Mapping[ColourSlot, str]) -> str:
    width, height = size
    hills = "".join(
        f'<path fill="{colours[slot]}" fill-opacity="{opacity:g}" d="M0 {height * top:g}'
        f"C{width * 0.3:g} {height * (top - bend):g} {width * 0.6:g} {height * (top + bend):g} {width} "
        f'{height * (top - bend / 2):g}V{height}H0z"/>'
        for slot, opacity, top, bend in (
            (ColourSlot.PRIMARY, 0.08, 0.62, 0.16),
            (ColourSlot.INFO, 0.10, 0.74, -0.12),
            (ColourSlot.PRIMARY, 0.14, 0.86, 0.10),
        )
    )
    return _svg(size, "Hills", f'<rect width="{width}" height="{height}" fill="{colours[ColourSlot.CANVAS]}"/>{hills}')


def _scene(size: tuple[int, int], colours: Mapping[ColourSlot, str], number: int) -> str:
    """Draw things around the cloud that they belong to: three in the first scene, one more in each."""
    width, height = size
    middle_x, middle_y, radius = width / 2, height / 2, min(width, height) * 0.36
    count = number + 3
    accent = colours[_ACCENTS[number % len(_ACCENTS)]]
    lines, dots = [], []
    for index in range(count):
        angle = 2 * math.pi * index / count - math.pi / 2 + math.pi * number / CAROUSEL_SIZE
        x, y = middle_x + radius * math.cos(angle), middle_y + radius * math.sin(angle)
        lines.append(f"M{middle_x:g} {middle_y:g}L{x:.1f} {y:.1f}")
        dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius * 0.11:.1f}" fill="{accent}"/>')
    return _svg(
        size,
        f"A cloud and {count} things",
        f'<rect width="{width}" height="{height}" fill="{colours[ColourSlot.WORKSPACE]}"/>'
        f'<path fill="none" stroke="{accent}" stroke-opacity=".5" stroke-width="{radius * 0.02:.1f}" '
        f'd="{"".join(lines)}"/>{"".join(dots)}'
        + _mark(middle_x - radius * 0.42, middle_y - radius * 0.42, radius * 0.84, colours),
    )
