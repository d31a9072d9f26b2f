"""Where the image of a thing lies among the objects.

The path carries the uid of the thing behind the key, so that a thing never shows the image of an earlier one of the
same name, and what is left of an earlier one can be told from what a living one needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.files.model import Bucket, image_key, object_path
from cloudstead.core.ids import ThingUid

if TYPE_CHECKING:
    from cloudstead.core.things.model import Thing

_MARK: Final = "!"  # sorts before every character that a thing's name may hold, so that keys keep their order


def path_of_image(thing: Thing) -> str:
    """Return the path of the object that holds the thing's image."""
    key = image_key(thing.thing_type, thing.name)
    return object_path(thing.account_id, Bucket.THING_FILES, f"{key}{_MARK}{thing.uid}")


def is_image_path(path: str) -> bool:
    """Tell whether an object among the files of things is an image of ours."""
    return _MARK in path.rpartition("/")[2]


def logical_key(path: str) -> str:
    """Return the path or key without the uid at its end."""
    return path.rpartition(_MARK)[0]


def uid_of(path: str) -> ThingUid:
    """Return the uid at the end of an image's path."""
    return ThingUid(path.rpartition(_MARK)[2])
