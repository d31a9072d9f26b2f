"""Identity ids: the names that AWS SDKs know people and guests by, made so that no table has to remember them.

An id is ``<region>:<UUID>``. The UUID (version 8, RFC 9562 section 5.8) holds a label and a check value over label,
kind and account, so an id can be told from an invented one, a guest's from a person's, and ours from another account's.
A person's label is derived, hence stable; a guest's is random.
"""

from __future__ import annotations

import hmac
import re
import secrets
from enum import Enum
from typing import TYPE_CHECKING, Final
from uuid import UUID

from cloudstead.core.credentials.errors import CredentialRefused

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.ids import PersonId

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_LABEL_BITS: Final = 60
_CHECK_BITS: Final = 62
_LABEL_PURPOSE: Final = "identity-label"
_CHECK_PURPOSE: Final = "identity-check"


class IdentityKind(Enum):
    """Whom an identity id may stand for."""

    GUEST = "guest"
    PERSON = "person"


class Identities:
    """Makes and recognises identity ids; each costs a few microseconds."""

    def __init__(self, sealer: Sealer, *, region: str) -> None:
        self._sealer = sealer
        self._region = region

    def of_person(self, account: Account, person_id: PersonId) -> str:
        """Return the person's id in the account: always the same one."""
        digest = self._sealer.derive(_LABEL_PURPOSE, f"{account.id}/{person_id}".encode())
        return self._write(account, int.from_bytes(digest) >> (256 - _LABEL_BITS), IdentityKind.PERSON)

    def new_guest(self, account: Account) -> str:
        """Return a fresh id for somebody who has not logged in."""
        return self._write(account, secrets.randbits(_LABEL_BITS), IdentityKind.GUEST)

    def whose(self, account: Account, identity_id: str) -> IdentityKind:
        """Tell whom the id may stand for; raise ``CredentialRefused`` when this account never gave it out."""
        region, _, text = identity_id.rpartition(":")
        if region == self._region and _UUID.fullmatch(text):
            number = UUID(text).int
            # Layout: 48 bits of label, version, 12 bits of label, variant, 62 bits of check value.
            label = ((number >> 80) << 12) | ((number >> 64) & 0xFFF)
            for kind in IdentityKind:
                if hmac.compare_digest(identity_id, self._write(account, label, kind)):
                    return kind
        raise CredentialRefused("The identity is not one of this pool.")

    def _write(self, account: Account, label: int, kind: IdentityKind) -> str:
        message = f"{kind.value}/{account.id}/{account.identity_pool}/{label}".encode()
        check = int.from_bytes(self._sealer.derive(_CHECK_PURPOSE, message)) >> (256 - _CHECK_BITS)
        number = ((label >> 12) << 80) | (0x8 << 76) | ((label & 0xFFF) << 64) | (0b10 << 62) | check
        return f"{self._region}:{UUID(int=number)}"
