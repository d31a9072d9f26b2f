"""``${dotted.path}`` in what goes out (Cloud Connect 2.11, section 6.1, ``config``).

A path that leads nowhere gives nothing. Texts go in as they are, everything else as JSON. Where a whole text is one
placeholder, the value keeps its type; callers who need a text ask for one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cloudstead.core.rules.resources import MISSING, follow
from cloudstead.core.texts import CONTROL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PLACEHOLDER: Final = re.compile(r"\$\{([^{}]*)\}")


def is_placeholder(text: str) -> bool:
    """Tell whether the text is one placeholder and nothing else."""
    return _PLACEHOLDER.fullmatch(text) is not None


def with_placeholders_as(stand_in: str, text: str) -> str:
    """Return the text with the same thing at every placeholder."""
    return _PLACEHOLDER.sub(stand_in, text)


def fill_text(template: str, payload: Mapping[str, Any], *, spell: Callable[[str], str] = str) -> str:
    """Fill in a text. ``spell`` gets each value as text and says how it is written there."""
    return _PLACEHOLDER.sub(lambda found: spell(_as_text(_look_up(found[1], payload))), template)


def fill_line(template: str, payload: Mapping[str, Any]) -> str:
    """Fill in a text of one line: control characters in values become blanks, so that no value ends the line."""
    return fill_text(template, payload, spell=lambda value: CONTROL.sub(" ", value))


def fill_json_text(template: str, payload: Mapping[str, Any]) -> str:
    """Fill in a text that is JSON itself: texts go in escaped, for between quotes, everything else as JSON."""

    def spell(found: re.Match[str]) -> str:
        value = _look_up(found[1], payload)
        if value is MISSING:
            return ""
        spelt = msgspec.json.encode(value).decode()
        return spelt[1:-1] if type(value) is str else spelt

    return _PLACEHOLDER.sub(spell, template)


def fill(template: Any, payload: Mapping[str, Any]) -> Any:
    """Fill in every text of a JSON value, keys left as they are; a text that is one placeholder becomes the value."""
    if type(template) is str:
        whole = _PLACEHOLDER.fullmatch(template)
        if whole is None:
            return fill_text(template, payload)
        value = _look_up(whole[1], payload)
        return "" if value is MISSING else value
    if type(template) is dict:
        return {key: fill(value, payload) for key, value in template.items()}
    if type(template) is list:
        return [fill(value, payload) for value in template]
    return template


def _look_up(path: str, payload: Mapping[str, Any]) -> Any:
    return follow(path.strip(), payload)


def _as_text(value: Any) -> str:
    if value is MISSING:
        return ""
    return value if type(value) is str else msgspec.json.encode(value).decode()
