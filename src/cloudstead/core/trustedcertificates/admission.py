"""Which account and which thing a device's certificate opens, when it comes from an authority of the account's own.

The account is the one whose trusted certificate issued the device's, directly or through further authorities that the
device shows. Nothing that the device says decides it. Within the account, a certificate that was seen before belongs
to its thing; a new one belongs to the thing that its common name names, which is made at that moment where the trusted
certificate enrols.

TLS has verified the chain before anybody asks here, with the dates and the purposes of all certificates. What is
verified here again are the signatures, because the answer has to be right even where several authorities would do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.audit.record import record
from cloudstead.core.caller import Caller
from cloudstead.core.credentials.authority import fingerprint
from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused
from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.ids import DomainId, ThingName, ThingTypeId, ThingUid
from cloudstead.core.things.events import ThingCreated
from cloudstead.core.things.model import NAME_PATTERN, Thing
from cloudstead.core.thingtypes.model import ThingType
from cloudstead.core.trustedcertificates.chains import is_authority, is_issued_by, name_hash
from cloudstead.core.trustedcertificates.model import VouchedCertificate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import CertificateId, IdSource
    from cloudstead.core.trustedcertificates.model import TrustedCertificate
    from cloudstead.core.unit import Unit

ENROLLED_TYPE: Final = ThingTypeId("device")
"""The thing type of things that come by themselves; made at the root where it is missing."""

MAX_DEPTH: Final = 10
"""Authorities between a device and a trusted certificate, and above that one."""


@dataclass(frozen=True, slots=True)
class Found:
    """A trusted certificate that vouches for a device. ``thing_uid`` is ``None`` for one that was never seen."""

    trusted: TrustedCertificate
    thing_uid: ThingUid | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a device showed in the handshake.

    ``others`` are the further certificates that it sent (DER), ``None`` where the TLS session was resumed: then nobody
    knows them any more.
    """

    certificate_id: CertificateId
    der: bytes
    others: Sequence[bytes] | None


