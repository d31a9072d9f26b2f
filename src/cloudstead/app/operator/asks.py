"""What an operator can ask, and what is answered. Times are ISO 8601 in UTC; nothing here is kept.

``account`` names one by a host name that it answers to, by its number or by its id.
"""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

from msgspec import Struct

from cloudstead.core.accounts.model import AccountStatus, MqttProfile

A = TypeVar("A")


class Ask(Struct, Generic[A], frozen=True, kw_only=True, tag_field="ask"):
    """Something that is answered by an ``A``."""


class AccountLine(Struct, frozen=True, kw_only=True):
    """An account in a list; ``parent`` is the number of the account above."""

    id: str
    number: str
    name: str
    status: AccountStatus
    hosts: list[str]
    parent: str | None
    created_at: str


class AccountPage(Struct, frozen=True, kw_only=True):
    """Some accounts, oldest first; ``after`` leads to those behind, if there are any."""

    accounts: list[AccountLine]
    after: str | None


class Limit(Struct, frozen=True, kw_only=True):
    """How much an account may have of something; ``is_set`` where that is not what its tier says."""

    name: str
    value: int
    is_set: bool


class Policy(Struct, frozen=True, kw_only=True):
    """Whether a feature, or some of its actions, is part of an account."""

    feature: str
    actions: list[str]
    is_allowed: bool


class AccountShown(AccountLine, frozen=True, kw_only=True):
    """All that an operator wants to know of an account; ``inherited`` are the policies of the account above."""

    tier: str
    stack: str
    mqtt_profile: MqttProfile
    identity_pool: str
    user_pool: str
    function_suffix: str
    administrator: str | None
    aliases: list[str]
    expires_at: str | None
    tenants: int
    limits: list[Limit]
    policies: list[Policy]
    inherited: list[Policy]


class AccountOpened(Struct, frozen=True, kw_only=True):
    """A new account with the secrets of its administrator, which are shown here once."""

    id: str
    number: str
    name: str
    hosts: list[str]
    user_name: str
    password: str
    api_key: str

    def __repr__(self) -> str:
        """Show no secret."""
        return f"{type(self).__name__}(id={self.id!r}, name={self.name!r}, user_name={self.user_name!r})"


class PasswordSet(Struct, frozen=True, kw_only=True):
    """Whose password was set, and what still keeps the person out, if anything; ``password`` is there if we made it."""

    account: str
    account_number: str
    user_name: str
    password: str | None
    obstacle: str | None

    def __repr__(self) -> str:
        """Show no secret."""
        return f"{type(self).__name__}(account_number={self.account_number!r}, user_name={self.user_name!r})"


class LinkMade(Struct, frozen=True, kw_only=True):
    """A link by which somebody sets a password; whoever has it can do that."""

    account: str
    account_number: str
    user_name: str
    email: str
    link: str
    expires_at: str

    def __repr__(self) -> str:
        """Show no secret."""
        return f"{type(self).__name__}(account_number={self.account_number!r}, user_name={self.user_name!r})"


class AccessKeyLine(Struct, frozen=True, kw_only=True):
    """An access key in a list; ``domain`` is where belongs what is made with it, if not where its user is at home."""

    id: str
    user_name: str
    domain: str | None
    is_active: bool
    created_at: str


class AccessKeyList(Struct, frozen=True, kw_only=True):
    """The access keys of somebody, oldest first."""

    account: str
    account_number: str
    keys: list[AccessKeyLine]


class AccessKeyMade(AccessKeyLine, frozen=True, kw_only=True):
    """A new access key with its secret, which is shown here once, and what still keeps it from opening anything."""

    account: str
    account_number: str
    region: str
    secret: str
    obstacle: str | None

    def __repr__(self) -> str:
        """Show no secret."""
        return f"{type(self).__name__}(id={self.id!r}, user_name={self.user_name!r})"


class AccessKeyRemoved(AccessKeyLine, frozen=True, kw_only=True):
    """An access key that opens nothing any more."""


class ListAccounts(Ask[AccountPage], frozen=True, kw_only=True, tag="list-accounts"):
    """Tell which accounts there are."""

    after: str | None = None


class ShowAccount(Ask[AccountShown], frozen=True, kw_only=True, tag="show-account"):
    """Tell what is known of one."""

    account: str


class OpenAccount(Ask[AccountOpened], frozen=True, kw_only=True, tag="open-account"):
    """Open one at the top; without ``hosts`` it answers to the installation's own names."""

    name: str
    user_name: str
    email: str | None = None
    hosts: list[str] = []
    mqtt_profile: MqttProfile = MqttProfile.AWS_2017


class PutStatus(Ask[AccountShown], frozen=True, kw_only=True, tag="put-status"):
    """Let one do more or less."""

    account: str
    status: AccountStatus


class PutLimits(Ask[AccountShown], frozen=True, kw_only=True, tag="put-limits"):
    """Set limits by name; ``None`` is back to what the tier says."""

    account: str
    limits: dict[str, int | None]


class PutPolicies(Ask[AccountShown], frozen=True, kw_only=True, tag="put-policies"):
    """Allow, deny or forget features, each ``FEATURE`` or ``FEATURE:ACTION,ACTION``; the last word wins."""

    account: str
    allow: list[str] = []
    deny: list[str] = []
    forget: list[str] = []


class PutHosts(Ask[AccountShown], frozen=True, kw_only=True, tag="put-hosts"):
    """Let one answer to other host names."""

    account: str
    add: list[str] = []
    remove: list[str] = []


class SetPassword(Ask[PasswordSet], frozen=True, kw_only=True, tag="set-password"):
    """Set somebody's password, a random one unless it is given; ``account`` may be missing where there is only one."""

    user_name: str
    account: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        """Show no secret."""
        return f"{type(self).__name__}(user_name={self.user_name!r}, account={self.account!r})"


class MakeLink(Ask[LinkMade], frozen=True, kw_only=True, tag="make-link"):
    """Make a link by which somebody sets a password; the old one works until then."""

    user_name: str
    account: str | None = None


class MakeAccessKey(Ask[AccessKeyMade], frozen=True, kw_only=True, tag="make-access-key"):
    """Make somebody an access key; ``account`` may be missing where there is only one."""

    user_name: str
    account: str | None = None
    domain: str | None = None


class ListAccessKeys(Ask[AccessKeyList], frozen=True, kw_only=True, tag="list-access-keys"):
    """Tell which access keys somebody has."""

    user_name: str
    account: str | None = None


class RemoveAccessKey(Ask[AccessKeyRemoved], frozen=True, kw_only=True, tag="remove-access-key"):
    """Let an access key open nothing any more."""

    id: str
    account: str | None = None


AnyAsk: TypeAlias = (
    ListAccounts
    | ShowAccount
    | OpenAccount
    | PutStatus
    | PutLimits
    | PutPolicies
    | PutHosts
    | SetPassword
    | MakeLink
    | MakeAccessKey
    | ListAccessKeys
    | RemoveAccessKey
)
