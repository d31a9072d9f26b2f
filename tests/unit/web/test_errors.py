from __future__ import annotations

from typing import Annotated

import msgspec
import pytest

from cloudstead.core.errors import CloudsteadError
from cloudstead.web.errors import BodyTooLarge, FieldInvalid, WebError
from cloudstead.web.face import ErrorMap


class Leaf(msgspec.Struct, forbid_unknown_fields=True):
    size: int


Name = Annotated[str, msgspec.Meta(pattern=r"^[\w\-']{4,30}$")]
Address = Annotated[str, msgspec.Meta(pattern=r"^[^\s@]+@.+$")]


class Tree(msgspec.Struct):
    name: Name = "tree"
    address: Address | None = None
    leaves: list[Leaf] = []
    by_name: dict[str, Leaf] = {}
    sizes: dict[int, int] = {}


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        (b'{"leaves":[{"size":1},{"size":"x"}]}', "leaves[1].size", "Expected `int`, got `str`"),
        (b'{"leaves":[{}]}', "leaves[0].size", "is missing"),
        (b'{"leaves":[{"size":1,"more":2}]}', "leaves[0].more", "is unknown"),
        (b'{"by_name":{"a":{"size":null}}}', "by_name[...].size", "Expected `int`, got `null`"),
        (b'{"sizes":{"x":1}}', "sizes", "Expected `int`, got `str`"),
        (b'{"leaves":1}', "leaves", "Expected `array`, got `int`"),
        (b'{"name":"x"}', "name", "needs 4 to 30 characters out of: letters digits _ - '"),
        (b'{"address":"x"}', "address", r"needs the form ^[^\s@]+@.+$"),
        (b"1", "", "Expected `object`, got `int`"),
    ],
)
def test_the_place_of_a_fault_is_read_from_its_message(body, field, reason):
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(body, type=Tree)
    error = FieldInvalid.from_text(str(refused.value))
    assert (error.field, error.reason) == (field, reason)


def test_an_error_is_worded_by_its_nearest_named_ancestor():
    words = ErrorMap({WebError: lambda e, c: "web", BodyTooLarge: lambda e, c: "large"}, unexpected=lambda c: "fault")
    assert words.answer(BodyTooLarge(1), None) == "large"
    assert words.answer(FieldInvalid("a", "b"), None) == "web"
    assert words.answer(CloudsteadError(), None) is None


def test_a_map_tells_what_it_has_no_words_for():
    words = ErrorMap({BodyTooLarge: lambda e, c: "large"}, unexpected=lambda c: "fault")
    assert FieldInvalid in words.unworded(WebError)
    assert BodyTooLarge not in words.unworded(WebError)
    assert ErrorMap({WebError: None}, unexpected=None).unworded(WebError) == set()
