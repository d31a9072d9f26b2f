"""Reading a text by words: Unicode's word boundaries as Elasticsearch's standard analyser finds them, in lower case.

A word is a run of letters, marks and decimal digits. A full stop, an apostrophe or a colon between two letters, and a
full stop, a comma, a semicolon or an apostrophe between two digits do not end it; Chinese characters and Hiragana stand
alone. `WORD` says so to RE2 for what is stored, `words` does the same for what is asked. Lower case is left to the
store on both sides, so that no two libraries have to agree about it.
"""

import unicodedata
from collections.abc import Iterator

from cloudstead.search import sql

_ALONE = r"[\p{Han}\p{Hiragana}]"
_APOSTROPHES = "'\u2019"
_LETTERS = rf"[\pL\pM]+(?:[.:·{_APOSTROPHES}][\pL\pM]+)*"
_DIGITS = rf"\p{{Nd}}+(?:[.,;{_APOSTROPHES}]\p{{Nd}}+)*"
WORD = rf"{_ALONE}|(?:{_LETTERS}|{_DIGITS}|_)+"

_BETWEEN_LETTERS = frozenset(f".:·{_APOSTROPHES}")
_BETWEEN_DIGITS = frozenset(f".,;{_APOSTROPHES}")


def words(text: str) -> tuple[str, ...]:
    """Split a text into its words, in the case that they were written in."""
    return tuple(_words(text, [_kind(char) for char in text]))


def _words(text: str, kinds: list[str]) -> Iterator[str]:
    position, length = 0, len(text)
    while position < length:
        start = position
        if kinds[start] == "H":
            position += 1
            yield text[start]
            continue
        while position < length and (
            kinds[position] in "LNU"
            # A Chinese character inside of a word is a letter, as RE2 takes it.
            or (kinds[position] == "H" and position > start)
            or (start < position < length - 1 and _joins(text[position], kinds[position - 1], kinds[position + 1]))
        ):
            position += 1
        if position > start:
            yield text[start:position]
        else:
            position += 1


def _joins(char: str, before: str, after: str) -> bool:
    if before in "LH" and after in "LH":
        return char in _BETWEEN_LETTERS
    return before == after == "N" and char in _BETWEEN_DIGITS


def _kind(char: str) -> str:
    """Tell a letter, a digit, an underscore and a character that stands alone from everything else."""
    if char == "_":
        return "U"
    category = unicodedata.category(char)
    if category[0] in "LM":
        # A name tells the script; no table of scripts is at hand.
        name = unicodedata.name(char, "") if category in {"Lo", "Lm"} else ""
        return "H" if name.startswith(("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "HIRAGANA LETTER")) else "L"
    return "N" if category == "Nd" else " "


def words_sql(value: str) -> str:
    """Write the words of a text that is not null as a list, in lower case."""
    return f"extractAll(lowerUTF8({value}), {sql.text(WORD)})"


def lowered(text: str) -> str:
    """Write a text in the lower case of the store."""
    return f"lowerUTF8({sql.text(text)})"
