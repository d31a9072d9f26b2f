"""A thing: a device as the account knows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId, DomainId, ThingName, ThingTypeId, ThingUid

NAME_PATTERN: Final = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""What a thing may be called (AWS IoT, CreateThing)."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A device. ``uid`` tells it from an earlier thing of the same name; ``name`` is unique in the account."""

    uid: ThingUid
    account_id: AccountId
    name: ThingName
    thing_type: ThingTypeId
    domain_id: DomainId
    label: str
    description: str | None
    created_at_ms: int
    created_by: str
