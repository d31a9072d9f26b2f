"""What happened to thing types; told after the transaction that made it so.

A ``path`` holds the ids of the domains from the root, root included, down to the type's own, so that listeners need
no storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.ids import DomainId
    from cloudstead.core.thingtypes.model import ThingType


@dataclass(frozen=True, slots=True)
class ThingTypeCreated:
    """A thing type is there."""

    thing_type: ThingType
    path: tuple[DomainId, ...]


@dataclass(frozen=True, slots=True)
class ThingTypeChanged:
    """Attributes of a thing type were set."""

    thing_type: ThingType
    path: tuple[DomainId, ...]


@dataclass(frozen=True, slots=True)
class ThingTypeAttributeRemoved:
    """An attribute of a thing type is gone."""

    thing_type: ThingType
    path: tuple[DomainId, ...]


@dataclass(frozen=True, slots=True)
class ThingTypeRemoved:
    """A thing type is gone."""

    thing_type: ThingType
    path: tuple[DomainId, ...]
