"""What can go wrong with things."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError


class ThingNotFound(CloudsteadError):
    """The account has no thing of that name."""

    code = "thing_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"A thing with the name {name!r} could not be found.")
        self.name = name


class ThingNameTaken(CloudsteadError):
    """Another thing of the account has that name."""

    code = "thing_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"A thing with the name {name!r} exists already.")
        self.name = name
