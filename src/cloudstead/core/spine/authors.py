"""Whom a change of a shadow is owed to, in words that people know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.core.ids import ApiKeyId, PersonId

if TYPE_CHECKING:
    from collections.abc import Collection

    from cloudstead.core.observations.model import ShadowChange
    from cloudstead.core.unit import Unit


@dataclass(frozen=True, slots=True)
class AuthoredChange:
    """A change with its author's name: a thing's, a user name, or the principal itself where nobody is left."""

    change: ShadowChange
    author_name: str


def authors(unit: Unit, principals: Collection[str]) -> dict[str, str]:
    """Return the name behind each principal (``thing:NAME``, ``person:ID``, ``key:ID``)."""
    return {principal: _name(unit, principal) for principal in principals}


def _name(unit: Unit, principal: str) -> str:
    kind, _, rest = principal.partition(":")
    if kind == "thing":
        return rest
    person_id: PersonId | None = PersonId(rest)
    if kind == "key":
        key = unit.api_keys.get(ApiKeyId(rest))
        person_id = None if key is None else key.owner_id
        if key is not None and person_id is None:
            return key.name
    person = None if person_id is None else unit.people.get(person_id)
    return principal if person is None else person.user_name
