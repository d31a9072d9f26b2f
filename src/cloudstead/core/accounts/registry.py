"""Accounts, as callers see and change them (account management, version 3)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.whole_account import require_at_root
from cloudstead.core.accounts.acting import CHANGE_TENANTS, READ_TENANTS, may_have_tenants
from cloudstead.core.accounts.enrolling import put_status
from cloudstead.core.accounts.events import AccountChanged
from cloudstead.core.accounts.expiry import settled
from cloudstead.core.accounts.listing import AccountQuery, Described
from cloudstead.core.accounts.profile import NEEDED_FOR_COMMERCIAL, AccountProfile, Tier
from cloudstead.core.audit.record import Trail
from cloudstead.core.custom_fields import require_custom_fields
from cloudstead.core.errors import InvalidField, NotPermitted
from cloudstead.core.paging import MAX_PAGE_SIZE, Page, PageRequest
from cloudstead.core.patch import ABSENT, Patched
from cloudstead.core.people.profile import require_email
from cloudstead.core.people.sessions import end_idle
from cloudstead.core.texts import require_line
from cloudstead.core.versions import changed, touched

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.accounts.acting import Acting
    from cloudstead.core.accounts.model import Account, AccountStatus
    from cloudstead.core.accounts.profile import FeaturePolicy, MfaStatus
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import IdSource
    from cloudstead.core.unit import Unit

READ: Final = Permission("account:read")
UPDATE: Final = Permission("account:update")

MAX_TEXT_CHARS: Final = 100
MAX_ALIASES: Final = 10
MAX_EMAILS: Final = 100
MAX_POLICIES: Final = 100

PARENT_ONLY: Final = ("contract_number", "customer_number", "sales_contact")

_TEXTS: Final = (
    "end_market",
    "display_name",
    "address_line1",
    "address_line2",
    "city",
    "state",
    "postal_code",
    "country",
    "company",
    "contact",
    "phone_number",
    "customer_number",
    "contract_number",
    "reason",
    "reference_note",
)
_EMAILS: Final = ("email", "sales_contact")
_ALIAS: Final = re.compile(r"[A-Za-z0-9_.-]{8,100}")
_ALIAS_IS_OURS: Final = frozenset({"localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChange:
    """What to change of an account's profile; an empty text, list or ``None`` clears."""

    end_market: Patched[str] = ABSENT
    display_name: Patched[str] = ABSENT
    address_line1: Patched[str] = ABSENT
    address_line2: Patched[str] = ABSENT
    city: Patched[str] = ABSENT
    state: Patched[str] = ABSENT
    postal_code: Patched[str] = ABSENT
    country: Patched[str] = ABSENT
    company: Patched[str] = ABSENT
    contact: Patched[str] = ABSENT
    email: Patched[str] = ABSENT
    phone_number: Patched[str] = ABSENT
    customer_number: Patched[str] = ABSENT
    contract_number: Patched[str] = ABSENT
    sales_contact: Patched[str] = ABSENT
    reason: Patched[str] = ABSENT
    reference_note: Patched[str] = ABSENT
    expires_at_ms: Patched[int | None] = ABSENT
    expiration_warning_threshold: Patched[int | None] = ABSENT
    idle_timeout: Patched[int | None] = ABSENT
    mfa_status: Patched[MfaStatus | None] = ABSENT
    password_minimum_length: Patched[int] = ABSENT
    password_recovery_expiration: Patched[int] = ABSENT
    notification_emails: Patched[tuple[str, ...]] = ABSENT
    aliases: Patched[tuple[str, ...]] = ABSENT
    custom_fields: Patched[Mapping[str, str]] = ABSENT
    limits: Patched[Mapping[str, str]] = ABSENT
    policies: Patched[tuple[FeaturePolicy, ...]] = ABSENT

    def check(self) -> None:
        """Raise ``InvalidField`` when a value given can be no account's."""
        given = {name: value for name, value in self.given().items() if value}
        for name in _TEXTS:
            if name in given:
                require_line(given[name], field=name, max_chars=MAX_TEXT_CHARS)
        for name in _EMAILS:
            if name in given:
                _require_email(given[name], name)
        for address in given.get("notification_emails", ()):
            _require_email(address, "notification_emails")
        _require_few(given.get("notification_emails", ()), "notification_emails", MAX_EMAILS)
        _require_few(given.get("policies", ()), "policies", MAX_POLICIES)
        _require_aliases(given.get("aliases", ()))
        require_custom_fields(given.get("custom_fields", {}))
        for name, value in given.get("limits", {}).items():
            if not (value.isascii() and value.isdecimal() and len(value) <= 9):
                raise InvalidField("limits", f"{name!r} must be a number in digits")

    def given(self) -> dict[str, Any]:
        """Return what is given, by name."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not ABSENT}

    def applied_to(self, profile: AccountProfile) -> AccountProfile:
        """Return the profile as the change leaves it."""
        return replace(profile, **self.given())


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """An account as somebody sees it; ``None`` is what was not asked for, or is not for these eyes.

    ``policies`` are the account's own, ``inherited`` its parent's.
    """

    described: Described
    parent: Described | None = None
    shows_parent_only: bool = False
    sub_accounts: Sequence[AccountView] | None = None
    with_limits: bool = False
    policies: Sequence[FeaturePolicy] | None = None
    inherited: Sequence[FeaturePolicy] = field(default=())


class Accounts:
    """The accounts of the installation, as far as a caller sees them."""

    def __init__(self, clock: Clock, ids: IdSource, *, reserved_hosts: Collection[str] = ()) -> None:
        """``reserved_hosts`` are names of the installation that no account may take as an alias."""
        self._clock = clock
        self._reserved = _ALIAS_IS_OURS | {host.lower() for host in reserved_hosts}
        self._trail = Trail[Described](
            clock, ids, object_type="account", name_of=lambda each: each.account.id, fields_of=audited
        )

    def get(self, unit: Unit, acting: Acting, *, include: Collection[str] = ()) -> AccountView:
        """Return the account that the caller acts in."""
        if acting.as_parent:
            require_at_root(acting.caller, READ_TENANTS)
        else:
            acting.caller.require(READ)
        described = Described(acting.account, unit.accounts.profile(acting.account.id))
        return self._view(unit, acting, described, include, with_sub_accounts=True)

    def page(
        self, unit: Unit, acting: Acting, query: AccountQuery, request: PageRequest, *, include: Collection[str] = ()
    ) -> Page[AccountView]:
        """Return one page of the tenants of the caller's account, which has to be one at the top."""
        _require_top(acting)
        require_at_root(acting.caller, READ_TENANTS)
        if query.parent_id != acting.account.id:
            return Page((), None, 0)
        found = unit.accounts.tenants(query, request)
        above = Described(acting.account, unit.accounts.profile(acting.account.id))
        items = tuple(
            _shown(each, above, include, shows_parent_only=True, sub_accounts=() if _SUB in include else None)
            for each in found.items
        )
        return Page(items, found.after, found.total)

    def update(self, unit: Unit, acting: Acting, change: ProfileChange) -> AccountView:
        """Change the account that the caller acts in; what only a parent decides is its parent's to change.

        Raise ``InvalidField``, ``NotPermitted`` and ``HostNameTaken``.
        """
        require_at_root(acting.caller, CHANGE_TENANTS if acting.as_parent else UPDATE)
        described = self._changed(
            unit, acting, Described(acting.account, unit.accounts.profile(acting.account.id)), change
        )
        return self._view(unit, acting, described, (), with_sub_accounts=False)

    def set_status(self, unit: Unit, acting: Acting, status: AccountStatus) -> None:
        """Let a tenant do more or less; raise ``NotPermitted`` for the own account, ``InvalidField`` after its end."""
        if not acting.as_parent or acting.account.parent_id is None:
            raise NotPermitted("change the status of the own account")
        require_at_root(acting.caller, CHANGE_TENANTS)
        if acting.account.status is status:
            return
        before = Described(acting.account, unit.accounts.profile(acting.account.id))
        if before.profile.has_ended:
            raise InvalidField("status", "is SUSPENDED because the account has expired; move `expiration` first")
        after = Described(replace(acting.account, status=status), touched(before.profile, now_ms=self._clock.millis()))
        put_status(unit, acting.account, status)
        unit.accounts.put_profile(after.profile)
        self._trail.changed(unit, acting.caller, "account.set-status", before, after)

    def _changed(self, unit: Unit, acting: Acting, before: Described, change: ProfileChange) -> Described:
        change.check()
        self._require_completeness(before.profile, change)
        profile = change.applied_to(before.profile)
        if profile.tier is Tier.FREE and is_commercial(profile):
            profile = replace(profile, tier=Tier.COMMERCIAL, upgraded_at_ms=self._clock.millis())
        account = before.account
        if profile.expires_at_ms != before.profile.expires_at_ms:
            if account.parent_id is None:
                raise NotPermitted("change the expiration of the own account")
            account, profile = settled(account, profile, now_ms=self._clock.millis())
        profile = changed(before.profile, profile, now_ms=self._clock.millis())
        if profile is before.profile:
            return before
        put_status(unit, before.account, account.status)
        if profile.idle_timeout != before.profile.idle_timeout:
            # What was over before the change stays over, and what is over by it ends with it.
            for each in (before.profile, profile):
                end_idle(unit, each, now_ms=self._clock.millis())
        self.move_hosts(unit, acting.account, before.profile.aliases, profile.aliases)
        unit.accounts.put_profile(profile)
        after = Described(account, profile)
        self._trail.changed(unit, acting.caller, "account.update", before, after)
        unit.emit(AccountChanged(acting.account.id))
        return after

    def _require_completeness(self, before: AccountProfile, change: ProfileChange) -> None:
        if before.tier is Tier.FREE:
            return
        for name in NEEDED_FOR_COMMERCIAL:
            if getattr(change, name) == "" and getattr(before, name):
                raise InvalidField(name, "is needed for a commercial account")

    def move_hosts(self, unit: Unit, account: Account, before: Sequence[str], after: Sequence[str]) -> None:
        """Let the account answer to its aliases; raise ``HostNameTaken``, and ``InvalidField`` for what is no alias."""
        old, new = {alias.lower() for alias in before}, {alias.lower() for alias in after}
        for host in sorted(old - new):
            unit.accounts.drop_host(account.id, host)
        own = set(unit.accounts.hosts(account.id))
        for host in sorted(new - old):
            if host in self._reserved or host in own or _is_address(host):
                raise InvalidField("aliases", f"{host!r} cannot be an alias")
            unit.accounts.add_host(account.id, host)

    def _view(
        self, unit: Unit, acting: Acting, described: Described, include: Collection[str], *, with_sub_accounts: bool
    ) -> AccountView:
        account = described.account
        above = None if account.parent_id is None else unit.accounts.get(account.parent_id)
        parent = None if above is None else Described(above, unit.accounts.profile(above.id))
        sub_accounts = None
        if with_sub_accounts and _SUB in include and may_have_tenants(acting.caller, account):
            page = unit.accounts.tenants(AccountQuery(parent_id=account.id), PageRequest(limit=MAX_PAGE_SIZE))
            sub_accounts = [_shown(each, described, (), shows_parent_only=True) for each in page.items]
        return _shown(
            described,
            parent,
            include,
            shows_parent_only=acting.as_parent or account.parent_id is None,
            sub_accounts=sub_accounts,
        )


