"""A full name in one text, over the two that a person is stored with: what is written comes back unchanged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.people.model import Person


def full_name(person: Person) -> str:
    """Return the whole name; empty when none is known."""
    return f"{person.first_name} {person.last_name}" if person.first_name else person.last_name


def called(person: Person, name: str) -> Person:
    """Return the person with that whole name: what follows the last blank is the last name."""
    first, _, last = name.strip().rpartition(" ")
    return replace(person, first_name=first, last_name=last)
