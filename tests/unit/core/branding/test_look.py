"""Looks: whatever an account sets, its pages can be read."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.core.branding.contrast import GRAPHICS, TEXT, contrast
from cloudstead.core.branding.css import Rgb, parse_colour
from cloudstead.core.branding.look import _shades, look_of, own_look
from cloudstead.core.branding.model import Colour, ColourSlot, Theme
from cloudstead.core.branding.palette import PALETTE
from factories.branding import branding_rooms
from factories.files import picture
from factories.tenants import tenant

__all__ = ["tenant"]

any_colour = st.builds(lambda *parts: Rgb(*parts).hex, *[st.integers(0, 255)] * 3)


@pytest.fixture(scope="module")
def decoding_thread():
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


@pytest.fixture
def rooms(tenant, decoding_thread):
    return branding_rooms(tenant, decoding_thread)


@pytest.fixture
def look(tenant):
    async def look():
        return await tenant.database.read(lambda unit: look_of(unit, tenant.account.id))

    return look


@given(st.fixed_dictionaries(dict.fromkeys(ColourSlot, any_colour)))
def test_every_text_of_a_page_can_be_read_whatever_the_colours(texts):
    shades = _shades({slot: Colour(slot, text, 0) for slot, text in texts.items()})
    for text, ground in (
        (shades.canvas_text, shades.canvas),
        (shades.text, shades.workspace),
        (shades.quiet, shades.workspace),
        (shades.link, shades.workspace),
        (shades.button_text, shades.button),
        (shades.error_text, shades.error),
    ):
        assert contrast(text, ground) >= TEXT
    for edge in (shades.edge, shades.button_edge):
        assert contrast(edge, shades.workspace) >= GRAPHICS


async def test_an_account_that_set_nothing_looks_like_the_installation_but_for_its_name(tenant, look):
    plain = await look()
    assert plain.name == tenant.account.name
    assert (plain.light, plain.dark) == (own_look().light, own_look().dark)
    assert plain.dark.shades.button == parse_colour(PALETTE["dark"]["primary"])


async def test_colours_that_can_be_read_are_taken_and_a_text_that_cannot_is_replaced(tenant, rooms, look):
    wanted = [("primary", "navy"), ("primary_font_color", "black"), ("canvas_background", "#fff8e7")]
    await tenant.database.write(lambda unit: rooms.colours.put_many(unit, tenant.caller, Theme.LIGHT, wanted))
    light = (await look()).light.shades
    assert light.button == light.link == parse_colour("navy")
    assert light.button_text == parse_colour("white")
    assert light.canvas == parse_colour("#fff8e7")
    assert (await look()).dark.shades == own_look().dark.shades


async def test_a_theme_without_a_logo_shows_that_of_the_other_one(tenant, rooms, look):
    def acting(unit):
        return tenant.caller

    made = await rooms.images.put(acting, Theme.LIGHT, "brand_logo_landscape", picture())
    only_light = await look()
    assert only_light.has_own_logo
    assert only_light.light.page_logo == only_light.dark.page_logo == made.path
    assert only_light.light.mail_logo is None
    mail = await rooms.images.put(acting, Theme.DARK, "brand_logo_email", picture(size=(9, 3)))
    both = await look()
    assert both.light.mail_logo == both.dark.mail_logo == mail.path
