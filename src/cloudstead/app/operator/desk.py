"""The operator's desk: looks at accounts and changes them, above all that anybody inside of one may do.

Every change is in the audit trail of its account, by the principal ``operator``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from cloudstead.app.accounts import open_with_administrator, own_hosts, random_password
from cloudstead.app.operator.asks import AccountLine, AccountOpened, AccountPage, AccountShown, Limit, Policy
from cloudstead.core.access.permissions import ALL_PERMISSIONS
from cloudstead.core.accounts.acting import Acting
from cloudstead.core.accounts.enrolling import put_status
from cloudstead.core.accounts.errors import HostNameTaken
from cloudstead.core.accounts.expiry import settled
from cloudstead.core.accounts.limits import limits_of
from cloudstead.core.accounts.listing import Described
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.accounts.profile import FeaturePolicy
from cloudstead.core.accounts.registry import Accounts, ProfileChange, audited
from cloudstead.core.audit.record import record
from cloudstead.core.caller import Caller
from cloudstead.core.errors import CloudsteadError
from cloudstead.core.ids import AccountId, is_id
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT
from cloudstead.core.versions import touched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cloudstead.app.operator.asks import ListAccounts, OpenAccount, PutHosts, PutLimits, PutPolicies, PutStatus
    from cloudstead.app.settings import Settings
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.access_keys import AccessKeys
    from cloudstead.core.credentials.passwords import PasswordHasher
    from cloudstead.core.ids import IdSource
    from cloudstead.core.unit import Database, Unit

T = TypeVar("T")

_PAGE: Final = 500
_FEATURES: Final = frozenset(permission.partition(":")[0] for permission in ALL_PERMISSIONS)


class OperatorRefused(CloudsteadError):
    """What was asked cannot be done; the message tells the operator what could be."""

    code = "operator_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Lives on the loop of its store. ``public_url`` is where people reach our pages, empty where nobody knows."""

    settings: Settings
    database: Database
    hasher: PasswordHasher
    clock: Clock
    ids: IdSource
    public_url: str
    access_keys: AccessKeys

    async def accounts(self, asked: ListAccounts) -> AccountPage:
        """Return a page of all accounts."""

        def read(unit: Unit) -> AccountPage:
            found = unit.accounts.page(None if asked.after is None else AccountId(asked.after), limit=_PAGE + 1)
            shown = found[:_PAGE]
            hosts = unit.accounts.hosts_of([each.id for each in shown])
            above = unit.accounts.numbers_of({each.parent_id for each in shown if each.parent_id is not None})
            lines = [
                _line(each, hosts.get(each.id, ()), None if each.parent_id is None else above.get(each.parent_id))
                for each in shown
            ]
            return AccountPage(accounts=lines, after=shown[-1].id if len(found) > _PAGE else None)

        return await self.database.read(read)

    async def account(self, named: str) -> AccountShown:
        """Return what is known of an account."""
        return await self.database.read(lambda unit: _shown(unit, find_account(unit, named)))

    async def open_account(self, asked: OpenAccount) -> AccountOpened:
        """Open an account with an administrator who has a password and an API key."""
        password = random_password()
        password_hash = await self.hasher.hash(password)
        hosts = asked.hosts or own_hosts(self.settings)

        def write(unit: Unit) -> AccountOpened:
            account, key = open_with_administrator(
                unit,
                self.ids,
                self.clock,
                name=asked.name,
                stack=self.settings.public.stack,
                hosts=hosts,
                mqtt_profile=asked.mqtt_profile,
                user_name=asked.user_name,
                password_hash=password_hash,
                email=asked.email or f"{asked.user_name}@{self.settings.public.hostname}",
            )
            self._record(unit, "account.create", None, Described(account, unit.accounts.profile(account.id)))
            return AccountOpened(
                id=account.id,
                number=account.number,
                name=account.name,
                hosts=list(hosts),
                user_name=asked.user_name,
                password=password,
                api_key=key,
            )

        try:
            return await self.database.write(write)
        except HostNameTaken as taken:
            raise OperatorRefused(f"{taken} Give the new account names of its own with --host.") from None

    async def put_status(self, asked: PutStatus) -> AccountShown:
        """Let an account do more or less; one that has run out has no end any more when it is let in again."""

        def change(unit: Unit, account: Account) -> None:
            before = Described(account, unit.accounts.profile(account.id))
            if account.status is AccountStatus.ENROLLING:
                raise OperatorRefused(
                    f"The account {account.name!r} is enrolling: its administrator opens it by the mailed link."
                )
            after = self._with_status(before, asked.status)
            if after != before:
                after = replace(after, profile=touched(after.profile, now_ms=self.clock.millis()))
                put_status(unit, account, after.account.status)
                unit.accounts.put_profile(after.profile)
                self._record(unit, "account.set-status", before, after)

        return await self._change(asked.account, change)

    async def put_limits(self, asked: PutLimits) -> AccountShown:
        """Set limits, or leave them to the tier again."""

        def change(unit: Unit, account: Account) -> None:
            profile = unit.accounts.profile(account.id)
            known = limits_of(profile)
            for name in asked.limits:
                if name not in known:
                    raise OperatorRefused(f"There is no limit {name!r}: there are {', '.join(sorted(known))}.")
            kept = {name: value for name, value in profile.limits.items() if name not in asked.limits}
            given = {name: str(value) for name, value in asked.limits.items() if value is not None}
            self._update(unit, account, ProfileChange(limits={**kept, **given}))

        return await self._change(asked.account, change)

    async def put_policies(self, asked: PutPolicies) -> AccountShown:
        """Allow, deny or forget features."""
        denied, allowed, gone = (tuple(map(_feature, words)) for words in (asked.deny, asked.allow, asked.forget))

        def change(unit: Unit, account: Account) -> None:
            policies = unit.accounts.profile(account.id).policies
            for feature, action in gone:
                if not any((each.feature, each.action) == (feature, action) for each in policies):
                    raise OperatorRefused(f"The account has no policy on {_word(feature, action)}.")
            replaced = {*denied, *allowed, *gone}
            kept = [each for each in policies if (each.feature, each.action) not in replaced]
            new = [
                FeaturePolicy(feature=feature, action=action, allow=is_allowed)
                for words, is_allowed in ((denied, False), (allowed, True))
                for feature, action in words
            ]
            self._update(unit, account, ProfileChange(policies=(*kept, *new)))

        return await self._change(asked.account, change)

    async def put_hosts(self, asked: PutHosts) -> AccountShown:
        """Let an account answer to other host names; those that it was opened with can be taken away, too."""

        def change(unit: Unit, account: Account) -> None:
            aliases = unit.accounts.profile(account.id).aliases
            removed = {host.lower() for host in asked.remove}
            hosts = set(unit.accounts.hosts(account.id))
            for host in sorted(removed - hosts):
                raise OperatorRefused(f"The account does not answer to {host!r}.")
            kept = tuple(alias for alias in aliases if alias.lower() not in removed)
            new = tuple(dict.fromkeys(host for host in asked.add if host.lower() not in hosts))
            self._update(unit, account, ProfileChange(aliases=(*kept, *new)))
            for host in sorted(removed - {alias.lower() for alias in aliases}):
                unit.accounts.drop_host(account.id, host)
            left = set(unit.accounts.hosts(account.id))
            if not left:
                raise OperatorRefused("The account would answer to no name: give it another one with --add.")
            if removed & hosts - {alias.lower() for alias in aliases}:
                record(
                    unit,
                    operator_in(account),
                    clock=self.clock,
                    ids=self.ids,
                    operation="account.update",
                    object_type="account",
                    object_id=account.id,
                    before={"hosts": sorted(hosts)},
                    after={"hosts": sorted(left)},
                )

        return await self._change(asked.account, change)

    async def _change(self, named: str, change: Callable[[Unit, Account], None]) -> AccountShown:
        def write(unit: Unit) -> AccountShown:
            account = find_account(unit, named)
            change(unit, account)
            return _shown(unit, unit.accounts.get(account.id) or account)

        return await self.database.write(write)

    def _with_status(self, before: Described, status: AccountStatus) -> Described:
        now_ms = self.clock.millis()
        account, profile = before.account, before.profile
        is_over = profile.expires_at_ms is not None and profile.expires_at_ms <= now_ms
        if is_over and status is not AccountStatus.SUSPENDED:
            account, profile = settled(account, replace(profile, expires_at_ms=None), now_ms=now_ms)
            if account.status is AccountStatus.ENROLLING:
                return Described(account, profile)  # it is again what it was: its administrator has yet to come
        return Described(replace(account, status=status), profile)

    def _update(self, unit: Unit, account: Account, change: ProfileChange) -> None:
        own = self.settings.public
        accounts = Accounts(self.clock, self.ids, reserved_hosts=(own.hostname, *own.other_names))
        accounts.update(unit, Acting(operator_in(account), account, as_parent=True), change)

    def _record(self, unit: Unit, operation: str, before: Described | None, after: Described) -> None:
        record(
            unit,
            operator_in(after.account),
            clock=self.clock,
            ids=self.ids,
            operation=operation,
            object_type="account",
            object_id=after.account.id,
            before=None if before is None else audited(before),
            after=audited(after),
        )


