"""Key paths: reading and writing inside a document by dotted path, as in ``viewModes.DefaultView.description``.

Documents are JSON values. Nothing is altered in place: a change returns a new document that shares what it left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.errors import InvalidField

if TYPE_CHECKING:
    from cloudstead.core.thingtypes.model import JsonObject

MAX_CHARS: Final = 1024
MAX_LEVELS: Final = 16
"""A view mode's widget's deepest option lies at seven."""

_FIELD: Final = "key_path"


@dataclass(frozen=True, slots=True)
class KeyPath:
    """The keys from the top of a document down to one attribute; there is at least one."""

    keys: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> KeyPath:
        """Read a dotted path; raise ``InvalidField`` when a key is empty or the path is too long."""
        keys = tuple(text.split("."))
        if len(text) > MAX_CHARS:
            raise InvalidField(_FIELD, f"longer than {MAX_CHARS} characters")
        if len(keys) > MAX_LEVELS:
            raise InvalidField(_FIELD, f"deeper than {MAX_LEVELS} levels")
        if not all(keys):
            raise InvalidField(_FIELD, "holds an empty key")
        return cls(keys)

    @property
    def top(self) -> str:
        """The first key."""
        return self.keys[0]

    def put(self, document: JsonObject, item: object) -> JsonObject:
        """Return ``document`` with ``item`` at this path.

        Objects missing on the way are made. An empty list on the way gives way to an object, since a new view mode
        starts with empty lists of widgets while clients file widgets by id. A number addresses a place in a list, the
        one behind the last included. Anything else on the way is refused.
        """
        return _put_member(document, self.keys, item)

    def remove(self, document: JsonObject) -> JsonObject:
        """Return ``document`` without what is at this path; where nothing is, it stays as it was."""
        return _without_member(document, self.keys)


def _put_member(holder: JsonObject, keys: tuple[str, ...], item: object) -> JsonObject:
    key, rest = keys[0], keys[1:]
    return {**holder, key: _put(holder.get(key), rest, item)}


def _without_member(holder: JsonObject, keys: tuple[str, ...]) -> JsonObject:
    key, rest = keys[0], keys[1:]
    if key not in holder:
        return holder
    if rest:
        return {**holder, key: _remove(holder[key], rest)}
    return {name: value for name, value in holder.items() if name != key}


def _put(holder: Any, keys: tuple[str, ...], item: object) -> Any:
    if not keys:
        return item
    key, rest = keys[0], keys[1:]
    if holder is None or holder == []:
        return _put_member({}, keys, item)
    if isinstance(holder, dict):
        return _put_member(holder, keys, item)
    if not isinstance(holder, list):
        raise InvalidField(_FIELD, f"what stands above {key!r} is neither an object nor a list")
    place = _place(key)
    if place is None or place > len(holder):
        raise InvalidField(_FIELD, f"{key!r} is no place in the list that is there")
    present = holder[place] if place < len(holder) else None
    return [*holder[:place], _put(present, rest, item), *holder[place + 1 :]]


def _remove(holder: Any, keys: tuple[str, ...]) -> Any:
    if isinstance(holder, dict):
        return _without_member(holder, keys)
    place = _place(keys[0])
    if not isinstance(holder, list) or place is None or place >= len(holder):
        return holder
    kept = [_remove(holder[place], keys[1:])] if keys[1:] else []
    return [*holder[:place], *kept, *holder[place + 1 :]]


def _place(key: str) -> int | None:
    return int(key) if key.isascii() and key.isdigit() else None
