"""Which texts can be names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.core.errors import InvalidField
from cloudstead.core.texts import require_header, require_line


@pytest.mark.parametrize("text", ["Ada", "Zoë O'Neil", "織田 信長", "a\u00a0b", "x" * 256])
def test_a_line_of_something_is_a_name(text):
    require_line(text, field="name")


@pytest.mark.parametrize(
    "end", ["\0", "\n", "\r", "\v", "\f", "\x1b", "\x1c", "\x7f", "\x85", "\x9b", "\u2028", "\u2029"]
)
def test_no_name_ends_a_line_or_steers_a_terminal(end):
    with pytest.raises(InvalidField):
        require_line(f"a{end}b", field="name")


@pytest.mark.parametrize("text", ["", " ", "\u3000", "x" * 257])
def test_nothing_and_too_much_is_no_name(text):
    with pytest.raises(InvalidField):
        require_line(text, field="name")


UNSEEABLE = [
    *map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))),  # what turns the order of letters
    *map(chr, (0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0x2061, 0x2064, 0xFEFF, 0x00AD, 0x061C, 0x180E)),
    *map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x2800, 0x3164, 0xFFA0, 0xFE00, 0xFE0F, 0xFFF9, 0x1D173)),
    *map(chr, (0xE0001, 0xE0041, 0xE0100)),
]


@pytest.mark.parametrize("letter", UNSEEABLE, ids=lambda letter: f"U+{ord(letter):04X}")
@pytest.mark.parametrize("place", ["{}admin", "ad{}min", "admin{}"])
def test_no_name_holds_what_nobody_can_see(letter, place):
    with pytest.raises(InvalidField) as refused:
        require_line(place.format(letter), field="display_name")

    assert refused.value.field == "display_name"
    assert f"U+{ord(letter):04X}" in refused.value.reason
    assert letter not in refused.value.reason


def test_the_character_is_called_by_its_name():
    with pytest.raises(InvalidField, match=r"U\+202E \(RIGHT-TO-LEFT OVERRIDE\)"):
        require_line("invoice\u202efdp.exe", field="name")


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, where the joiner parts two letters
        "\u0915\u094d\u200d\u0937",  # Devanagari, where it makes a half form
        "\U0001f469\u200d\U0001f527",  # a woman and a wrench: a mechanic
        "\u2764\ufe0f",  # a heart in red
        "\U0001f3f3\ufe0f\u200d\U0001f308",
        "\U0001f468\U0001f3fd\u200d\U0001f4bb",
        "1\ufe0f\u20e3",
        "\u0634\u0631\u06a9\u062a",
        "\u05d0\u05d1",
    ],
)
def test_a_name_may_hold_what_changes_how_it_looks(text):
    require_line(text, field="name")


@pytest.mark.parametrize(
    "text", ["a\u200d\U0001f527", "\U0001f527\u200d", "\u200d\U0001f527", "\u0645\u200ca", "x\ufe0f"]
)
def test_a_joiner_that_joins_nothing_is_unseen(text):
    with pytest.raises(InvalidField, match="cannot be seen"):
        require_line(text, field="name")


@given(st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=20))
def test_letters_numbers_and_signs_that_are_seen_are_names(text):
    if not any(letter in UNSEEABLE or letter in "\u3164\uffa0\u115f\u1160\u2800" for letter in text):
        require_line(text, field="name")


def test_the_subject_of_a_mail_may_hold_what_a_device_has_said():
    require_header("pump \u200bstopped", field="subject")
