"""Themes, the slots that each has, and what stands in them (Account management, sections "User interface")."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId


class Theme(StrEnum):
    """The two sets that every account has."""

    DARK = "dark"
    LIGHT = "light"


class ColourSlot(StrEnum):
    """What a colour is for. Each ``*_FONT_COLOR`` is the text on the slot whose name it begins with."""

    ERROR = "error_color"
    PRIMARY = "primary"
    SECONDARY = "secondary"
    SUCCESS = "success_color"
    WARNING = "warning_color"
    CANVAS = "canvas_background"
    CANVAS_FONT = "canvas_background_font_color"
    WORKSPACE = "workspace_background"
    WORKSPACE_FONT = "workspace_background_font_color"
    INFO = "info_color"
    INFO_FONT = "info_font_color"
    PRIMARY_FONT = "primary_font_color"
    SECONDARY_FONT = "secondary_font_color"
    ERROR_FONT = "error_font_color"
    SUCCESS_FONT = "success_font_color"
    WARNING_FONT = "warning_font_color"


TEXT_PAIRS: Final = (
    (ColourSlot.CANVAS, ColourSlot.CANVAS_FONT),
    (ColourSlot.WORKSPACE, ColourSlot.WORKSPACE_FONT),
    (ColourSlot.PRIMARY, ColourSlot.PRIMARY_FONT),
    (ColourSlot.SECONDARY, ColourSlot.SECONDARY_FONT),
    (ColourSlot.ERROR, ColourSlot.ERROR_FONT),
    (ColourSlot.SUCCESS, ColourSlot.SUCCESS_FONT),
    (ColourSlot.WARNING, ColourSlot.WARNING_FONT),
    (ColourSlot.INFO, ColourSlot.INFO_FONT),
)
"""A background, and the text on it."""

CAROUSEL_SIZE: Final = 10


class Shape(StrEnum):
    """The form of an image."""

    PORTRAIT = "portrait"
    SQUARE = "square"
    LANDSCAPE = "landscape"


LOGOS: Final = tuple(f"brand_logo_{shape}" for shape in (*Shape, "email"))
BACKGROUNDS: Final = tuple(f"desktop_background_{shape}" for shape in Shape)
CAROUSEL: Final = tuple(f"carousel_image_{shape}_{number}" for shape in Shape for number in range(CAROUSEL_SIZE))
IMAGE_SLOTS: Final = (*LOGOS, *BACKGROUNDS, *CAROUSEL)
"""The names of the 37 slots of a theme that hold images, in the order in which they are listed."""

PAGE_LOGO: Final = "brand_logo_landscape"
MAIL_LOGO: Final = "brand_logo_email"

DEFAULTS_SINCE_MS: Final = 1_792_281_600_000
"""When the defaults were drawn (2026-10-18): they changed last at that time, in every installation."""


@dataclass(frozen=True, slots=True)
class KeptColour:
    """A slot that was set at some time; ``text`` is ``None`` when its default was restored since."""

    account_id: AccountId
    theme: Theme
    slot: ColourSlot
    text: str | None
    updated_at_ms: int


@dataclass(frozen=True, slots=True)
class Colour:
    """A slot as it is shown: ``text`` is a CSS name or ``#hex``."""

    slot: ColourSlot
    text: str
    updated_at_ms: int


@dataclass(frozen=True, slots=True)
class KeptImage:
    """A slot that once had an image of the account's own; ``key`` is ``None`` when it was cleared since.

    ``key`` names the object that holds the image; ``size`` is in bytes, ``etag`` a digest of the content.
    """

    account_id: AccountId
    theme: Theme
    slot: str
    key: str | None
    media_type: str
    size: int
    etag: str
    updated_at_ms: int


@dataclass(frozen=True, slots=True)
class BrandImage:
    """A slot as it is shown: ``path`` is where the image is served, below our public address.

    ``is_own`` tells an image of the account's from a default.
    """

    slot: str
    path: str
    updated_at_ms: int
    is_own: bool