_SUB: Final = "sub_accounts"


def is_commercial(profile: AccountProfile) -> bool:
    """Tell whether everything is known that a commercial account has to tell."""
    return all(getattr(profile, name) for name in NEEDED_FOR_COMMERCIAL)


def audited(described: Described) -> dict[str, Any]:
    """Return what the trail shows of an account."""
    profile = described.profile
    shown = {each.name: getattr(profile, each.name) for each in fields(profile) if each.name != "account_id"}
    return {name: _plain(value) for name, value in {"status": described.account.status, **shown}.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "feature"):
        return f"{'allow' if value.allow else 'deny'} {value.feature}:{value.action or '*'}"
    return dict(value) if isinstance(value, dict) else value


def _shown(
    described: Described,
    parent: Described | None,
    include: Collection[str],
    *,
    shows_parent_only: bool,
    sub_accounts: Sequence[AccountView] | None = None,
) -> AccountView:
    with_policies = "policies" in include
    return AccountView(
        described=described,
        parent=parent,
        shows_parent_only=shows_parent_only,
        sub_accounts=sub_accounts,
        with_limits="limits" in include,
        policies=described.profile.policies if with_policies else None,
        inherited=parent.profile.policies if with_policies and parent is not None else (),
    )


def _require_top(acting: Acting) -> None:
    if acting.account.parent_id is not None:
        raise NotPermitted(READ_TENANTS)


def _require_email(address: str, name: str) -> None:
    try:
        require_email(address)
    except InvalidField as invalid:
        raise InvalidField(name, invalid.reason) from None


def _require_few(items: Collection[Any], name: str, most: int) -> None:
    if len(items) > most:
        raise InvalidField(name, f"holds more than {most}")


def _require_aliases(aliases: Sequence[str]) -> None:
    _require_few(aliases, "aliases", MAX_ALIASES)
    for alias in aliases:
        if not _ALIAS.fullmatch(alias):
            raise InvalidField("aliases", "must have 8 to 100 letters, digits, '_', '.' or '-'")
    if len({alias.lower() for alias in aliases}) < len(aliases):
        raise InvalidField("aliases", "names the same alias twice")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
