"""The images that nobody set: whole, ours alone, and the same every time."""

import itertools
import re
from xml.etree import ElementTree as ET

import pytest

from cloudstead.core.branding.drawings import drawing, find_drawing
from cloudstead.core.branding.model import IMAGE_SLOTS, Theme

ALL = tuple(itertools.product(Theme, IMAGE_SLOTS))
_ADDRESS = re.compile(rb"https?://(?!www\.w3\.org/2000/svg)|//|href|url\(|<style|style=|<script|@import|data:")


def test_a_theme_has_37_images_of_our_own():
    assert len(IMAGE_SLOTS) == len(set(IMAGE_SLOTS)) == 37
    assert len({drawing(theme, slot).etag for theme, slot in ALL}) > len(ALL) * 0.9  # a few shapes coincide


@pytest.mark.parametrize(("theme", "slot"), ALL)
def test_a_drawing_is_a_small_picture_that_asks_nobody_for_anything(theme, slot):
    content = drawing(theme, slot).content
    root = ET.fromstring(content)
    width, height = int(root.get("width")), int(root.get("height"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox") == f"0 0 {width} {height}"
    if "portrait" in slot:
        assert height > width
    elif "square" in slot:
        assert height == width
    else:
        assert width > height
    assert not _ADDRESS.search(content.replace(b"http://www.w3.org/2000/svg", b""))
    assert len(content) < 4000


def test_a_drawing_is_found_under_the_digest_of_what_it_is_today_and_no_other():
    made = drawing(Theme.DARK, "brand_logo_email")
    assert find_drawing("dark", "brand_logo_email", made.etag) == made.content
    for parts in (
        ("dark", "brand_logo_email", "0" * 16),
        ("light", "brand_logo_email", made.etag),
        ("grey", "brand_logo_email", made.etag),
        ("dark", "brand_logo_emails", made.etag),
        ("dark", "../brand_logo_email", made.etag),
    ):
        assert find_drawing(*parts) is None
