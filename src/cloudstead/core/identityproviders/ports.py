"""What identity providers need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.identityproviders.model import Answered, IdentityProvider, ProviderId, ProviderSession
    from cloudstead.core.ids import AccountId, PersonId


class IdentityProviderStore(Protocol):
    """Providers that accounts have added, who is bound to them, and sign-ins by way of them."""

    def add(self, provider: IdentityProvider) -> None:
        """Insert a provider."""
        ...

    def replace(self, provider: IdentityProvider) -> None:
        """Write all columns of a provider."""
        ...

    def remove(self, account_id: AccountId, provider_id: ProviderId) -> None:
        """Delete a provider with its answers and with what is known of the sessions that it vouched for."""
        ...

    def get(self, account_id: AccountId, provider_id: ProviderId) -> IdentityProvider | None:
        """Return the account's provider with that id."""
        ...

    def by_id(self, provider_id: ProviderId) -> IdentityProvider | None:
        """Return the provider with that id, whosever it is: for who comes from outside and shows no credential."""
        ...

    def all_of(self, account_id: AccountId) -> Sequence[IdentityProvider]:
        """Return the account's providers in the order of their ids; the registry bounds how many there are."""
        ...

    def bind(self, account_id: AccountId, person_id: PersonId, provider_ids: Sequence[ProviderId]) -> None:
        """Replace the person's login profiles in the account; the person must be a member there."""
        ...

    def profiles_of(
        self, account_id: AccountId, person_ids: Collection[PersonId]
    ) -> Mapping[PersonId, Sequence[ProviderId]]:
        """Return the login profiles of these people in their order; nobody's who has none."""
        ...

    def bound_to(self, account_id: AccountId, provider_id: ProviderId) -> bool:
        """Tell whether anybody has the provider as a login profile."""
        ...

    def people_named(
        self, account_id: AccountId, provider_id: ProviderId, *, user_name: str, email: str
    ) -> Sequence[PersonId]:
        """Return at most two who are bound to the provider: by user name, or by e-mail (in lower case)."""
        ...

    def answer(self, answered: Answered) -> bool:
        """Insert an answer; return ``False`` when the request had one before."""
        ...

    def take(self, request_id: str) -> Answered | None:
        """Return the answer to a request, once; it stays until it expires, so that nobody answers again."""
        ...

    def remember_assertion(self, provider_id: ProviderId, assertion_id: str, expires_at_ms: int) -> bool:
        """Remember that an assertion was seen; return ``False`` when it was seen before."""
        ...

    def add_session(self, session: ProviderSession) -> None:
        """Insert a session; it goes with the session of ours that it belongs to."""
        ...

    def end_sessions(self, account_id: AccountId, provider_id: ProviderId) -> int:
        """Delete every login session that the provider vouched for, and its open answers; return how many."""
        ...

    def session_of_browser(self, browser_hash: bytes) -> ProviderSession | None:
        """Return the session of a browser."""
        ...

    def sessions_named(
        self, provider_id: ProviderId, name_id: str, session_indexes: Collection[str]
    ) -> Sequence[ProviderSession]:
        """Return the sessions of a name; those of the given indexes, or all where none is given."""
        ...

    def sessions_over(self, now_ms: int, *, limit: int) -> Sequence[ProviderSession]:
        """Return sessions that expired before then."""
        ...

    def drop_expired(self, now_ms: int) -> None:
        """Delete answers and assertions that expired before ``now_ms``."""
        ...
