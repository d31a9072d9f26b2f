"""What happened to thing types; told after the transaction that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.thingtypes.model import ThingType


@dataclass(frozen=True, slots=True)
class ThingTypeCreated:
    """A thing type is there."""

    thing_type: ThingType


@dataclass(frozen=True, slots=True)
class ThingTypeChanged:
    """A thing type was changed."""

    thing_type: ThingType


@dataclass(frozen=True, slots=True)
class ThingTypeRemoved:
    """A thing type is gone."""

    thing_type: ThingType
