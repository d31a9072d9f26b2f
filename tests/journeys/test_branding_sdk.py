"""A client that nobody here wrote brands an account: mbed-cloud-sdk, both its colours and its images."""

from __future__ import annotations

import io
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

if TYPE_CHECKING:
    from factories.demo import Demo

mbed_cloud = pytest.importorskip("mbed_cloud")


@pytest.fixture(scope="module")
def entities(demo: Demo) -> Any:
    return mbed_cloud.SDK(api_key=demo.ready["api_key"], host=demo.url()).foundation


def picture() -> io.BytesIO:
    stream = io.BytesIO()
    Image.new("RGB", (320, 80), (11, 92, 173)).save(stream, "PNG")
    stream.seek(0)
    return stream


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_an_image_is_uploaded_listed_and_cleared(entities: Any, demo: Demo, theme: str) -> None:
    made = getattr(entities, f"{theme}_theme_image")
    image = made(reference="carousel_image_square_9").read()
    default = image.static_uri
    image.update(picture())

    assert image.static_uri != default
    with urllib.request.urlopen(demo.url() + urlsplit(image.static_uri).path, timeout=30) as answer:
        assert answer.read() == picture().read()
    listed = {each.reference: each.static_uri for each in made().list()}
    assert len(listed) == 37
    assert listed["carousel_image_square_9"] == image.static_uri

    image.delete()
    assert image.read().static_uri == default


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_colour_is_set_listed_and_reset(entities: Any, theme: str) -> None:
    made = getattr(entities, f"{theme}_theme_color")
    colour = made(reference="info_color").read()
    default = colour.color
    colour.color = "rebeccapurple"
    colour.update()

    assert made(reference="info_color").read().color == "rebeccapurple"
    assert len(list(made().list())) == 16

    colour.delete()
    assert made(reference="info_color").read().color == default
