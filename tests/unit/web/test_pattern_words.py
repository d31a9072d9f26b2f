from __future__ import annotations

import pytest

from cloudstead.web.pattern_words import pattern_in_words


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("^[a-f0-9]{32}$", "32 characters out of: a-f digits"),
        ("^[0-9a-f]{0,32}$", "at most 32 characters out of: digits a-f"),
        (r"^[\w\-,._@+=]{4,30}$", "4 to 30 characters out of: letters digits _ - , . @ + ="),
        (r"^[a-zA-Z0-9\-_]+\Z", "one or more characters out of: a-z A-Z digits - _"),
    ],
)
def test_a_set_of_characters_is_told_in_words(pattern, words):
    assert pattern_in_words(pattern) == words


@pytest.mark.parametrize("pattern", ["^(?=.{3,254}$).+@.+$", r"^[^\n\r]+\Z", r"^[a\s]{3}$", "^a$", "[a-z]{2}"])
def test_what_is_more_than_that_is_left_to_its_pattern(pattern):
    assert pattern_in_words(pattern) is None
