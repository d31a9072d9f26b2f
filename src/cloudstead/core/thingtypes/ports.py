"""What thing types need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.ids import AccountId, ThingTypeId
    from cloudstead.core.thingtypes.model import JsonObject, ThingType


class ThingTypeStore(Protocol):
    """Thing types of one account at a time."""

    def add(self, thing_type: ThingType) -> None:
        """Insert a type; raise ``ThingTypeIdTaken``."""
        ...

    def replace(self, thing_type: ThingType) -> None:
        """Write all columns of a type."""
        ...

    def remove(self, account_id: AccountId, thing_type_id: ThingTypeId) -> None:
        """Delete a type."""
        ...

    def get(self, account_id: AccountId, thing_type_id: ThingTypeId) -> ThingType | None:
        """Return the type with that id."""
        ...

    def all(self, account_id: AccountId) -> Sequence[ThingType]:
        """Return the account's types, ordered by id."""
        ...

    def add_resources(self, account_id: AccountId, thing_type_id: ThingTypeId, resources: JsonObject) -> None:
        """Merge newly learnt resources into the type; known keys are overwritten. A missing type is no error."""
        ...
