"""Accounts on the wire.

Beyond the source, a parent may also send ``status``, ``reason``, ``reference_note``, ``expiration``, ``limits`` and
``policies`` when it changes a tenant: the source shows them, but says nowhere how they come to be.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from cloudstead.core.accounts.limits import limits_of
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.accounts.profile import FeaturePolicy as Policy
from cloudstead.core.accounts.profile import MfaStatus
from cloudstead.core.accounts.registry import ProfileChange
from cloudstead.core.errors import InvalidField
from cloudstead.core.patch import ABSENT, Patched
from cloudstead.dialects.account_management.paging import ListQuery
from cloudstead.dialects.account_management.shapes.words import CustomFields, EmailText, Maybe, Text100, given, utc_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.accounts.registry import AccountView
    from cloudstead.core.accounts.tenants import NewTenant

T = TypeVar("T")

Aliases = Annotated[list[Annotated[str, Meta(pattern=r"^[\w\-._]{8,100}$")]], Meta(max_length=10)]
Emails = Annotated[list[EmailText], Meta(max_length=100)]
Limits = Annotated[
    dict[Annotated[str, Meta(max_length=100)], Annotated[str, Meta(pattern="^[0-9]{1,9}$")]], Meta(max_length=100)
]
Digits = Annotated[str, Meta(pattern="^[0-9]{1,4}$")]
Status = Literal["ENROLLING", "ACTIVE", "RESTRICTED", "SUSPENDED"]


class PasswordPolicyBody(Struct, kw_only=True):
    """Password rules; an object without any counts as absent, for a common client always sends one."""

    minimum_length: Maybe[Annotated[int, Meta(ge=8, le=512)] | Digits] = UNSET


class PasswordPolicy(Struct):
    """Password rules."""

    minimum_length: int


class FeaturePolicy(Struct, kw_only=True):
    """Allows or denies what a feature's permissions allow; ``action`` lists verbs, empty means all."""

    feature: Annotated[str, Meta(min_length=1, max_length=100)]
    action: Annotated[str, Meta(max_length=200)] = ""
    resource: Annotated[str, Meta(max_length=200)] = ""
    allow: bool = True
    inherited: bool = False


class _Profile(Struct, kw_only=True):
    address_line1: Maybe[Text100] = UNSET
    address_line2: Maybe[Text100] = UNSET
    aliases: Maybe[Aliases] = UNSET
    city: Maybe[Text100] = UNSET
    company: Maybe[Text100] = UNSET
    contact: Maybe[Text100] = UNSET
    country: Maybe[Text100] = UNSET
    display_name: Maybe[Text100] = UNSET
    email: Maybe[EmailText] = UNSET
    phone_number: Maybe[Text100] = UNSET
    postal_code: Maybe[Text100] = UNSET
    state: Maybe[Text100] = UNSET

    def texts(self) -> dict[str, Any]:
        """Return what is to become of each text; null clears."""
        return {name: _text(getattr(self, name)) for name in _TEXTS}


_TEXTS = (
    "address_line1",
    "address_line2",
    "city",
    "company",
    "contact",
    "country",
    "display_name",
    "email",
    "phone_number",
    "postal_code",
    "state",
)


class AccountCreationReq(_Profile, kw_only=True):
    """A tenant to be made."""

    end_market: Annotated[str, Meta(min_length=1, max_length=100)]
    admin_email: Maybe[EmailText] = UNSET
    admin_full_name: Maybe[Text100] = UNSET
    admin_name: Maybe[Annotated[str, Meta(pattern=r"^[\w\-,._@+=]{4,30}$")]] = UNSET
    admin_password: Maybe[Annotated[str, Meta(max_length=512)]] = UNSET
    contract_number: Maybe[Text100] = UNSET
    customer_number: Maybe[Text100] = UNSET

    def as_change(self) -> ProfileChange:
        """Return what is known of the account from the beginning."""
        return ProfileChange(
            **self.texts(),
            aliases=tuple(given(self.aliases) or ()),
            end_market=self.end_market,
            contract_number=given(self.contract_number) or "",
            customer_number=given(self.customer_number) or "",
        )


