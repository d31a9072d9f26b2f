"""What can go wrong with branding."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError


class SlotUnknown(CloudsteadError):
    """A theme has no slot of that name."""

    code = "slot_unknown"

    def __init__(self, reference: str) -> None:
        super().__init__(f"There is no {reference[:80]!r} in a theme.")
        self.reference = reference
