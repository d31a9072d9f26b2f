"""From an id, a key or a token to the caller, remembered for a moment.

A request by key or token then costs a hash and a look into a table. What changes a caller in this process is heard at
once, by event; what another process changed is seen when a remembered caller is five seconds old.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from cloudstead.core.accounts.events import AccountChanged, AccountStatusChanged
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.accounts.policies import denied_in
from cloudstead.core.caller import Caller
from cloudstead.core.credentials import api_keys
from cloudstead.core.credentials.errors import AccountClosed, CredentialRefused
from cloudstead.core.credentials.events import ApiKeyChanged, ApiKeyWithdrawn
from cloudstead.core.credentials.recent import Recent
from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.ids import DomainId
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.sessions import NOTED_EVERY_MS, recognise
from cloudstead.core.policygroups.events import PolicyGroupChanged
from cloudstead.core.policygroups.model import GroupKind
from cloudstead.core.roles.events import RoleChanged
from cloudstead.core.roles.model import is_of_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.tokens import Tokens
    from cloudstead.core.events import EventBus
    from cloudstead.core.ids import AccountId, ApiKeyId, PersonId
    from cloudstead.core.unit import Database, Unit

_REMEMBERED_MS: Final = 5000
_CALLERS_KEPT: Final = 4096


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    account: Account
    read_at_ms: int
    secret_hash: bytes = field(default=b"", repr=False)


class Callers:
    """Finds callers; every method raises ``CredentialRefused`` for whoever is unknown, disabled or of a closed account.

    For the event loop's thread. ``listen`` has to be called once.
    """

    def __init__(
        self,
        database: Database,
        tokens: Tokens,
        clock: Clock,
        *,
        on_key_use: Callable[[ApiKeyId], None] = lambda _: None,
    ) -> None:
        """``on_key_use`` hears of every request made with a key, so it must cost next to nothing."""
        self._database = database
        self._tokens = tokens
        self._clock = clock
        self._known: Recent[str, _Known] = Recent(_CALLERS_KEPT)
        self._changes = 0
        self._on_key_use = on_key_use

    def listen(self, bus: EventBus) -> None:
        """Forget callers as soon as something about them changes."""
        bus.subscribe(PersonChanged, self._on_person_changed)
        bus.subscribe(ApiKeyWithdrawn, self._on_api_key_changed)
        bus.subscribe(ApiKeyChanged, self._on_api_key_changed)
        bus.subscribe(PolicyGroupChanged, self._on_account_changed)
        bus.subscribe(AccountStatusChanged, self._on_account_changed)
        bus.subscribe(AccountChanged, self._on_account_changed)
        bus.subscribe(RoleChanged, self._on_account_changed)

    async def of_person(self, account_id: AccountId, person_id: PersonId) -> Caller:
        """Return the person as a caller in that account, who holds the present ``credential_epoch``."""
        return (await self._person(account_id, person_id)).caller

    async def of_session(self, account_id: AccountId, person_id: PersonId, *, credential_epoch: int) -> Caller:
        """Return the person for whom a credential was made in that epoch; one of an earlier password is refused."""
        caller = await self.of_person(account_id, person_id)
        _require_epoch(caller, credential_epoch)
        return caller

    async def of_id_token(self, token: str) -> Caller:
        """Return whom the ID token speaks of; raise ``CredentialExpired`` too."""
        genuine = self._tokens.verify(token)
        known = await self._person(genuine.account_id, genuine.person_id)
        self._tokens.require_account(known.account, genuine)
        _require_epoch(known.caller, genuine.credential_epoch)
        return known.caller

    async def of_login_token(self, token: str) -> Caller:
        """Return whose session on our pages the login token belongs to; using it keeps it from ending."""
        now_ms = self._clock.millis()
        session = await self._database.read(lambda unit: recognise(unit, token, now_ms=now_ms))
        caller = await self.of_session(session.account_id, session.person_id, credential_epoch=session.credential_epoch)
        if now_ms - session.used_at_ms >= NOTED_EVERY_MS:
            await self._database.write(lambda unit: unit.sessions.note_use(session.id, now_ms))
        return caller

    async def of_api_key(self, text: str) -> Caller:
        """Return the caller that the API key stands for."""
        presented = api_keys.parse(text)
        name = f"key:{presented.key_id}"
        known = self._fresh(name)
        if known is None:

            def read(unit: Unit) -> tuple[Caller, Account]:
                caller = api_keys.recognise(unit, presented)
                account = _usable(unit, caller.account_id)
                return _bounded(unit, caller, account), account

            before = self._changes
            caller, account = await self._database.read(read)
            self._remember(name, _Known(caller, account, self._clock.millis(), presented.secret_hash), before)
            self._on_key_use(presented.key_id)
            return caller
        if not hmac.compare_digest(known.secret_hash, presented.secret_hash):
            raise CredentialRefused("The API key is not valid.")
        self._on_key_use(presented.key_id)
        return known.caller

    async def of_client(self, key_id: ApiKeyId, *, secret_epoch: int) -> Caller:
        """Return the owner of a key that was shown with the secret of that epoch, as the key may speak for the owner.

        The caller holds what the key holds and, unless the key was put into policy groups and so was made for what
        those give alone, what its owner holds as a member of groups at this moment.
        """
        name = f"client:{key_id}"
        known = self._fresh(name)
        if known is None:

            def read(unit: Unit) -> tuple[Caller, Account]:
                caller = _client(unit, api_keys.caller_of(unit, key_id), key_id)
                account = _usable(unit, caller.account_id)
                return _bounded(unit, caller, account), account

            before = self._changes
            caller, account = await self._database.read(read)
            caller.at(DomainId(ROOT_ID))  # so that the places are sorted once, and not for every request
            known = _Known(caller, account, self._clock.millis())
            self._remember(name, known, before)
        if known.caller.credential_epoch != secret_epoch:
            raise CredentialRefused("The secret of the API key was replaced since.")
        self._on_key_use(key_id)
        return known.caller

    async def of_key(self, key_id: ApiKeyId) -> Caller:
        """Return the caller that a key stands for now, for somebody who has shown it before."""

        def read(unit: Unit) -> Caller:
            caller = api_keys.caller_of(unit, key_id)
            return _bounded(unit, caller, _usable(unit, caller.account_id))

        return await self._database.read(read)

    async def _person(self, account_id: AccountId, person_id: PersonId) -> _Known:
        name = f"person:{account_id}:{person_id}"
        known = self._fresh(name)
        if known is None:
            before = self._changes
            caller, account = await self._database.read(lambda unit: _read_person(unit, account_id, person_id))
            known = _Known(caller, account, self._clock.millis())
            self._remember(name, known, before)
        return known

    def _fresh(self, name: str) -> _Known | None:
        known = self._known.get(name)
        if known is not None and self._clock.millis() - known.read_at_ms >= _REMEMBERED_MS:
            return None
        return known

    def _remember(self, name: str, known: _Known, changes_before: int) -> None:
        # A change that was told while we were reading may be one that the snapshot did not hold yet.
        if self._changes == changes_before:
            self._known.put(name, known)

    def _on_person_changed(self, event: PersonChanged) -> None:
        self._changes += 1
        self._known.drop_where(lambda known: known.caller.person_id == event.person_id)

    def _on_api_key_changed(self, event: ApiKeyWithdrawn | ApiKeyChanged) -> None:
        self._changes += 1
        self._known.drop(f"key:{event.key_id}")
        self._known.drop(f"client:{event.key_id}")

    def _on_account_changed(
        self, event: PolicyGroupChanged | AccountStatusChanged | AccountChanged | RoleChanged
    ) -> None:
        self._changes += 1
        # What a parent has not, its tenants have not either.
        self._known.drop_where(lambda known: event.account_id in {known.account.id, known.account.parent_id})


def _read_person(unit: Unit, account_id: AccountId, person_id: PersonId) -> tuple[Caller, Account]:
    person = unit.people.get(person_id)
    membership = unit.people.membership(account_id, person_id)
    if person is None or membership is None or not membership.is_open or not person.may_enter:
        raise CredentialRefused("The person is not allowed in.")
    caller = Caller(
        account_id=account_id,
        principal=f"person:{person_id}",
        user_name=person.user_name,
        person_id=person_id,
        grants=(*membership.grants, *unit.policy_groups.grants_of_people(account_id, (person_id,))[person_id]),
        credential_epoch=person.credential_epoch,
    )
    account = _usable(unit, account_id)
    return _bounded(unit, caller, account), account


def _client(unit: Unit, key: Caller, key_id: ApiKeyId) -> Caller:
    """Return the key as a caller that speaks for its owner in groups."""
    administrators = unit.policy_groups.of_kind(key.account_id, GroupKind.ADMINISTRATORS)
    confining = set(unit.policy_groups.ids_of_keys((key_id,))[key_id]) - {administrators and administrators.id}
    if confining or key.person_id is None:
        return key
    membership = unit.people.membership(key.account_id, key.person_id)
    places = () if membership is None else tuple(grant for grant in membership.grants if is_of_group(grant))
    return replace(key, grants=(*key.grants, *places))


def _require_epoch(caller: Caller, credential_epoch: int) -> None:
    if caller.credential_epoch != credential_epoch:
        raise CredentialRefused("The password was changed since.")


def _bounded(unit: Unit, caller: Caller, account: Account) -> Caller:
    """Return the caller as the account leaves it: its status may allow reading only, its policies take things away."""
    only_reads = account.status is AccountStatus.RESTRICTED
    denied = denied_in(unit, account)
    if not only_reads and not denied:
        return caller
    grants = tuple(replace(grant, only_reads=only_reads, denied=denied) for grant in caller.grants)
    return replace(caller, grants=grants)


def _usable(unit: Unit, account_id: AccountId) -> Account:
    account = unit.accounts.get(account_id)
    if account is None:
        raise CredentialRefused("The account is not open.")
    if not account.is_usable:
        raise AccountClosed(account.status)
    return account
