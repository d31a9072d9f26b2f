"""What can go wrong with thing types."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError


class ThingTypeNotFound(CloudsteadError):
    """The account has no thing type with that id; ``field`` names the input that carried it."""

    code = "thing_type_not_found"

    def __init__(self, thing_type_id: str, *, field: str = "id") -> None:
        super().__init__(f"A thing type with the id {thing_type_id!r} could not be found.")
        self.thing_type_id = thing_type_id
        self.field = field


class ThingTypeIdTaken(CloudsteadError):
    """Another thing type of the account has that id."""

    code = "thing_type_id_taken"

    def __init__(self, thing_type_id: str) -> None:
        super().__init__(f"A thing type with the id {thing_type_id!r} exists already.")
        self.thing_type_id = thing_type_id


class ThingTypeHasThings(CloudsteadError):
    """There are things of that type."""

    code = "thing_type_has_things"

    def __init__(self) -> None:
        super().__init__("The thing type still has things.")


class ThingTypeNotUsable(CloudsteadError):
    """The thing type belongs to a domain that is neither the thing's own nor above it."""

    code = "thing_type_not_usable"

    def __init__(self, thing_type_id: str) -> None:
        super().__init__(f"The thing type {thing_type_id!r} can only be used at its own domain and below.")
        self.thing_type_id = thing_type_id