class AccountUpdateReq(_Profile, kw_only=True):
    """The own account, to be changed."""

    custom_fields: Maybe[CustomFields] = UNSET
    end_market: Maybe[Annotated[str, Meta(min_length=1, max_length=100)]] = UNSET
    expiration_warning_threshold: Maybe[Annotated[int, Meta(ge=1, le=180)] | Digits] = UNSET
    idle_timeout: Maybe[Annotated[int, Meta(ge=1, le=120)] | Digits] = UNSET
    mfa_status: Maybe[Literal["enforced", "optional"]] = UNSET
    notification_emails: Maybe[Emails] = UNSET
    password_policy: Maybe[PasswordPolicyBody] = UNSET
    password_recovery_expiration: Maybe[Annotated[int, Meta(ge=1, le=45)]] = UNSET

    def as_change(self) -> ProfileChange:
        """Return what is to be changed."""
        return ProfileChange(**self.changes())

    def changes(self) -> dict[str, Any]:
        """Return what is to be changed, by the names that core has."""
        mfa = self.mfa_status
        return {
            **self.texts(),
            "aliases": _list(self.aliases),
            "custom_fields": ABSENT if self.custom_fields is UNSET else given(self.custom_fields) or {},
            "end_market": given(self.end_market) or ABSENT,
            "expiration_warning_threshold": _number(
                "expiration_warning_threshold", self.expiration_warning_threshold, 180
            ),
            "idle_timeout": _number("idle_timeout", self.idle_timeout, 120),
            "mfa_status": ABSENT if isinstance(mfa, UnsetType) else None if mfa is None else MfaStatus(mfa),
            "notification_emails": _list(self.notification_emails),
            "password_minimum_length": self._minimum_length(),
            "password_recovery_expiration": given(self.password_recovery_expiration) or ABSENT,
        }

    def _minimum_length(self) -> Patched[int]:
        """Return the shortest password; null restores the least that there is."""
        policy = self.password_policy
        if policy is None:
            return 8
        if isinstance(policy, UnsetType):
            return ABSENT
        shortest = _number("password_policy.minimum_length", policy.minimum_length, 512, least=8)
        return ABSENT if shortest is None else shortest


class AccountUpdateRootReq(AccountUpdateReq, kw_only=True):
    """A tenant, to be changed by its parent."""

    contract_number: Maybe[Text100] = UNSET
    customer_number: Maybe[Text100] = UNSET
    sales_contact: Maybe[EmailText] = UNSET
    status: Maybe[Status] = UNSET
    reason: Maybe[Text100] = UNSET
    reference_note: Maybe[Text100] = UNSET
    expiration: Maybe[datetime] = UNSET
    limits: Maybe[Limits] = UNSET
    policies: Maybe[Annotated[list[FeaturePolicy], Meta(max_length=100)]] = UNSET

    def changes(self) -> dict[str, Any]:
        """Return what is to be changed, by the names that core has."""
        end = self.expiration
        return {
            **super().changes(),
            **{
                name: _text(getattr(self, name))
                for name in ("contract_number", "customer_number", "sales_contact", "reason", "reference_note")
            },
            "expires_at_ms": ABSENT if isinstance(end, UnsetType) else None if end is None else _millis(end),
            "limits": ABSENT if self.limits is UNSET else given(self.limits) or {},
            "policies": ABSENT
            if self.policies is UNSET
            else tuple(
                Policy(feature=each.feature, action=each.action, resource=each.resource, allow=each.allow)
                for each in given(self.policies) or ()
            ),
        }

    def wanted_status(self) -> AccountStatus | None:
        """Return the status that the tenant is to have, where that is said."""
        status = given(self.status)
        return None if status is None else AccountStatus(status)


class ParentAccountInfo(Struct, kw_only=True, omit_defaults=True):
    """Whom to turn to in the parent account."""

    id: str
    admin_name: str | UnsetType = UNSET
    admin_email: str | UnsetType = UNSET


class AccountInfo(Struct, kw_only=True):
    """An account. What is known to nobody is absent, as is what is not for the caller."""

    id: str
    status: Status
    tier: str
    end_market: str
    etag: str
    created_at: str
    updated_at: str
    aliases: list[str]
    notification_emails: list[str]
    custom_fields: dict[str, str]
    password_policy: PasswordPolicy
    password_recovery_expiration: int
    object: Literal["account"] = "account"
    parent_id: str | UnsetType = UNSET
    parent_account: ParentAccountInfo | UnsetType = UNSET
    display_name: str | UnsetType = UNSET
    address_line1: str | UnsetType = UNSET
    address_line2: str | UnsetType = UNSET
    city: str | UnsetType = UNSET
    state: str | UnsetType = UNSET
    postal_code: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    company: str | UnsetType = UNSET
    contact: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    phone_number: str | UnsetType = UNSET
    customer_number: str | UnsetType = UNSET
    contract_number: str | UnsetType = UNSET
    sales_contact: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    reference_note: str | UnsetType = UNSET
    upgraded_at: str | UnsetType = UNSET
    expiration: str | UnsetType = UNSET
    expiration_warning_threshold: int | UnsetType = UNSET
    idle_timeout: int | UnsetType = UNSET
    mfa_status: str | UnsetType = UNSET
    limits: dict[str, str] | UnsetType = UNSET
    policies: list[FeaturePolicy] | UnsetType = UNSET
    sub_accounts: list[AccountInfo] | UnsetType = UNSET
    admin_id: str | UnsetType = UNSET
    admin_name: str | UnsetType = UNSET
    admin_full_name: str | UnsetType = UNSET
    admin_email: str | UnsetType = UNSET
    admin_password: str | UnsetType = UNSET
    admin_key: str | UnsetType = UNSET


