"""What can go wrong when a batch is asked for."""

from __future__ import annotations

from cloudstead.core.errors import InvalidField


class NotANumber(InvalidField):
    """A field that has to be a whole number is none."""

    code = "not_a_number"

    def __init__(self, field: str) -> None:
        super().__init__(field, "must be a whole number")


class NotInRange(InvalidField):
    """A number lies outside of ``least`` to ``most``, both included."""

    code = "not_in_range"

    def __init__(self, field: str, *, least: int, most: int) -> None:
        super().__init__(field, f"must be from {least} to {most}")
        self.least = least
        self.most = most


class TooManyBatches(InvalidField):
    """The account has as many unfinished batches as it may have."""

    code = "too_many_batches"

    def __init__(self, most: int) -> None:
        super().__init__(
            "requested_size", f"{most} batches are waiting already; ask again when one of them is finished"
        )
        self.most = most
