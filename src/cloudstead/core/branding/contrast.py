"""Whether one colour can be read on another (WCAG 2.2, success criteria 1.4.3 and 1.4.11)."""

from __future__ import annotations

from typing import Final

from cloudstead.core.branding.css import BLACK, WHITE, Rgb

TEXT: Final = 4.5
"""The least contrast of text of common size."""

GRAPHICS: Final = 3.0
"""The least contrast of large text, and of what has to be seen to use a control."""

_WEIGHTS: Final = (0.2126, 0.7152, 0.0722)
_STEPS: Final = 20


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast ratio, from 1 for the same colour to 21 for black on white."""
    darker, brighter = sorted((_luminance(one), _luminance(other)))
    return (brighter + 0.05) / (darker + 0.05)


def readable(wanted: Rgb, *, on: Rgb) -> Rgb:
    """Return ``wanted`` when it can be read as a text on that background, else the better of black and white.

    One of those two always can be: it has a contrast of 4.58 or more.
    """
    if contrast(wanted, on) >= TEXT:
        return wanted
    return max(BLACK, WHITE, key=lambda colour: contrast(colour, on))


def faded(colour: Rgb, *, into: Rgb, at_least: float = TEXT) -> Rgb:
    """Return the colour mixed into a background as far as it still stands out enough, at most three quarters of it."""
    for step in range(_STEPS * 3 // 4, 0, -1):
        mixed = Rgb(*(round(own + (other - own) * step / _STEPS) for own, other in zip(colour, into, strict=True)))
        if contrast(mixed, into) >= at_least:
            return mixed
    return colour


def _luminance(colour: Rgb) -> float:
    """Return the relative luminance (WCAG 2.2, definitions)."""
    return sum(weight * _linear(part / 255) for weight, part in zip(_WEIGHTS, colour, strict=True))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
