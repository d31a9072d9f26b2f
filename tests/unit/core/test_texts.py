from __future__ import annotations

import pytest

from cloudstead.core.errors import InvalidField
from cloudstead.core.texts import require_line


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
