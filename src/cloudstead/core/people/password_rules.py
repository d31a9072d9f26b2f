"""How short a password may be: what the account sets, and what Cloud Connect 2.11 leaves to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.people.profile import SHORTEST_CHOSEN_PASSWORD, SHORTEST_PASSWORD

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId
    from cloudstead.core.unit import Unit


def shortest_password(unit: Unit, account_id: AccountId) -> int:
    """Return how many characters a password has to have that is chosen on our pages or given by an administrator."""
    return max(SHORTEST_CHOSEN_PASSWORD, unit.accounts.profile(account_id).password_minimum_length)


def shortest_in_cloud_connect(unit: Unit, account_id: AccountId) -> int:
    """Return the same for the actions of Cloud Connect, whose document signs up ``demo`` with ``demo``.

    Its own measure holds as long as the account asks for no more than every account does; a longer minimum, which an
    administrator has set, holds there too.
    """
    asked = unit.accounts.profile(account_id).password_minimum_length
    return asked if asked > SHORTEST_CHOSEN_PASSWORD else SHORTEST_PASSWORD
