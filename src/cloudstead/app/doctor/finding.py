"""What an examination finds."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    """How bad it is."""

    GOOD = "good"
    NOTE = "note"  # works now, deserves a look
    WRONG = "wrong"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at: ``what`` it is, what was ``seen``, and what to do about it unless it is good."""

    what: str
    state: State
    seen: str
    advice: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether it stands in the way."""
        return self.state is State.WRONG
