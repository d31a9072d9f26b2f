from __future__ import annotations

import pytest

from cloudstead.core.errors import InvalidField
from cloudstead.core.free_json import MAX_BYTES, MAX_DEPTH, require_bounded


def nested(depth, kind):
    value = 1
    for _ in range(depth):
        value = {"x": value} if kind == "object" else [value]
    return value


@pytest.mark.parametrize("kind", ["object", "list"])
def test_a_document_may_be_as_deep_as_allowed_and_no_deeper(kind):
    require_bounded(nested(MAX_DEPTH, kind), field="data")
    with pytest.raises(InvalidField) as refused:
        require_bounded(nested(MAX_DEPTH + 1, kind), field="data")
    assert refused.value.field == "data"


def test_a_document_of_any_depth_is_refused_without_exhausting_the_stack():
    with pytest.raises(InvalidField):
        require_bounded(nested(100_000, "object"), field="data")


def test_a_document_may_be_as_long_as_allowed_and_no_longer():
    require_bounded("x" * (MAX_BYTES - 2), field="data")
    with pytest.raises(InvalidField):
        require_bounded("x" * (MAX_BYTES - 1), field="data")


@pytest.mark.parametrize("value", ["a\0b", {"\0": 1}, [{"x": ["\0"]}]])
def test_no_nul_character_is_let_in(value):
    with pytest.raises(InvalidField):
        require_bounded(value, field="data")


@pytest.mark.parametrize("value", [None, 0, "", [], {}, {"x": [None, True, 1.5, "y"]}])
def test_ordinary_values_pass(value):
    require_bounded(value, field="data")
