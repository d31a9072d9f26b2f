"""What happened to people; told after the transaction that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId, PersonId


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """A person was changed or removed, or given another place in ``account_id``. Logging in is no such change."""

    account_id: AccountId
    person_id: PersonId
