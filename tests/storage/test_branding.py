"""Slots of branding on both engines."""

from dataclasses import replace

import pytest

from cloudstead.core.branding.model import ColourSlot, KeptColour, KeptImage, Theme

pytestmark = pytest.mark.usefixtures("tenants")

COLOUR = KeptColour("a1", Theme.DARK, ColourSlot.PRIMARY, "purple", 7)
IMAGE = KeptImage("a1", Theme.LIGHT, "brand_logo_email", "0" * 32, "image/png", 10, "e", 7)


async def test_colours_come_back_as_they_were_put_last_each_theme_for_itself(database):
    later = replace(COLOUR, text=None, updated_at_ms=8)
    other = replace(COLOUR, slot=ColourSlot.CANVAS, text="#fa0")
    light = replace(COLOUR, theme=Theme.LIGHT)
    await database.write(lambda unit: unit.branding.put_colours([COLOUR, other, light]))
    await database.write(lambda unit: unit.branding.put_colours([later]))
    dark = await database.read(lambda unit: unit.branding.colours("a1", Theme.DARK))
    assert sorted(dark, key=lambda each: each.slot) == [other, later]
    assert await database.read(lambda unit: unit.branding.colours("a1", Theme.LIGHT)) == [light]
    assert await database.read(lambda unit: unit.branding.colours("a2", Theme.DARK)) == []


async def test_images_come_back_as_they_were_put_last(database):
    cleared = replace(IMAGE, key=None, media_type="", size=0, etag="", updated_at_ms=8)
    dark = replace(IMAGE, theme=Theme.DARK)
    of_another = replace(IMAGE, account_id="a2")

    def write(unit):
        for image in (IMAGE, dark, of_another, cleared):
            unit.branding.put_image(image)

    await database.write(write)
    found = await database.read(lambda unit: unit.branding.images("a1"))
    assert sorted(found, key=lambda each: each.theme) == [dark, cleared]
    assert await database.read(lambda unit: unit.branding.images("a2")) == [of_another]
