"""Contrast: the published examples, and that a text can always be read."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.core.branding.contrast import GRAPHICS, TEXT, contrast, faded, readable
from cloudstead.core.branding.css import BLACK, WHITE, Rgb, parse_colour
from cloudstead.core.branding.model import TEXT_PAIRS, ColourSlot, Theme
from cloudstead.core.branding.palette import PALETTE

colours = st.builds(Rgb, *[st.integers(0, 255)] * 3)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        (BLACK, WHITE, 21.0),
        (WHITE, WHITE, 1.0),
        (Rgb(0x76, 0x76, 0x76), WHITE, 4.54),  # the lightest grey that passes on white
        (Rgb(0x77, 0x77, 0x77), WHITE, 4.48),
        (Rgb(255, 0, 0), WHITE, 4.00),
    ],
)
def test_the_ratio_is_that_of_the_guidelines(one, other, ratio):
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


@given(colours, colours)
def test_a_text_can_always_be_read_and_stays_as_it_was_when_it_could_be(wanted, background):
    shown = readable(wanted, on=background)
    assert contrast(shown, background) >= TEXT
    assert shown == wanted or contrast(wanted, background) < TEXT


@given(colours, colours)
def test_a_faded_text_is_never_faded_beyond_what_can_be_read(wanted, background):
    text = readable(wanted, on=background)
    assert contrast(faded(text, into=background), background) >= TEXT
    assert contrast(faded(text, into=background, at_least=GRAPHICS), background) >= GRAPHICS


@pytest.mark.parametrize("theme", Theme)
@pytest.mark.parametrize("pair", TEXT_PAIRS)
def test_every_text_of_the_palette_can_be_read(theme, pair):
    background, text = (parse_colour(PALETTE[theme][slot]) for slot in pair)
    assert contrast(background, text) >= TEXT


@pytest.mark.parametrize("theme", Theme)
@pytest.mark.parametrize(
    "slot", [ColourSlot.PRIMARY, ColourSlot.SECONDARY, ColourSlot.ERROR, ColourSlot.SUCCESS, ColourSlot.INFO]
)
def test_links_and_marks_of_the_palette_stand_out_from_both_grounds(theme, slot):
    for ground in (ColourSlot.CANVAS, ColourSlot.WORKSPACE):
        assert contrast(parse_colour(PALETTE[theme][slot]), parse_colour(PALETTE[theme][ground])) >= TEXT


def test_the_pairs_name_every_slot_once():
    assert sorted(itertools.chain(*TEXT_PAIRS)) == sorted(ColourSlot)
    assert all(set(PALETTE[theme]) == set(ColourSlot) for theme in Theme)
