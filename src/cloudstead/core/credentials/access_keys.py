"""Access keys: long-lived key pairs with which people's programs sign AWS-style requests.

A signature can only be checked by somebody who has the secret, so secrets are sealed rather than hashed. They are shown
once, to whoever makes the key. A key may do what its person may, as long as the person is let in.
"""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.audit.record import Trail
from cloudstead.core.credentials.errors import AccessKeyNotFound, TooManyAccessKeys
from cloudstead.core.credentials.events import AccessKeyChanged
from cloudstead.core.domains.errors import DomainNotFound
from cloudstead.core.errors import NotPermitted
from cloudstead.core.ids import AccessKeyId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.ids import AccountId, DomainId, IdSource, PersonId
    from cloudstead.core.unit import Unit

PREFIX: Final = "AKIA"  # AWS's own mark of long-lived keys, which some clients look at
MAX_PER_PERSON: Final = 2  # AWS IAM, quotas: two, so that one can be replaced while the other works

_READ: Final = Permission("api-key:read")
_CHANGE: Final = Permission("api-key:change")
_ADMINISTER: Final = Permission("api-key:administer")
_SEE_DOMAIN: Final = Permission("domain:read")
_ID_BYTES: Final = 10  # 16 characters of base32
_SECRET_BYTES: Final = 30  # 40 characters of base64, the length of AWS's secrets
_ID: Final = re.compile(f"{PREFIX}[A-Z2-7]{{16}}")
_SEALED_FOR: Final = "access-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A key as it is stored. ``domain_id`` is where what it makes belongs; ``None`` where the person is at home."""

    id: AccessKeyId
    account_id: AccountId
    person_id: PersonId
    sealed_secret: bytes = field(repr=False)
    domain_id: DomainId | None = None
    is_active: bool = True
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class NewAccessKey:
    """A key just made; its ``secret`` is shown here and never again."""

    key: AccessKey
    secret: str = field(repr=False)


class AccessKeyStore(Protocol):
    """Access keys."""

    def add(self, key: AccessKey) -> None:
        """Insert a key."""
        ...

    def replace(self, key: AccessKey) -> None:
        """Write all columns of a key."""
        ...

    def get(self, key_id: AccessKeyId) -> AccessKey | None:
        """Return the key, whosever it is."""
        ...

    def of_person(self, account_id: AccountId, person_id: PersonId) -> Sequence[AccessKey]:
        """Return the person's keys in that account, oldest first."""
        ...

    def remove(self, account_id: AccountId, key_id: AccessKeyId) -> None:
        """Delete a key."""
        ...


