"""API keys: made, shown once, recognised, withdrawn.

A key's text has one of two layouts, which open the same doors. ``csk_<id>_<secret>``: an id of 32 and a secret of 64
hexadecimal digits. ``ak_1<account><id><secret>`` (account management, version 3): the base64 of the account's id
without padding, the id of the key, and 32 letters or digits. Neither secret, of 190 random bits at least, can be
guessed, so a plain SHA-256 of it is kept and a request by key costs one look-up and 1 us.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.audit.record import record
from cloudstead.core.caller import Caller
from cloudstead.core.credentials.errors import ApiKeyNotFound, CredentialRefused
from cloudstead.core.credentials.events import ApiKeyWithdrawn
from cloudstead.core.credentials.model import ApiKey
from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import ApiKeyId
from cloudstead.core.texts import require_line

if TYPE_CHECKING:
    from cloudstead.core.caller import Grant
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import AccountId, IdSource, PersonId
    from cloudstead.core.people.model import Person
    from cloudstead.core.unit import Unit

ADMINISTER: Final = Permission("api-key:administer")

_TEXT: Final = re.compile(
    r"csk_(?P<old_id>[0-9a-f]{32})_(?P<old_secret>[0-9a-f]{64})"
    r"|ak_1[A-Za-z0-9+/]{43}(?P<id>[0-9a-f]{32})(?P<secret>[A-Za-z0-9]{32})"
)
_PUBLIC: Final = re.compile(
    r"csk_(?P<old_id>[0-9a-f]{32})(_[0-9a-f]{64})?"
    r"|ak_1(?P<account>[A-Za-z0-9+/]{43})(?P<id>[0-9a-f]{32})([A-Za-z0-9]{32})?"
)
_SECRET_BYTES: Final = 32
_SECRET_CHARS: Final = string.ascii_letters + string.digits
_SECRET_LENGTH: Final = 32
_NOBODYS_HASH: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made; its ``text`` is shown here and never again."""

    key: ApiKey
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """The two halves of a key's text as somebody presented it."""

    key_id: ApiKeyId
    secret_hash: bytes = field(repr=False)


def make_api_key(
    unit: Unit,
    caller: Caller,
    *,
    clock: Clock,
    ids: IdSource,
    name: str,
    grants: tuple[Grant, ...],
    owner_id: PersonId | None = None,
) -> NewApiKey:
    """Make a key for the caller's account that holds ``grants``, none of which may exceed the caller's own.

    A key with an owner works only while the owner is enabled. Raises ``NotPermitted``, ``OutOfReach`` and
    ``InvalidField``.
    """
    caller.require(ADMINISTER)
    require_line(name, field="name")
    if owner_id is not None and unit.people.membership(caller.account_id, owner_id) is None:
        raise InvalidField("owner_id", "is nobody of this account")
    _require_grantable(unit, caller, grants)
    secret = secrets.token_hex(_SECRET_BYTES)
    key = ApiKey(
        id=ApiKeyId(ids.new()),
        account_id=caller.account_id,
        owner_id=owner_id,
        name=name,
        secret_hash=_hash(secret),
        grants=grants,
        created_at_ms=clock.millis(),
        updated_at_ms=clock.millis(),
    )
    unit.api_keys.add(key)
    record(
        unit,
        caller,
        clock=clock,
        ids=ids,
        operation="api-key.create",
        object_type="api-key",
        object_id=key.id,
        after={"name": name, "owner_id": owner_id, "grants": [f"{each.role}@{each.domain_id}" for each in grants]},
    )
    return NewApiKey(key, f"csk_{key.id}_{secret}")


def withdraw(unit: Unit, caller: Caller, key_id: ApiKeyId, *, clock: Clock, ids: IdSource) -> None:
    """Delete a key of the caller's account; raise ``ApiKeyNotFound``."""
    caller.require(ADMINISTER)
    if not unit.api_keys.remove(caller.account_id, key_id):
        raise ApiKeyNotFound
    record(unit, caller, clock=clock, ids=ids, operation="api-key.remove", object_type="api-key", object_id=key_id)
    unit.emit(ApiKeyWithdrawn(key_id))


