"""Who acts on device clouds, and in which duty.

People stand on a ladder (user, admin, owner); cloud, device, product and service are duties beside it. A duty is given
by a token, and each is good for its own operations and nothing else. ``service`` is the worker's: no token of an
account, whatever its kind, ever leads to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.whole_account import holds_at_root, require_at_root
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.clouds.errors import CloudNotFound
from cloudstead.core.clouds.tokens import CloudToken, TokenKind
from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.errors import NotPermitted
from cloudstead.core.ids import AccountId, DomainId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.clouds.model import CloudId

READ: Final = Permission("cloud:read")
ADMINISTER: Final = Permission("cloud:administer")
CLAIM: Final = Permission("cloud-device:claim")
CALL_BACK: Final = Permission("cloud:call-back")
SERVE: Final = Permission("cloud:serve")
REGISTER_DEVICE: Final = Permission("cloud-device:register")
BE_DEVICE: Final = Permission("cloud-device:provision")


class Duty(StrEnum):
    """What somebody acts as."""

    PERSON = "person"  # user or admin, as the account's roles say
    ADMIN = "admin"
    OWNER = "owner"
    CLOUD = "cloud"
    DEVICE = "device"
    PRODUCT = "product"
    SERVICE = "service"


_OF_PEOPLE: Final = frozenset({READ, CLAIM, ADMINISTER})
_LADDER: Final = frozenset({Duty.PERSON, Duty.ADMIN, Duty.OWNER})
_MAY: Final[Mapping[Duty, frozenset[Permission]]] = {
    Duty.CLOUD: frozenset({CALL_BACK}),
    Duty.DEVICE: frozenset({BE_DEVICE}),
    Duty.PRODUCT: frozenset({REGISTER_DEVICE}),
    Duty.SERVICE: frozenset({SERVE}),
}
"""What the duties beside the ladder may; those on it hold what their grants say."""

DUTIES: Final[Mapping[TokenKind, Duty]] = {
    TokenKind.BUILDER_API: Duty.ADMIN,
    TokenKind.CLOUD_API: Duty.OWNER,
    TokenKind.CLOUD_TO_BUILDER: Duty.CLOUD,
    TokenKind.DEVICE_TO_CLOUD: Duty.DEVICE,
    TokenKind.PRODUCT_ID: Duty.PRODUCT,
}
"""The duty of each kind of token: ``SERVICE`` is that of none."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts. ``token`` is there for who came with one of a device cloud's tokens."""

    caller: Caller
    duty: Duty
    token: CloudToken | None = None

    @property
    def account_id(self) -> AccountId:
        """The account in which it acts."""
        return self.caller.account_id

    @property
    def principal(self) -> str:
        """Who acts, as logs and the audit trail say it."""
        return self.caller.principal

    @property
    def only_cloud(self) -> CloudId | None:
        """The one cloud that is seen; ``None`` for all of the account."""
        return None if self.token is None else self.token.cloud_id

    @property
    def is_admin(self) -> bool:
        """Whether the actor administers what it sees."""
        return self.duty in _LADDER and holds_at_root(self.caller, ADMINISTER)

    def require(self, permission: Permission) -> None:
        """Raise ``NotPermitted`` unless the actor may."""
        if permission in _OF_PEOPLE and self.duty in _LADDER:
            require_at_root(self.caller, permission)
        elif permission not in _MAY.get(self.duty, frozenset()) or self.caller.only_reads:
            raise NotPermitted(permission)

    def require_sees(self, cloud_id: CloudId) -> None:
        """Raise ``CloudNotFound`` for a cloud that the actor's token is not for."""
        if self.only_cloud not in {None, cloud_id}:
            raise CloudNotFound


def actor_of(caller: Caller) -> Actor:
    """Return a person who is signed in."""
    return Actor(caller, Duty.PERSON)


def actor_of_token(
    token: CloudToken, *, only_reads: bool, denied: frozenset[Permission], source_address: str | None
) -> Actor:
    """Return who acts with a token, in an account that may be restricted or lack features."""
    duty = DUTIES[token.kind]
    role = "Administrator" if duty in _LADDER else "Watch"
    grants = (Grant(DomainId(ROOT_ID), role, only_reads=only_reads, denied=denied),)
    caller = Caller(
        account_id=token.account_id,
        principal=f"cloud-token:{token.id}",
        user_name=token.description,
        person_id=None,
        grants=grants if duty in _LADDER or only_reads else (),
        source_address=source_address,
    )
    return Actor(caller, duty, token)


def service_actor(account_id: AccountId, *, source_address: str | None = None) -> Actor:
    """Return the worker, acting in an account."""
    return Actor(Caller(account_id, "service:worker", "service", None, (), source_address), Duty.SERVICE)