class AccountQuery(Struct, kw_only=True):
    """The query of one account."""

    include: str = ""
    properties: str | None = None


class AccountListQuery(ListQuery, kw_only=True):
    """The query of a list of accounts; its page is larger than those of other lists."""

    limit: Annotated[int, Meta(ge=2, le=1000)] = 1000
    format: Literal["breakdown"] | None = None
    properties: str | None = None
    status__eq: Status | None = None
    status__in: str | None = None
    status__nin: str | None = None
    tier__eq: Literal["0", "1", "2", "98", "99"] | None = None
    parent__eq: str | None = None
    end_market__eq: str | None = None
    country__like: str | None = None


class CreationQuery(Struct, kw_only=True):
    """The query of a creation."""

    action: Literal["create", "enroll"] = "create"


_SHOWN_TEXTS = (*_TEXTS, "reason", "reference_note")
_PARENT_ONLY = ("customer_number", "contract_number", "sales_contact")


def account(view: AccountView, *, properties: str | None = None) -> AccountInfo:
    """Write an account; ``properties`` names the one custom field that is wanted."""
    profile, row = view.described.profile, view.described.account
    names = (*_SHOWN_TEXTS, *(_PARENT_ONLY if view.shows_parent_only else ()))
    texts: dict[str, Any] = {name: getattr(profile, name) or UNSET for name in names}
    return AccountInfo(
        id=row.id,
        status=row.status.value,
        tier=profile.tier.value,
        end_market=profile.end_market,
        etag=str(profile.version),
        created_at=utc_text(row.created_at_ms),
        updated_at=utc_text(profile.updated_at_ms),
        aliases=list(profile.aliases),
        notification_emails=list(profile.notification_emails),
        custom_fields=_chosen(profile.custom_fields, properties),
        password_policy=PasswordPolicy(profile.password_minimum_length),
        password_recovery_expiration=profile.password_recovery_expiration,
        parent_id=UNSET if row.parent_id is None else row.parent_id,
        parent_account=_parent(view),
        upgraded_at=_time(profile.upgraded_at_ms),
        expiration=_time(profile.expires_at_ms),
        expiration_warning_threshold=_known(profile.expiration_warning_threshold),
        idle_timeout=_known(profile.idle_timeout),
        mfa_status=UNSET if profile.mfa_status is None else profile.mfa_status.value,
        limits=dict(limits_of(profile)) if view.with_limits else UNSET,
        policies=_policies(view),
        sub_accounts=UNSET if view.sub_accounts is None else [account(each) for each in view.sub_accounts],
        admin_id=_known(profile.admin_id),
        **texts,
    )


def new_account(view: AccountView, made: NewTenant) -> AccountInfo:
    """Write a new tenant with what is shown of its administrator this once."""
    info = account(view)
    info.admin_name = made.person.user_name
    info.admin_full_name = f"{made.person.first_name} {made.person.last_name}".strip() or UNSET
    info.admin_email = made.person.email or UNSET
    info.admin_password = UNSET if made.password is None else made.password
    info.admin_key = made.key
    return info


def _policies(view: AccountView) -> list[FeaturePolicy] | UnsetType:
    if view.policies is None:
        return UNSET
    return [_policy(each, inherited=False) for each in view.policies] + [
        _policy(each, inherited=True) for each in view.inherited
    ]


def _policy(policy: Policy, *, inherited: bool) -> FeaturePolicy:
    return FeaturePolicy(
        feature=policy.feature,
        action=policy.action,
        resource=policy.resource,
        allow=policy.allow,
        inherited=inherited,
    )


def _parent(view: AccountView) -> ParentAccountInfo | UnsetType:
    if view.parent is None:
        return UNSET
    profile = view.parent.profile
    return ParentAccountInfo(
        id=view.parent.account.id, admin_name=profile.contact or UNSET, admin_email=profile.email or UNSET
    )


def _chosen(custom: Mapping[str, str], name: str | None) -> dict[str, str]:
    return {key: value for key, value in custom.items() if name is None or key == name}


def _time(ms: int | None) -> str | UnsetType:
    return UNSET if ms is None else utc_text(ms)


def _known(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value


def _text(value: Maybe[str]) -> Patched[str]:
    return ABSENT if isinstance(value, UnsetType) else value or ""


def _list(value: Maybe[list[str]]) -> Patched[tuple[str, ...]]:
    return ABSENT if isinstance(value, UnsetType) else tuple(value or ())


def _number(name: str, value: Maybe[int | str], most: int, *, least: int = 1) -> Patched[int | None]:
    """Read a number that some clients send as a text of digits."""
    if isinstance(value, UnsetType):
        return ABSENT
    if value is None:
        return None
    number = int(value)
    if not least <= number <= most:
        raise InvalidField(name, f"must be a number from {least} to {most}")
    return number


def _millis(time: datetime) -> int:
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
