"""Reading a text by words: word boundaries much as Elasticsearch's standard analyser finds them, in lower case.

A word is a run of letters, marks and digits. A full stop, an apostrophe or a colon between two letters, and a full
stop, a comma, a semicolon or an apostrophe between two digits do not end it; Chinese characters and Hiragana stand
alone. What is a letter is written out in ranges, the same ones for the store and for what is asked: all of Unicode but
the blocks of signs, symbols and pictures. (With Unicode's own classes RE2 takes 7 ms to read the expression, each time
it stands in a statement; with these ranges a fraction of one.) Lower case is left to the store on both sides, so that
no two libraries have to agree about it.
"""

import re

from cloudstead.search import sql

_ALONE_RANGES = ((0x3041, 0x309F), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
_LETTER_RANGES = (
    (0x41, 0x5A),
    (0x61, 0x7A),
    (0xAA, 0xAA),
    (0xB5, 0xB5),
    (0xBA, 0xBA),
    (0xC0, 0xD6),
    (0xD8, 0xF6),
    (0xF8, 0x1FFF),
    (0x2C00, 0x2DFF),
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3031, 0x3035),
    (0x3041, 0x30FA),
    (0x30FC, 0xD7FF),
    (0xF900, 0xFDFF),
    (0xFE20, 0xFE2F),
    (0xFE70, 0xFEFC),
    (0xFF10, 0xFF19),
    (0xFF21, 0xFF3A),
    (0xFF41, 0xFF5A),
    (0xFF66, 0xFFDC),
    (0x10000, 0x1CFFF),
    (0x1E000, 0x1EFFF),
    (0x20000, 0x3FFFF),
)
_APOSTROPHES = "'\u2019"


def _ranges(ranges: tuple[tuple[int, int], ...], point: str) -> str:
    return "".join(f"{point.format(first)}-{point.format(last)}" for first, last in ranges)


def _pattern(point: str) -> str:
    letter, alone = _ranges(_LETTER_RANGES, point), _ranges(_ALONE_RANGES, point)
    letters = f"[{letter}]+(?:[.:·{_APOSTROPHES}][{letter}]+)*"
    digits = f"[0-9]+(?:[.,;{_APOSTROPHES}][0-9]+)*"
    return f"[{alone}]|(?:{letters}|{digits}|_)+"


WORD = _pattern(r"\x{{{:X}}}")  # for RE2
_WORD = re.compile(_pattern(r"\U{:08X}"))


def words(text: str) -> tuple[str, ...]:
    """Split a text into its words, in the case that they were written in."""
    return tuple(_WORD.findall(text))


def words_sql(value: str) -> str:
    """Write the words of a text that is not null as a list, in lower case."""
    return f"extractAll(lowerUTF8({value}), {sql.text(WORD)})"


def lowered(text: str) -> str:
    """Write a text in the lower case of the store."""
    return f"lowerUTF8({sql.text(text)})"
