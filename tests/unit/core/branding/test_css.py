"""Colours as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.core.branding.css import Rgb, parse_colour
from cloudstead.core.errors import InvalidField


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#f3f93e", Rgb(0xF3, 0xF9, 0x3E)),
        ("#F3F93E", Rgb(0xF3, 0xF9, 0x3E)),
        ("#fa0", Rgb(0xFF, 0xAA, 0)),
        ("purple", Rgb(128, 0, 128)),
        ("RebeccaPurple", Rgb(0x66, 0x33, 0x99)),
        ("lightgoldenrodyellow", Rgb(0xFA, 0xFA, 0xD2)),
    ],
)
def test_names_and_hexadecimal_digits_are_colours(text, colour):
    assert parse_colour(text) == colour
    assert parse_colour(parse_colour(text).hex) == colour


@pytest.mark.parametrize(
    "text",
    [
        "#12345",
        "#1234",
        "#12345678",
        "#ggg",
        "f3f93e",
        "#f3f93e ",
        " purple",
        "#f3f93e\n",
        "notacolour",
        "transparent",
        "currentcolor",
        "rgb(1,2,3)",
        "hsl(0, 100%, 50%)",
        "var(--x)",
        "red;}body{display:none",
        "url(https://elsewhere.example)",
        "#\uff11\uff12\uff13",
        "\uff52\uff45\uff44",
        "",
    ],
)
def test_anything_else_is_no_colour(text):
    with pytest.raises(InvalidField) as refusal:
        parse_colour(text)
    assert refusal.value.field == "color"


@given(st.text(max_size=40))
def test_whatever_is_written_is_a_colour_or_refused(text):
    try:
        colour = parse_colour(text)
    except InvalidField:
        return
    assert all(0 <= part <= 255 for part in colour)
