"""What can go wrong with the archive."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError


class ObjectUnreadable(CloudsteadError):
    """An object of the archive, or the list of its contents, is missing or does not hold what its row says."""

    code = "archive_object_unreadable"

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"The archive's object {key} cannot be read: {reason}.")
        self.key = key
        self.reason = reason


class LogBegunAnew(CloudsteadError):
    """Records that were not yet archived are gone from the log; the archive goes on behind the gap."""

    code = "archive_gap"

    def __init__(self, first_offset: int, last_offset: int) -> None:
        super().__init__(
            f"The log no longer has the records {first_offset} to {last_offset}, which were not archived: they are in "
            "no object."
        )
        self.first_offset = first_offset
        self.last_offset = last_offset
