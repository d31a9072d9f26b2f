"""Colours and images of themes on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from cloudstead.core.branding.model import ColourSlot
from cloudstead.dialects.account_management.shapes.answers import ListOf
from cloudstead.dialects.account_management.shapes.words import utc_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.branding.model import BrandImage, Colour

ColourText: TypeAlias = Annotated[str, Meta(max_length=100)]


class SetColour(Struct):
    """One colour to set; null or empty restores the default."""

    color: ColourText | None


class SetNamedColour(SetColour):
    """One colour of several."""

    reference: Annotated[str, Meta(max_length=100)]


SetColours: TypeAlias = Annotated[list[SetNamedColour], Meta(min_length=1, max_length=len(ColourSlot))]
"""A body that is a bare array, each slot named once at most."""


class BrandingColor(Struct, kw_only=True):
    """A colour of a theme."""

    reference: str
    color: str
    updated_at: str
    object: Literal["branding_color"] = "branding_color"


class BrandingImage(Struct, kw_only=True):
    """An image of a theme."""

    reference: str
    static_uri: str
    updated_at: str
    object: Literal["branding_image"] = "branding_image"


def color_shape(colour: Colour) -> BrandingColor:
    """Return a colour as the wire shows it."""
    return BrandingColor(reference=colour.slot.value, color=colour.text, updated_at=utc_text(colour.updated_at_ms))


def image_shape(image: BrandImage, public_url: str) -> BrandingImage:
    """Return an image as the wire shows it."""
    return BrandingImage(
        reference=image.slot, static_uri=public_url + image.path, updated_at=utc_text(image.updated_at_ms)
    )


def color_list(colours: Sequence[Colour]) -> ListOf[BrandingColor]:
    """Return all colours of a theme: one page, for these have no id by which to ask for a second one."""
    return ListOf(
        data=[color_shape(each) for each in colours],
        has_more=False,
        limit=len(colours),
        total_count=len(colours),
    )


def image_list(images: Sequence[BrandImage], public_url: str) -> ListOf[BrandingImage]:
    """Return all images of a theme, likewise."""
    return ListOf(
        data=[image_shape(each, public_url) for each in images],
        has_more=False,
        limit=len(images),
        total_count=len(images),
    )
