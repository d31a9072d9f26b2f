from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.app.agent.wishes import WishRefused, read_delta, read_document, wished_interval


def test_a_delta_carries_its_attributes_directly() -> None:
    assert read_delta(b'{"state":{"interval_s":5},"version":3}') == {"interval_s": msgspec.Raw(b"5")}


def test_a_document_carries_them_in_its_delta_section() -> None:
    document = b'{"state":{"desired":{"interval_s":5},"reported":{},"delta":{"interval_s":5}}}'

    assert read_document(document) == {"interval_s": msgspec.Raw(b"5")}
    assert read_document(b'{"state":{"desired":{}}}') == {}


@given(st.binary(max_size=60))
def test_anything_else_wishes_nothing(payload: bytes) -> None:
    assert read_delta(b"?" + payload) == {}
    assert read_document(b"?" + payload) == {}


@pytest.mark.parametrize(("value", "interval_s"), [(b"5", 5.0), (b"0.2", 0.2), (b"3600", 3600.0)])
def test_an_interval_within_bounds_is_granted(value: bytes, interval_s: float) -> None:
    assert wished_interval(msgspec.Raw(value)) == interval_s


@pytest.mark.parametrize("value", [b"0.1", b"3601", b"-1", b'"5"', b"null", b"{}", b"true"])
def test_any_other_interval_is_refused(value: bytes) -> None:
    with pytest.raises(WishRefused):
        wished_interval(msgspec.Raw(value))