class Admission:
    """Recognises devices by trusted certificates, and makes things of those that may enrol."""

    def __init__(self, clock: Clock, ids: IdSource, *, max_devices: int) -> None:
        """``max_devices``: how many certificates of devices an account may have let in this way."""
        self._clock = clock
        self._ids = ids
        self._max_devices = max_devices

    def find(self, unit: Unit, shown: Shown) -> Found:
        """Return what vouches for the certificate; raise ``CredentialRefused`` or ``CredentialExpired``.

        For one that was seen before this costs two look-ups, for others also the verification of their signatures.
        """
        known = unit.vouched_certificates.get(shown.certificate_id)
        if known is not None:
            return self._find_known(unit, known)
        leaf = _read(shown.der)
        trusted = self._issuer(unit, leaf, shown)
        self._require_in_force(trusted, _millis_of_end(leaf))
        if trusted.is_developer and trusted.trusted.fingerprint != shown.certificate_id:
            raise CredentialRefused("A developer certificate vouches for nobody but itself.")
        if is_authority(leaf) and not trusted.is_developer:
            raise CredentialRefused("The certificate is that of an authority, not that of a device.")
        return Found(trusted, None)

    def register(self, unit: Unit, shown: Shown) -> Found:
        """Find it, and keep the certificate with its thing, which is made where it may be; raise as ``find`` does."""
        found = self.find(unit, shown)
        if found.thing_uid is not None:
            return found
        trusted, leaf = found.trusted, _read(shown.der)
        account = unit.accounts.get(trusted.account_id)
        if account is None or account.status is not AccountStatus.ACTIVE:
            raise CredentialRefused("The account takes no new devices as long as it is not active.")
        if unit.vouched_certificates.count(trusted.account_id) >= self._max_devices:
            raise CredentialRefused(f"The account has let in {self._max_devices} devices with certificates of its own.")
        name = thing_name_of(leaf)
        thing = unit.things.get(trusted.account_id, name)
        if thing is None:
            if not (trusted.enrols or trusted.is_developer):
                raise CredentialRefused(f"There is no thing {name!r}, and the trusted certificate does not enrol.")
            thing = self._enrol(unit, trusted, name)
        vouched = VouchedCertificate(
            id=shown.certificate_id,
            account_id=trusted.account_id,
            trusted_certificate_id=trusted.id,
            thing_uid=thing.uid,
            not_after_ms=_millis_of_end(leaf),
            first_seen_ms=self._clock.millis(),
        )
        unit.vouched_certificates.put(vouched)
        record(
            unit,
            _caller_of(trusted),
            clock=self._clock,
            ids=self._ids,
            operation="thing.recognise-certificate",
            object_type="thing",
            object_id=thing.name,
            after={"certificate": shown.certificate_id, "subject": leaf.subject.rfc4514_string()},
        )
        return Found(trusted, thing.uid)

    def _find_known(self, unit: Unit, known: VouchedCertificate) -> Found:
        if known.revoked_at_ms is not None:
            raise CredentialRefused("The certificate is not valid.")
        trusted = unit.trusted_certificates.get(known.trusted_certificate_id)
        if trusted is None:
            raise CredentialRefused("The certificate is not valid.")
        self._require_in_force(trusted, known.not_after_ms)
        return Found(trusted, known.thing_uid)

    def _require_in_force(self, trusted: TrustedCertificate, not_after_ms: int) -> None:
        now_ms = self._clock.millis()
        if not trusted.is_active:
            raise CredentialRefused("The trusted certificate is not active.")
        if now_ms < trusted.trusted.not_before_ms:
            raise CredentialRefused("The trusted certificate is not valid yet.")
        end_ms = min(trusted.trusted.not_after_ms, not_after_ms)
        if now_ms > end_ms:
            raise CredentialExpired(end_ms // 1000, now_ms // 1000)

    def _issuer(self, unit: Unit, leaf: x509.Certificate, shown: Shown) -> TrustedCertificate:
        """Return the trusted certificate that vouches for the device.

        It is the nearest one. But an account that has not proven to hold the key of its authority does not get devices
        from below an authority of somebody else, who may not have thought of uploading the lower one.
        """
        vouching = self._vouching(unit, leaf, shown.others or ())
        if not vouching:
            raise CredentialRefused("No trusted certificate vouches for the certificate.")
        nearest = vouching[0]
        if nearest.is_proven:
            return nearest
        if shown.others is None:
            raise CredentialRefused("The TLS session was resumed before the device was known: connect without it.")
        if all(other.account_id == nearest.account_id for other in vouching):
            return nearest
        for other in vouching:
            if other.is_proven:
                return other
        raise CredentialRefused("Several accounts trust authorities of this certificate, and none has proven its own.")

    def _vouching(self, unit: Unit, leaf: x509.Certificate, others: Sequence[bytes]) -> list[TrustedCertificate]:
        """Return the active trusted certificates on the way up from the leaf, the nearest first."""
        vouching: list[TrustedCertificate] = []
        pool = [_read(der) for der in others[:MAX_DEPTH]]
        current = leaf
        for _ in range(2 * MAX_DEPTH):
            above, trusted = _next_above(unit, current, pool)
            if above is None:
                break
            if trusted is not None and trusted.is_active:
                vouching.append(trusted)
                pool += x509.load_pem_x509_certificates(trusted.trusted.pem.encode())
            if above == current:  # a root
                break
            current = above
        return vouching

    def _enrol(self, unit: Unit, trusted: TrustedCertificate, name: ThingName) -> Thing:
        """Make the thing of a device that was never seen, at the root of the domains."""
        account_id, root = trusted.account_id, DomainId(ROOT_ID)
        now_ms = self._clock.millis()
        caller = _caller_of(trusted)
        thing_type = unit.thing_types.get(account_id, ENROLLED_TYPE)
        if thing_type is None:
            unit.thing_types.add(ThingType(account_id, ENROLLED_TYPE, root, "Device", created_at_ms=now_ms))
        elif thing_type.domain_id != root:
            raise CredentialRefused(f"The thing type {ENROLLED_TYPE!r} is not for things at the root.")
        thing = Thing(
            uid=ThingUid(self._ids.new()),
            account_id=account_id,
            name=name,
            thing_type=ENROLLED_TYPE,
            domain_id=root,
            label=name,
            description=None,
            created_at_ms=now_ms,
            created_by=caller.user_name,
        )
        unit.things.add(thing)
        unit.things.mark_for_index((thing.uid,))
        record(
            unit,
            caller,
            clock=self._clock,
            ids=self._ids,
            operation="thing.enrol",
            object_type="thing",
            object_id=name,
            after={"uid": thing.uid, "thing_type": ENROLLED_TYPE, "domain": root},
        )
        unit.emit(ThingCreated(thing, unit.domains.tree(account_id).path(root)))
        return thing


def thing_name_of(leaf: x509.Certificate) -> ThingName:
    """Return the name of the thing that a certificate is about.

    It is the common name, if there is one and a thing may be called so, else the fingerprint.
    """
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = names[0].value if len(names) == 1 else ""
    if isinstance(text, str) and NAME_PATTERN.fullmatch(text):
        return ThingName(text)
    return ThingName(fingerprint(leaf.public_bytes(Encoding.DER)))


def _next_above(
    unit: Unit, certificate: x509.Certificate, pool: Sequence[x509.Certificate]
) -> tuple[x509.Certificate | None, TrustedCertificate | None]:
    """Return what issued the certificate: a trusted one if there is, else one of the pool."""
    for trusted in unit.trusted_certificates.by_subject(name_hash(certificate.issuer)):
        above = _read_pem(trusted.trusted.authority_pem)
        if is_issued_by(certificate, above):
            return above, trusted
    for above in pool:
        if is_issued_by(certificate, above):
            return above, None
    return None, None


def _read(der: bytes) -> x509.Certificate:
    """Read what OpenSSL has taken; its reader is the more patient one."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        # Parts are read when they are asked for: now, so that nobody later has to reckon with it.
        _ = certificate.subject, certificate.issuer, certificate.extensions, certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CredentialRefused("The certificate cannot be read.") from None
    return certificate


def _read_pem(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def _caller_of(trusted: TrustedCertificate) -> Caller:
    """Return who acts when a device comes by itself: the trusted certificate."""
    return Caller(trusted.account_id, f"trusted-certificate:{trusted.id}", trusted.name, None, ())


def _millis_of_end(leaf: x509.Certificate) -> int:
    return int(leaf.not_valid_after_utc.timestamp()) * 1000
