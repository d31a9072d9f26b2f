"""The certificates of things: made, replaced, handed out, recognised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.audit.record import record
from cloudstead.core.credentials.authority import public_key_pem
from cloudstead.core.credentials.bundle import BundledThing, pack
from cloudstead.core.credentials.errors import (
    CertificateNotFound,
    CertificateUnknown,
    CredentialExpired,
    CredentialRefused,
)
from cloudstead.core.credentials.model import Certificate, CertificateState
from cloudstead.core.things.errors import ThingNotFound
from cloudstead.core.things.events import CertificatesRevoked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.authority import Authority
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.ids import AccountId, CertificateId, IdSource, ThingName, ThingUid
    from cloudstead.core.things.model import Thing
    from cloudstead.core.unit import Unit

_REPLACE: Final = Permission("thing:replace-certificate")
_DOWNLOAD: Final = Permission("thing:download-certificate")
_SEALED_FOR: Final = "thing-private-key"


class Authorities(Protocol):
    """Accounts that have an issuing authority of their own."""

    def of(self, unit: Unit, account_id: AccountId) -> Authority | None:
        """Return it; ``None`` for an account that the installation's own signs for."""
        ...


class Certificates:
    """Certificates of things in all accounts. Private keys that we made are kept sealed, to be downloaded later."""

    def __init__(
        self,
        authority: Authority,
        sealer: Sealer,
        *,
        clock: Clock,
        ids: IdSource,
        authorities: Authorities | None = None,
    ) -> None:
        self._authority = authority
        self._authorities = authorities
        self._sealer = sealer
        self._clock = clock
        self._ids = ids

    def create(self, unit: Unit, thing: Thing) -> Certificate:
        """Make and store a certificate; part of creating a thing, so nobody's permission is asked."""
        issued = self._authority_of(unit, thing.account_id).issue_thing_certificate(
            thing.account_id, thing.name, thing_uid=thing.uid
        )
        certificate = Certificate(
            id=issued.id,
            account_id=thing.account_id,
            thing_uid=thing.uid,
            serial=issued.serial,
            state=CertificateState.ACTIVE,
            not_before_ms=issued.not_before_ms,
            not_after_ms=issued.not_after_ms,
            pem=issued.pem,
            sealed_private_key=self._sealer.seal(issued.private_key_pem.encode(), _SEALED_FOR),
            created_at_ms=self._clock.millis(),
        )
        unit.certificates.add(certificate)
        return certificate

    def certify(self, unit: Unit, thing: Thing, request: x509.CertificateSigningRequest) -> Certificate:
        """Store a certificate for a key that the thing has made itself, so that nobody can download it.

        Part of creating a thing, as ``create`` is; raises ``InvalidField`` naming ``csr``.
        """
        signed = self._authority.sign_thing_request(request, thing.account_id, thing.name, thing_uid=thing.uid)
        certificate = Certificate(
            id=signed.id,
            account_id=thing.account_id,
            thing_uid=thing.uid,
            serial=signed.serial,
            state=CertificateState.ACTIVE,
            not_before_ms=signed.not_before_ms,
            not_after_ms=signed.not_after_ms,
            pem=signed.pem,
            sealed_private_key=None,
            created_at_ms=self._clock.millis(),
        )
        unit.certificates.add(certificate)
        return certificate

    def replace(self, unit: Unit, caller: Caller, name: ThingName) -> Certificate:
        """Revoke every certificate of the thing and make a new one; open connections end after the commit.

        Raises ``ThingNotFound``, ``NotPermitted``, ``OutOfReach``.
        """
        thing = _reached(unit, caller, name, _REPLACE)
        revoked = tuple(unit.certificates.revoke_all(thing.account_id, thing.uid, self._clock.millis()))
        certificate = self.create(unit, thing)
        record(
            unit,
            caller,
            clock=self._clock,
            ids=self._ids,
            operation="thing.replace-certificate",
            object_type="thing",
            object_id=thing.name,
            before={"certificates": list(revoked)},
            after={"certificates": [certificate.id]},
        )
        unit.emit(CertificatesRevoked(revoked))
        return certificate

    def download(self, unit: Unit, caller: Caller, name: ThingName) -> bytes:
        """Return the zip archive with the thing's newest certificate and key.

        Raises ``ThingNotFound``, ``NotPermitted``, ``OutOfReach``, and ``CertificateNotFound`` where the device made
        its own key.
        """
        return pack([self.bundle_of(unit, _reached(unit, caller, name, _DOWNLOAD))])

    def bundle_of(self, unit: Unit, thing: Thing) -> BundledThing:
        """Return what goes into the thing's folder of an archive; raise ``CertificateNotFound``."""
        for certificate in unit.certificates.live_of(thing.account_id, thing.uid):
            if certificate.sealed_private_key is not None:
                authority = self._authority_of(unit, thing.account_id)
                return self._bundle(thing, certificate, certificate.sealed_private_key, authority=authority)
        raise CertificateNotFound

    def bundles_of(self, unit: Unit, account_id: AccountId, things: Sequence[Thing]) -> list[BundledThing]:
        """Return what goes into an archive for things of one account, but for those that made their own keys."""
        newest: dict[ThingUid, tuple[Certificate, bytes]] = {}
        for certificate in unit.certificates.live_of_each(account_id, [thing.uid for thing in things]):
            if certificate.sealed_private_key is not None:
                newest.setdefault(certificate.thing_uid, (certificate, certificate.sealed_private_key))
        authority = self._authority_of(unit, account_id)
        return [self._bundle(thing, *newest[thing.uid], authority=authority) for thing in things if thing.uid in newest]

    def _authority_of(self, unit: Unit, account_id: AccountId) -> Authority:
        own = None if self._authorities is None else self._authorities.of(unit, account_id)
        return own or self._authority

    def _bundle(
        self, thing: Thing, certificate: Certificate, sealed_key: bytes, *, authority: Authority
    ) -> BundledThing:
        private_key = self._sealer.open(sealed_key, _SEALED_FOR)
        return BundledThing(
            name=thing.name,
            certificate=_own(certificate.pem),
            private_key=private_key.decode("ascii"),
            public_key=_public_half(private_key),
            authorities=authority.chain_pem,
            created_at_ms=certificate.created_at_ms,
        )

    def recognise(self, unit: Unit, certificate_id: CertificateId, *, now_ms: int) -> Certificate:
        """Return the certificate when it opens the door; raise ``CredentialRefused`` or ``CredentialExpired``.

        ``CertificateUnknown`` is the one of them that leaves the question to others. To be asked at every connection:
        a TLS session may be resumed long after its certificate was revoked.
        """
        certificate = unit.certificates.get(certificate_id)
        if certificate is None:
            raise CertificateUnknown
        if certificate.state is not CertificateState.ACTIVE:
            raise CredentialRefused("The certificate is not valid.")
        if now_ms < certificate.not_before_ms:
            raise CredentialRefused("The certificate is not valid yet.")
        if now_ms > certificate.not_after_ms:
            raise CredentialExpired(certificate.not_after_ms // 1000, now_ms // 1000)
        return certificate


def _reached(unit: Unit, caller: Caller, name: ThingName, permission: Permission) -> Thing:
    reach = Reach.of(caller, permission, unit.domains.tree(caller.account_id))
    thing = unit.things.get(caller.account_id, name)
    if thing is None:
        raise ThingNotFound(name)
    reach.require(thing.domain_id)
    return thing


def _own(chain: str) -> str:
    """Return the first certificate of a chain."""
    end = "-----END CERTIFICATE-----\n"
    return chain.partition(end)[0] + end


def _public_half(private_key: bytes) -> str:
    key = load_pem_private_key(private_key, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("a thing's sealed key is an elliptic-curve key")
    return public_key_pem(key.public_key())
