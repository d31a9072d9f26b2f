"""The mails that carry links: which letter for which purpose, and where its link leads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from cloudstead.core.mail import templates
from cloudstead.core.people.links import Purpose, lifetime_ms

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import AccountId
    from cloudstead.core.mail.model import Letter
    from cloudstead.core.people.links import Links
    from cloudstead.core.people.model import Person
    from cloudstead.core.people.ports import Letters
    from cloudstead.core.unit import Unit

CONFIRM_PATH: Final = "/people/confirm"
SET_PASSWORD_PATH: Final = "/people/set-password"  # noqa: S105 - a path, not a password

_MINUTE_MS: Final = 60_000
_BURST_MS: Final = 10 * _MINUTE_MS
_DAY_MS: Final = 24 * 60 * _MINUTE_MS
_TO_PERSON_IN_A_BURST: Final = 3
_TO_PERSON_A_DAY: Final = 10
_TO_ADDRESS_A_DAY: Final = 20
"""More than one person may have the same address, but nobody wants more mails of this kind than that."""


class Mails:
    """Makes a link and sends it. ``public_url`` is where our pages are reached, without a slash at its end."""

    def __init__(self, clock: Clock, *, links: Links, letters: Letters, public_url: str) -> None:
        self._clock = clock
        self._links = links
        self._letters = letters
        self._public_url = public_url

    def send(self, unit: Unit, account_id: AccountId, person: Person, purpose: Purpose) -> None:
        """Mail a fresh link, because somebody who may has asked for it."""
        token = self._links.make(unit, account_id, person, purpose)
        self._letters.send(unit, account_id, self._letter(unit, account_id, person, purpose, token))

    def send_if_quiet(self, unit: Unit, account_id: AccountId, person: Person, purpose: Purpose) -> bool:
        """Mail a fresh link, because anybody has asked for it; return whether the mailbox was quiet enough for one.

        A person gets three in ten minutes and ten a day, an address twenty a day: nobody floods a mailbox through us,
        and the link sent last before the limit stays good.
        """
        now_ms = self._clock.millis()
        is_too_much = (
            unit.links.count_to_person(person.id, now_ms - _BURST_MS) >= _TO_PERSON_IN_A_BURST
            or unit.links.count_to_person(person.id, now_ms - _DAY_MS) >= _TO_PERSON_A_DAY
            or unit.links.count_to_address(person.email.lower(), now_ms - _DAY_MS) >= _TO_ADDRESS_A_DAY
        )
        if not is_too_much:
            self.send(unit, account_id, person, purpose)
        return not is_too_much

    def tell_of_change(self, unit: Unit, account_id: AccountId, person: Person) -> None:
        """Tell somebody that the password is another one now."""
        letter = templates.password_changed(
            to=person.email, account_name=_account_name(unit, account_id), name=_name(person)
        )
        self._letters.send(unit, account_id, letter)

    def tell_of_account(self, unit: Unit, account_id: AccountId, person: Person) -> None:
        """Tell somebody who is known already of a new account to administer."""
        letter = templates.administer(
            to=person.email,
            account_name=_account_name(unit, account_id),
            name=_name(person),
            user_name=person.user_name,
        )
        self._letters.send(unit, account_id, letter)

    def _letter(self, unit: Unit, account_id: AccountId, person: Person, purpose: Purpose, token: str) -> Letter:
        path = CONFIRM_PATH if purpose is Purpose.CONFIRM else SET_PASSWORD_PATH
        write = {
            Purpose.CONFIRM: templates.confirm_sign_up,
            Purpose.SET_PASSWORD: templates.reset_password,
            Purpose.FORGOT_PASSWORD: templates.set_password,
        }[purpose]
        return write(
            to=person.email,
            account_name=_account_name(unit, account_id),
            name=_name(person),
            link=f"{self._public_url}{path}?{urlencode({'token': token})}",
            valid_minutes=lifetime_ms(unit, account_id, purpose) // _MINUTE_MS,
        )


def _account_name(unit: Unit, account_id: AccountId) -> str:
    account = unit.accounts.get(account_id)
    return "" if account is None else account.name


def _name(person: Person) -> str:
    return f"{person.first_name} {person.last_name}".strip() or person.user_name
