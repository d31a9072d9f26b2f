"""Identity providers, who is bound to them, and sign-ins by way of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, or_, select

from cloudstead.core.identityproviders.model import (
    Answered,
    IdentityProvider,
    ProviderSession,
    ProviderStatus,
    ProviderType,
    Saml2Settings,
)
from cloudstead.storage.sql.json_text import from_text, to_text
from cloudstead.storage.sql.statements import Statement, adding, adding_if_free, replacing
from cloudstead.storage.sql.tables import people
from cloudstead.storage.sql.tables_identity_providers import (
    identity_providers,
    login_profiles,
    provider_answers,
    provider_sessions,
    seen_assertions,
)
from cloudstead.storage.sql.tables_people import login_sessions, person_texts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Table

    from cloudstead.core.identityproviders.model import ProviderId
    from cloudstead.core.ids import AccountId, PersonId
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding(identity_providers)
_REPLACE = replacing(identity_providers, "account_id", "id")
_REMOVE = Statement(
    lambda _: (
        identity_providers.delete()
        .where(identity_providers.c.account_id == bindparam("account_id"))
        .where(identity_providers.c.id == bindparam("id"))
    ),
    "account_id",
    "id",
)
_GET = Statement(
    lambda _: (
        select(identity_providers)
        .where(identity_providers.c.account_id == bindparam("account_id"))
        .where(identity_providers.c.id == bindparam("id"))
    ),
    "account_id",
    "id",
)
_BY_ID = Statement(lambda _: select(identity_providers).where(identity_providers.c.id == bindparam("id")), "id")
_ALL_OF = Statement(
    lambda _: (
        select(identity_providers)
        .where(identity_providers.c.account_id == bindparam("account_id"))
        .order_by(identity_providers.c.id)
    ),
    "account_id",
)

_ADD_PROFILE = adding(login_profiles)
_DROP_PROFILES = Statement(
    lambda _: (
        login_profiles.delete()
        .where(login_profiles.c.account_id == bindparam("account_id"))
        .where(login_profiles.c.person_id == bindparam("person_id"))
    ),
    "account_id",
    "person_id",
)
_PROFILES_OF = Statement(
    lambda words: (
        select(login_profiles.c.person_id, login_profiles.c.provider_id)
        .where(login_profiles.c.account_id == bindparam("account_id"))
        .where(words.any_of(login_profiles.c.person_id, "person_ids"))
        .order_by(login_profiles.c.person_id, login_profiles.c.position)
    ),
    "account_id",
    "person_ids",
)
_BOUND_TO = Statement(
    lambda _: (
        select(login_profiles.c.person_id)
        .where(login_profiles.c.account_id == bindparam("account_id"))
        .where(login_profiles.c.provider_id == bindparam("provider_id"))
        .limit(1)
    ),
    "account_id",
    "provider_id",
)
_PEOPLE_NAMED = Statement(
    lambda _: (
        select(login_profiles.c.person_id)
        .join(people, people.c.id == login_profiles.c.person_id)
        .join(person_texts, person_texts.c.person_id == login_profiles.c.person_id)
        .where(login_profiles.c.account_id == bindparam("account_id"))
        .where(login_profiles.c.provider_id == bindparam("provider_id"))
        .where(or_(people.c.user_name == bindparam("user_name"), person_texts.c.email == bindparam("email")))
        .order_by(login_profiles.c.person_id)
        .limit(2)
    ),
    "account_id",
    "provider_id",
    "user_name",
    "email",
)

_ANSWER = adding_if_free(provider_answers)
_ANSWERED = Statement(
    lambda _: select(provider_answers).where(provider_answers.c.request_id == bindparam("request_id")), "request_id"
)
# The condition is what lets one of two uses win.
_TAKE = Statement(
    lambda _: (
        provider_answers.update()
        .where(provider_answers.c.request_id == bindparam("wanted_request_id"))
        .where(provider_answers.c.is_taken == bindparam("fresh"))
        .values(is_taken=bindparam("taken"))
    ),
    "request_id",
    "fresh",
    "taken",
)
_REMEMBER = adding_if_free(seen_assertions)

_ADD_SESSION = adding(provider_sessions)
# What is known of the provider's sessions goes with those of ours.
_END_SESSIONS = Statement(
    lambda _: (
        login_sessions.delete()
        .where(login_sessions.c.account_id == bindparam("account_id"))
        .where(
            login_sessions.c.id.in_(
                select(provider_sessions.c.login_session_id).where(
                    provider_sessions.c.provider_id == bindparam("provider_id")
                )
            )
        )
    ),
    "account_id",
    "provider_id",
)
_DROP_ANSWERS = Statement(
    lambda _: (
        provider_answers.update()
        .where(provider_answers.c.account_id == bindparam("wanted_account_id"))
        .where(provider_answers.c.provider_id == bindparam("wanted_provider_id"))
        .values(is_taken=bindparam("taken"))
    ),
    "account_id",
    "provider_id",
    "taken",
)
_SESSION_OF_BROWSER = Statement(
    lambda _: select(provider_sessions).where(provider_sessions.c.browser_hash == bindparam("browser_hash")),
    "browser_hash",
)
_SESSIONS_NAMED = Statement(
    lambda _: (
        select(provider_sessions)
        .where(provider_sessions.c.provider_id == bindparam("provider_id"))
        .where(provider_sessions.c.name_id == bindparam("name_id"))
        .order_by(provider_sessions.c.id)
    ),
    "provider_id",
    "name_id",
)
_SESSIONS_OVER = Statement(
    lambda _: (
        select(provider_sessions)
        .where(provider_sessions.c.expires_at_ms < bindparam("now_ms"))
        .order_by(provider_sessions.c.expires_at_ms)
        .limit(bindparam("limit"))
    ),
    "now_ms",
    "limit",
)


def _dropping_expired(table: Table) -> Statement:
    return Statement(lambda _: table.delete().where(table.c.expires_at_ms < bindparam("now_ms")), "now_ms")


_DROP_EXPIRED = tuple(map(_dropping_expired, (provider_answers, seen_assertions)))


class SqlIdentityProviders:
    """Identity providers (``core.identityproviders.ports.IdentityProviderStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, provider: IdentityProvider) -> None:
        """Insert a provider."""
        self._transaction.change(_ADD, *_values(provider))

    def replace(self, provider: IdentityProvider) -> None:
        """Write all columns of a provider."""
        self._transaction.change(_REPLACE, *_values(provider))

    def remove(self, account_id: AccountId, provider_id: ProviderId) -> None:
        """Delete a provider with its answers and with what is known of the sessions that it vouched for."""
        self._transaction.change(_REMOVE, account_id, provider_id)

    def get(self, account_id: AccountId, provider_id: ProviderId) -> IdentityProvider | None:
        """Return the account's provider with that id."""
        row = self._transaction.row(_GET, account_id, provider_id)
        return None if row is None else _provider(row)

    def by_id(self, provider_id: ProviderId) -> IdentityProvider | None:
        """Return the provider with that id, whosever it is."""
        row = self._transaction.row(_BY_ID, provider_id)
        return None if row is None else _provider(row)

    def all_of(self, account_id: AccountId) -> Sequence[IdentityProvider]:
        """Return the account's providers in the order of their ids."""
        return [_provider(row) for row in self._transaction.rows(_ALL_OF, account_id)]

    def bind(self, account_id: AccountId, person_id: PersonId, provider_ids: Sequence[ProviderId]) -> None:
        """Replace the person's login profiles in the account; the person must be a member there."""
        self._transaction.change(_DROP_PROFILES, account_id, person_id)
        self._transaction.change_each(
            _ADD_PROFILE,
            [(account_id, person_id, provider_id, position) for position, provider_id in enumerate(provider_ids)],
        )

    def profiles_of(
        self, account_id: AccountId, person_ids: Collection[PersonId]
    ) -> Mapping[PersonId, Sequence[ProviderId]]:
        """Return the login profiles of these people in their order; nobody's who has none."""
        found: dict[PersonId, list[ProviderId]] = {}
        for person_id, provider_id in self._transaction.rows(_PROFILES_OF, account_id, list(person_ids)):
            found.setdefault(person_id, []).append(provider_id)
        return found

    def bound_to(self, account_id: AccountId, provider_id: ProviderId) -> bool:
        """Tell whether anybody has the provider as a login profile."""
        return self._transaction.row(_BOUND_TO, account_id, provider_id) is not None

    def people_named(
        self, account_id: AccountId, provider_id: ProviderId, *, user_name: str, email: str
    ) -> Sequence[PersonId]:
        """Return at most two who are bound to the provider: by user name, or by e-mail (in lower case)."""
        return [row[0] for row in self._transaction.rows(_PEOPLE_NAMED, account_id, provider_id, user_name, email)]

    def answer(self, answered: Answered) -> bool:
        """Insert an answer; return ``False`` when the request had one before."""
        values = (
            answered.request_id,
            answered.account_id,
            answered.provider_id,
            answered.person_id,
            answered.name_id,
            answered.name_id_format,
            answered.session_index,
            answered.session_ends_at_ms,
            answered.expires_at_ms,
            answered.is_taken,
        )
        return self._transaction.change(_ANSWER, *values) == 1

    def take(self, request_id: str) -> Answered | None:
        """Return the answer to a request, once; it stays until it expires, so that nobody answers again."""
        if self._transaction.change(_TAKE, request_id, False, True) != 1:
            return None
        row = self._transaction.row(_ANSWERED, request_id)
        if row is None:
            return None
        read = dict(zip(provider_answers.c.keys(), row, strict=True))
        return Answered(**{**read, "is_taken": bool(read["is_taken"])})

    def remember_assertion(self, provider_id: ProviderId, assertion_id: str, expires_at_ms: int) -> bool:
        """Remember that an assertion was seen; return ``False`` when it was seen before."""
        return self._transaction.change(_REMEMBER, provider_id, assertion_id, expires_at_ms) == 1

    def add_session(self, session: ProviderSession) -> None:
        """Insert a session; it goes with the session of ours that it belongs to."""
        self._transaction.change(
            _ADD_SESSION,
            session.id,
            session.account_id,
            session.provider_id,
            session.person_id,
            session.name_id,
            session.name_id_format,
            session.session_index,
            session.browser_hash,
            session.login_session_id,
            session.created_at_ms,
            session.expires_at_ms,
        )

    def end_sessions(self, account_id: AccountId, provider_id: ProviderId) -> int:
        """Delete every login session that the provider vouched for, and its open answers; return how many."""
        # Taken, not deleted: nobody answers the same request again.
        self._transaction.change(_DROP_ANSWERS, account_id, provider_id, True)
        return self._transaction.change(_END_SESSIONS, account_id, provider_id)

    def session_of_browser(self, browser_hash: bytes) -> ProviderSession | None:
        """Return the session of a browser."""
        row = self._transaction.row(_SESSION_OF_BROWSER, browser_hash)
        return None if row is None else _session(row)

    def sessions_named(
        self, provider_id: ProviderId, name_id: str, session_indexes: Collection[str]
    ) -> Sequence[ProviderSession]:
        """Return the sessions of a name; those of the given indexes, or all where none is given."""
        found = map(_session, self._transaction.rows(_SESSIONS_NAMED, provider_id, name_id))
        return [each for each in found if not session_indexes or each.session_index in session_indexes]

    def sessions_over(self, now_ms: int, *, limit: int) -> Sequence[ProviderSession]:
        """Return sessions that expired before then."""
        return [_session(row) for row in self._transaction.rows(_SESSIONS_OVER, now_ms, limit)]

    def drop_expired(self, now_ms: int) -> None:
        """Delete answers and assertions that expired before ``now_ms``."""
        for statement in _DROP_EXPIRED:
            self._transaction.change(statement, now_ms)