def parse(text: str) -> PresentedKey:
    """Take a key's text apart without asking storage; raise ``CredentialRefused``."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise CredentialRefused("The API key is not valid.")
    return PresentedKey(ApiKeyId(match["old_id"] or match["id"]), _hash(match["old_secret"] or match["secret"]))


def new_secret() -> tuple[str, bytes]:
    """Return the secret half of a key in the layout of account management, and its hash."""
    secret = "".join(secrets.choice(_SECRET_CHARS) for _ in range(_SECRET_LENGTH))
    return secret, _hash(secret)


def public_part(account_id: AccountId, key_id: ApiKeyId) -> str:
    """Return what may be shown of a key's text; its secret follows it."""
    return f"{_beginning(account_id)}{key_id}"


@lru_cache(maxsize=1024)
def _beginning(account_id: AccountId) -> str:
    return f"ak_1{base64.b64encode(account_id.encode()).decode().rstrip('=')}"


def named_by(text: str, account_id: AccountId) -> ApiKeyId | None:
    """Return the id of the account's key that a text names, with its secret or without; the secret is not looked at."""
    match = _PUBLIC.fullmatch(text)
    if match is None:
        return None
    key_id = ApiKeyId(match["old_id"] or match["id"])
    is_of_account = match["account"] is None or public_part(account_id, key_id)[4:-32] == match["account"]
    return key_id if is_of_account else None


def recognise(unit: Unit, presented: PresentedKey) -> Caller:
    """Return the caller that the key stands for; raise ``CredentialRefused`` without saying why.

    Unknown, wrong, inactive and ownerless keys take the same steps.
    """
    key = unit.api_keys.get(presented.key_id)
    matches = hmac.compare_digest(presented.secret_hash, _NOBODYS_HASH if key is None else key.secret_hash)
    if key is None or not matches or not key.is_active:
        raise CredentialRefused("The API key is not valid.")
    return _caller(unit, key)


def caller_of(unit: Unit, key_id: ApiKeyId) -> Caller:
    """Return the caller that a key stands for at this moment; raise ``CredentialRefused``."""
    key = unit.api_keys.get(key_id)
    if key is None or not key.is_active:
        raise CredentialRefused("The API key was withdrawn.")
    return _caller(unit, key)


def _caller(unit: Unit, key: ApiKey) -> Caller:
    owner = None if key.owner_id is None else unit.people.get(key.owner_id)
    if key.owner_id is not None:
        membership = unit.people.membership(key.account_id, key.owner_id)
        is_in = membership is not None and membership.is_open
        if owner is None or not (owner.may_enter or _waits_for_first_password(owner)) or not is_in:
            raise CredentialRefused("The API key is not valid.")
    return Caller(
        account_id=key.account_id,
        principal=f"key:{key.id}",
        user_name=key.name if owner is None else owner.user_name,
        person_id=key.owner_id,
        grants=(*key.grants, *unit.policy_groups.grants_of_key(key.id)),
        credential_epoch=key.secret_epoch,
    )


def _waits_for_first_password(owner: Person) -> bool:
    """Tell whether somebody new has been given a password to be changed: the keys given along are good at once."""
    is_new = owner.last_login_at_ms == 0 and owner.password_changed_at_ms == 0
    return is_new and replace(owner, must_set_password=False).may_enter


def _require_grantable(unit: Unit, caller: Caller, grants: tuple[Grant, ...]) -> None:
    tree = unit.domains.tree(caller.account_id)
    for grant in grants:
        held = grant.held
        if held is None:
            raise InvalidField("grants", f"there is no role {grant.role!r}")
        # Whoever may make keys must not make one that may do more, or elsewhere, than the maker.
        for permission in sorted(held | {ADMINISTER}):
            Reach.of(caller, permission, tree).require(grant.domain_id, field="grants")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()
