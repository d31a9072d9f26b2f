"""Login profiles: by which providers a person may come into an account.

Whoever has none comes by the built-in provider, with a password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.errors import InvalidField
from cloudstead.core.identityproviders.errors import ProviderNotFound
from cloudstead.core.identityproviders.model import ProviderId, built_in
from cloudstead.core.identityproviders.registry import find

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.identityproviders.model import IdentityProvider
    from cloudstead.core.ids import AccountId, PersonId
    from cloudstead.core.unit import Unit

MOST_PROFILES: Final = 100


def bind(unit: Unit, account: Account, person_id: PersonId, provider_ids: Sequence[str]) -> bool:
    """Set the login profiles of a member; return whether that changed anything. Raise ``InvalidField``.

    The caller's right is for the caller of this function to check. The built-in provider alone is as good as none.
    """
    wanted = tuple(dict.fromkeys(ProviderId(each) for each in provider_ids))
    if not 1 <= len(wanted) <= MOST_PROFILES:
        raise InvalidField("login_profiles", f"takes from 1 to {MOST_PROFILES} entries")
    for provider_id in wanted:
        try:
            find(unit, account, provider_id)
        except ProviderNotFound:
            raise InvalidField("login_profiles", "names an identity provider that is not there") from None
    stored = () if wanted == (ProviderId(account.id),) else wanted
    if tuple(unit.identity_providers.profiles_of(account.id, [person_id]).get(person_id, ())) == stored:
        return False
    unit.identity_providers.bind(account.id, person_id, stored)
    return True


def profiles_of(
    unit: Unit, account: Account, person_ids: Collection[PersonId]
) -> Mapping[PersonId, Sequence[IdentityProvider]]:
    """Return everybody's login profiles, at least the built-in provider for each. Two queries."""
    native = built_in(account)
    known = {each.id: each for each in (native, *unit.identity_providers.all_of(account.id))}
    bound = unit.identity_providers.profiles_of(account.id, person_ids)
    return {
        person_id: [known[each] for each in bound.get(person_id, ()) if each in known] or [native]
        for person_id in person_ids
    }


def may_use_password(unit: Unit, account_id: AccountId, person_id: PersonId) -> bool:
    """Tell whether the person may come with a password: to be asked before one opens anything."""
    bound = unit.identity_providers.profiles_of(account_id, [person_id]).get(person_id, ())
    return not bound or ProviderId(account_id) in bound
