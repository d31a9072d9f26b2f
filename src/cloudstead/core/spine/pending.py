"""What was applied and is not yet written anywhere but into the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId, ThingTypeId
    from cloudstead.core.observations.model import Observation, ShadowChange
    from cloudstead.core.shadows.model import Shadow
    from cloudstead.core.spine.resources import Resources


@dataclass(frozen=True, slots=True)
class Pending:
    """Everything up to and including ``offset``, as of one moment."""

    offset: int
    shadows: list[Shadow]
    observations: list[Observation]
    changes: list[ShadowChange]
    resources: dict[tuple[AccountId, ThingTypeId], Resources]