class AccessKeys:
    """The access keys of people, who see and change their own; administrators make, see and remove those of others."""

    def __init__(self, clock: Clock, ids: IdSource, sealer: Sealer) -> None:
        self._clock = clock
        self._sealer = sealer
        self._trail = Trail[AccessKey](
            clock, ids, object_type="access-key", name_of=lambda each: each.id, fields_of=_audited
        )

    def create(self, unit: Unit, caller: Caller, *, domain_id: DomainId | None = None) -> NewAccessKey:
        """Make a key; things made with it belong to ``domain_id``.

        Raise ``NotPermitted`` for a caller who is no person, ``DomainNotFound`` and ``TooManyAccessKeys``.
        """
        return self._make(unit, caller, _own(caller, _CHANGE), domain_id)

    def create_for(
        self, unit: Unit, caller: Caller, person_id: PersonId, *, domain_id: DomainId | None = None
    ) -> NewAccessKey:
        """Make a key for somebody of the account, who has to be told its secret; raises what ``create`` raises."""
        caller.require(_ADMINISTER)
        return self._make(unit, caller, person_id, domain_id)

    def _make(self, unit: Unit, caller: Caller, person_id: PersonId, domain_id: DomainId | None) -> NewAccessKey:
        if domain_id is not None:
            reach = Reach.of(caller, _SEE_DOMAIN, unit.domains.tree(caller.account_id))
            if not reach.covers(domain_id):
                raise DomainNotFound(domain_id, field="domain")
        if len(unit.access_keys.of_person(caller.account_id, person_id)) >= MAX_PER_PERSON:
            raise TooManyAccessKeys(MAX_PER_PERSON)
        secret = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        key = AccessKey(
            id=AccessKeyId(PREFIX + base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode()),
            account_id=caller.account_id,
            person_id=person_id,
            sealed_secret=self._sealer.seal(secret.encode(), _SEALED_FOR),
            domain_id=domain_id,
            created_at_ms=self._clock.millis(),
        )
        unit.access_keys.add(key)
        self._trail.made(unit, caller, "access-key.create", key)
        return NewAccessKey(key, secret)

    def own(self, unit: Unit, caller: Caller) -> Sequence[AccessKey]:
        """Return the caller's own keys, oldest first."""
        return unit.access_keys.of_person(caller.account_id, _own(caller, _READ))

    def of(self, unit: Unit, caller: Caller, person_id: PersonId) -> Sequence[AccessKey]:
        """Return the keys of somebody of the account, oldest first."""
        caller.require(_ADMINISTER)
        return unit.access_keys.of_person(caller.account_id, person_id)

    def switch(self, unit: Unit, caller: Caller, key_id: AccessKeyId, *, is_active: bool) -> None:
        """Let one of the caller's keys open doors, or no longer; raise ``AccessKeyNotFound``."""
        before = self._find(unit, caller, key_id)
        after = replace(before, is_active=is_active)
        unit.access_keys.replace(after)
        self._trail.changed(unit, caller, "access-key.update", before, after)
        unit.emit(AccessKeyChanged(key_id))

    def remove(self, unit: Unit, caller: Caller, key_id: AccessKeyId) -> None:
        """Delete one of the caller's keys; raise ``AccessKeyNotFound``."""
        self._remove(unit, caller, self._find(unit, caller, key_id))

    def remove_any(self, unit: Unit, caller: Caller, key_id: AccessKeyId) -> AccessKey:
        """Delete and return a key of anybody of the account; raise ``AccessKeyNotFound``."""
        caller.require(_ADMINISTER)
        key = unit.access_keys.get(key_id) if is_access_key_id(key_id) else None
        if key is None or key.account_id != caller.account_id:
            raise AccessKeyNotFound(key_id)
        self._remove(unit, caller, key)
        return key

    def _remove(self, unit: Unit, caller: Caller, key: AccessKey) -> None:
        unit.access_keys.remove(key.account_id, key.id)
        self._trail.removed(unit, caller, "access-key.remove", key)
        unit.emit(AccessKeyChanged(key.id))

    def secret_of(self, key: AccessKey) -> str:
        """Return what the key signs with, to check a signature against; never to be shown."""
        return self._sealer.open(key.sealed_secret, _SEALED_FOR).decode()

    def _find(self, unit: Unit, caller: Caller, key_id: AccessKeyId) -> AccessKey:
        person_id = _own(caller, _CHANGE)
        key = unit.access_keys.get(key_id) if is_access_key_id(key_id) else None
        if key is None or key.account_id != caller.account_id or key.person_id != person_id:
            raise AccessKeyNotFound(key_id)
        return key


def is_access_key_id(text: str) -> bool:
    """Tell whether a text can be the id of an access key, so that no other one is looked for."""
    return _ID.fullmatch(text) is not None


def _own(caller: Caller, permission: Permission) -> PersonId:
    """Return who calls: an API key may not make itself an access key, which its withdrawal would not end."""
    caller.require(permission)
    if caller.person_id is None or not caller.principal.startswith("person:"):
        raise NotPermitted(permission)
    return caller.person_id


def _audited(key: AccessKey) -> dict[str, object]:
    return {"person_id": key.person_id, "domain": key.domain_id, "is_active": key.is_active}
