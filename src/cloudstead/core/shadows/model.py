"""The shadow of a thing, as kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId, ThingUid

JsonObject = dict[str, Any]


@dataclass(slots=True)
class Shadow:
    """What a thing reported and what it is wished to be, with a timestamp (s) beside every leaf.

    ``version`` is 0 where there is no shadow (never made, or deleted). ``offset`` is that of the log record that
    changed it last: a record at or below it has been applied already. Sections are replaced on change, never altered
    in place, so that a reference taken earlier stays true.
    """

    thing_uid: ThingUid
    account_id: AccountId
    version: int = 0
    offset: int = 0
    updated_at_s: int = 0
    desired: JsonObject = field(default_factory=dict)
    reported: JsonObject = field(default_factory=dict)
    desired_metadata: JsonObject = field(default_factory=dict)
    reported_metadata: JsonObject = field(default_factory=dict)
    text: bytes | None = field(default=None, repr=False, compare=False)  # the current document, once it was written

    @property
    def exists(self) -> bool:
        """Whether the thing has a shadow."""
        return self.version > 0
