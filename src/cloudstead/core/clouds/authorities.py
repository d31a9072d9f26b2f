"""The issuing authorities of clouds on this installation: each cloud has its own, below the installation's root.

A certificate of a cloud's device so tells on its own whose it is, and the authority of one cloud can be given up
without touching the devices of others. Making one takes the root's key; where the operator has locked that away, a
cloud cannot be made, and says so. Which account a device belongs to is never taken from its issuer: the fingerprint
decides, as for all others.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cloudstead.core.clouds.errors import EngineFailed
from cloudstead.core.credentials.authority import Authority, create_issuing_authority
from cloudstead.core.ids import AccountId, TrustedCertificateId
from cloudstead.core.trustedcertificates.events import TrustClosed, TrustOpened

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.unit import Unit

_SEALED_FOR: Final = "cloud-authority"
_KEPT: Final = 256  # each holds a key and a parsed certificate, some 5 KB


@dataclass(frozen=True, slots=True)
class KeptAuthority:
    """An issuing authority of an account as it is stored."""

    account_id: AccountId
    certificate_pem: str
    sealed_key: bytes = field(repr=False)
    created_at_ms: int


class CloudAuthorities:
    """Makes the authorities of accounts, and finds them when something is to be signed."""

    def __init__(self, sealer: Sealer, clock: Clock, *, root_pem: str, root_key: Callable[[], bytes | None]) -> None:
        """``root_key`` reads the key of the root; ``None`` when it is not there."""
        self._sealer = sealer
        self._clock = clock
        self._root_pem = root_pem
        self._root_key = root_key
        self._opened: OrderedDict[AccountId, Authority] = OrderedDict()

    def of(self, unit: Unit, account_id: AccountId) -> Authority | None:
        """Return the account's own authority; ``None`` for an account that the installation's signs for."""
        known = self._opened.get(account_id)
        if known is not None:
            return known
        kept = unit.clouds.authority(account_id)
        if kept is None:
            return None
        authority = Authority(
            self._sealer.open(kept.sealed_key, _SEALED_FOR),
            kept.certificate_pem.encode(),
            root_certificate=self._root_pem.encode(),
            clock=self._clock,
        )
        self._opened[account_id] = authority
        if len(self._opened) > _KEPT:
            self._opened.popitem(last=False)
        return authority

    def make(self, unit: Unit, account_id: AccountId, *, name: str) -> None:
        """Give an account an authority of its own, unless it has one; devices may come with it after the commit.

        Raise ``EngineFailed`` where the root's key is locked away.
        """
        if unit.clouds.authority(account_id) is not None:
            return
        root_key = self._root_key()
        if root_key is None:
            raise EngineFailed(
                "The installation's root key is not at hand, and a cloud's own authority needs it: put keys/root.key "
                "back into the data folder and provision again",
                is_final=True,
            )
        certificate, key = create_issuing_authority(
            self._root_pem.encode(), root_key, clock=self._clock, name=_common_name(name)
        )
        pem = certificate.decode("ascii")
        unit.clouds.put_authority(
            KeptAuthority(account_id, pem, self._sealer.seal(key, _SEALED_FOR), self._clock.millis())
        )
        unit.emit(TrustOpened(_trust_id(account_id), pem))

    def withdraw(self, unit: Unit, account_id: AccountId) -> None:
        """Trust an account's authority no longer."""
        if unit.clouds.drop_authority(account_id):
            unit.emit(TrustClosed(_trust_id(account_id)))
        self._opened.pop(account_id, None)


def _trust_id(account_id: AccountId) -> TrustedCertificateId:
    return TrustedCertificateId(f"cloud:{account_id}")


def _common_name(name: str) -> str:
    return f"cloud {name}"[:54]  # with " issuing" behind it, RFC 5280 leaves 64 characters
