"""What becomes of everything that a person could come in with when the password changes or is withdrawn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cloudstead.core.people.events import PersonChanged

if TYPE_CHECKING:
    from cloudstead.core.people.links import Links
    from cloudstead.core.people.model import Person
    from cloudstead.core.unit import Unit


def set_password(unit: Unit, person: Person, password_hash: str, *, links: Links, now_ms: int) -> Person:
    """Store a new password: what the old one opened is closed, lock-out included, and no link is good any more."""
    renewed = replace(
        person,
        password_hash=password_hash,
        must_set_password=False,
        failed_logins=0,
        locked_until_ms=0,
        credential_epoch=person.credential_epoch + 1,
        password_changed_at_ms=now_ms,
    )
    return _close(unit, renewed, links)


def withdraw_password(unit: Unit, person: Person, *, links: Links) -> Person:
    """Forget the password, let nobody in until another one is set, and end what it has opened."""
    without = replace(person, password_hash="", must_set_password=True, credential_epoch=person.credential_epoch + 1)
    return _close(unit, without, links)


def shut_out(unit: Unit, person: Person, *, links: Links) -> Person:
    """Store somebody who is disabled from now on: what was open stays closed when the door is opened again."""
    return _close(unit, replace(person, is_enabled=False, credential_epoch=person.credential_epoch + 1), links)


def _close(unit: Unit, person: Person, links: Links) -> Person:
    unit.people.replace(person)
    unit.refresh_tokens.drop_of(person.id)
    unit.sessions.drop_of(person.id)
    links.end_all(unit, person.id)
    unit.emit(PersonChanged(person.home_account_id, person.id))
    return person
