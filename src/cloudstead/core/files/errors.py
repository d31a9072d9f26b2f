"""What can go wrong with files."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError


class ObjectsUnavailable(CloudsteadError):
    """The store of objects does not answer, or not as it should; trying again later may help."""

    code = "objects_unavailable"

    def __init__(self) -> None:
        super().__init__("The files cannot be reached at the moment.")


class FileNotAvailable(CloudsteadError):
    """The account has no such file, or none that the caller may see: both look the same."""

    code = "file_not_available"

    def __init__(self, key: str) -> None:
        super().__init__(f"The file {key!r} could not be found.")
        self.key = key


class LinkRefused(CloudsteadError):
    """A link to a file has expired, or was not signed here."""

    code = "link_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