def operator_in(account: Account) -> Caller:
    """Return the operator, who administers every account."""
    return Caller(account.id, "operator", "operator", None, (ADMINISTRATOR_GRANT,))


def find_account(unit: Unit, named: str | None) -> Account:
    """Return the account that a host name, a number or an id names; the only one where none is named."""
    if named is not None:
        by_id = unit.accounts.get(AccountId(named)) if is_id(named) else None
        found = by_id or unit.accounts.by_host(named.lower()) or unit.accounts.by_number(named)
        if found is None:
            raise OperatorRefused(f"No account answers to {named!r}: see 'cloudstead account list'.")
        return found
    found_first = unit.accounts.page(None, limit=2)
    if len(found_first) != 1:
        if not found_first:
            raise OperatorRefused("There is no account: open one with 'cloudstead account create'.")
        raise OperatorRefused(
            "There is more than one account: name one with --account, by a host name of 'cloudstead account list'."
        )
    return found_first[0]


def utc(at_ms: int) -> str:
    """Write a time."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _line(account: Account, hosts: Sequence[str], above: str | None) -> AccountLine:
    return AccountLine(
        id=account.id,
        number=account.number,
        name=account.name,
        status=account.status,
        hosts=list(hosts),
        parent=above,
        created_at=utc(account.created_at_ms),
    )


def _shown(unit: Unit, account: Account) -> AccountShown:
    profile = unit.accounts.profile(account.id)
    parent = None if account.parent_id is None else unit.accounts.get(account.parent_id)
    inherited = () if parent is None else unit.accounts.profile(parent.id).policies
    administrator = None if profile.admin_id is None else unit.people.get(profile.admin_id)
    return AccountShown(
        id=account.id,
        number=account.number,
        name=account.name,
        status=account.status,
        hosts=list(unit.accounts.hosts(account.id)),
        parent=None if parent is None else parent.number,
        created_at=utc(account.created_at_ms),
        tier=profile.tier.name.lower(),
        stack=account.stack,
        mqtt_profile=account.mqtt_profile,
        identity_pool=account.identity_pool,
        user_pool=account.user_pool,
        function_suffix=account.function_suffix,
        administrator=None if administrator is None else administrator.user_name,
        aliases=list(profile.aliases),
        expires_at=None if profile.expires_at_ms is None else utc(profile.expires_at_ms),
        tenants=unit.accounts.count_tenants(account.id),
        limits=_limits(limits_of(profile), profile.limits),
        policies=_policies(profile.policies),
        inherited=_policies(inherited),
    )


def _limits(every: Mapping[str, str], chosen: Mapping[str, str]) -> list[Limit]:
    return [Limit(name=name, value=int(value), is_set=name in chosen) for name, value in sorted(every.items())]


def _policies(policies: Iterable[FeaturePolicy]) -> list[Policy]:
    return [
        Policy(feature=each.feature, actions=each.action.split(",") if each.action else [], is_allowed=each.allow)
        for each in policies
    ]


def _feature(word: str) -> tuple[str, str]:
    """Return a feature and its actions, as they are stored."""
    feature, _, actions = word.partition(":")
    if feature not in _FEATURES:
        raise OperatorRefused(f"There is no feature {feature!r}: there are {', '.join(sorted(_FEATURES))}.")
    chosen = sorted({each.strip() for each in actions.split(",") if each.strip()})
    known = sorted(each.partition(":")[2] for each in ALL_PERMISSIONS if each.partition(":")[0] == feature)
    for action in chosen:
        if action not in known:
            raise OperatorRefused(f"{feature!r} has no action {action!r}: it has {', '.join(known)}.")
    return feature, ",".join(chosen)


def _word(feature: str, action: str) -> str:
    return f"{feature}:{action}" if action else feature