def _values(provider: IdentityProvider) -> tuple[object, ...]:
    saml2 = provider.saml2 or Saml2Settings()
    return (
        provider.id,
        provider.account_id,
        provider.name,
        provider.description,
        provider.status.value,
        saml2.idp_entity_id,
        saml2.sso_endpoint,
        saml2.slo_endpoint,
        to_text(list(saml2.idp_certificates)),
        saml2.sp_entity_id,
        saml2.sp_certificate,
        saml2.sp_key,
        saml2.allows_idp_initiated,
        provider.created_at_ms,
        provider.version,
        provider.updated_at_ms,
    )


def _provider(row: Sequence[Any]) -> IdentityProvider:
    read = dict(zip(identity_providers.c.keys(), row, strict=True))
    certificates = tuple(from_text(read["idp_certificates"]))
    own = ("idp_entity_id", "sso_endpoint", "slo_endpoint", "sp_entity_id", "sp_certificate", "sp_key")
    return IdentityProvider(
        id=read["id"],
        account_id=read["account_id"],
        name=read["name"],
        description=read["description"],
        type=ProviderType.SAML2,
        status=ProviderStatus(read["status"]),
        saml2=Saml2Settings(
            idp_certificates=certificates,
            allows_idp_initiated=bool(read["allows_idp_initiated"]),
            **{name: read[name] for name in own},
        ),
        created_at_ms=read["created_at_ms"],
        version=read["version"],
        updated_at_ms=read["updated_at_ms"],
    )


def _session(row: Sequence[Any]) -> ProviderSession:
    return ProviderSession(**dict(zip(provider_sessions.c.keys(), row, strict=True)))
