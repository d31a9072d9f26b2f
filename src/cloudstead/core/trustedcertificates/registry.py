"""Trusted certificates uploaded, listed, changed and removed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.whole_account import require_at_root
from cloudstead.core.accounts.limits import CERTIFICATES, require_room
from cloudstead.core.accounts.profile import Tier
from cloudstead.core.audit.record import Trail
from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import TrustedCertificateId
from cloudstead.core.paging import Page
from cloudstead.core.patch import ABSENT, Patched, patched
from cloudstead.core.texts import require_line, require_prose
from cloudstead.core.trustedcertificates.chains import Chain, read_chain, require_proof
from cloudstead.core.trustedcertificates.errors import (
    CommercialOnly,
    TrustedCertificateNameTaken,
    TrustedCertificateNotFound,
)
from cloudstead.core.trustedcertificates.events import TrustClosed, TrustOpened
from cloudstead.core.trustedcertificates.model import (
    MAX_DESCRIPTION_CHARS,
    MAX_NAME_CHARS,
    Service,
    TrustedCertificate,
    TrustedStatus,
)
from cloudstead.core.versions import changed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.paging import PageRequest
    from cloudstead.core.trustedcertificates.claims import Claims
    from cloudstead.core.trustedcertificates.listing import TrustedQuery
    from cloudstead.core.unit import Unit

READ: Final = Permission("trusted-certificate:read")
CREATE: Final = Permission("trusted-certificate:create")
CHANGE: Final = Permission("trusted-certificate:change")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A trusted certificate as somebody gives it. ``signature``: see ``chains.require_proof``."""

    name: str
    certificate: str
    service: Service
    signature: str | None = None
    description: str | None = None
    enrols: bool = False
    status: TrustedStatus = TrustedStatus.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedChange:
    """What to change; what is ``ABSENT`` stays as it is. ``None`` clears the description."""

    name: Patched[str] = ABSENT
    certificate: Patched[str] = ABSENT
    service: Patched[Service] = ABSENT
    signature: Patched[str] = ABSENT
    description: Patched[str | None] = ABSENT
    enrols: Patched[bool] = ABSENT
    status: Patched[TrustedStatus] = ABSENT


class TrustedCertificates:
    """The trusted certificates of all accounts, as callers may see and change them."""

    def __init__(self, clock: Clock, ids: IdSource, claims: Claims) -> None:
        self._clock = clock
        self._ids = ids
        self._claims = claims
        self._trail = Trail(
            clock, ids, object_type="trusted-certificate", name_of=lambda each: each.id, fields_of=_audited
        )

    def get(self, unit: Unit, caller: Caller, *, certificate_id: str) -> TrustedCertificate:
        """Return one; raise ``TrustedCertificateNotFound``."""
        require_at_root(caller, READ)
        return self._find(unit, caller, certificate_id)

    def list(self, unit: Unit, caller: Caller, *, page: PageRequest, query: TrustedQuery) -> Page[TrustedCertificate]:
        """Return a page of those that are looked for, with the number of all of them."""
        require_at_root(caller, READ)
        now_ms = self._clock.millis()
        found = [each for each in unit.trusted_certificates.of_account(caller.account_id) if query.finds(each, now_ms)]
        found.sort(key=lambda each: each.id, reverse=page.descending)
        after = page.after
        left = (
            found
            if after is None
            else [each for each in found if (each.id < after if page.descending else each.id > after)]
        )
        items = tuple(left[: page.limit])
        return Page(items, after=items[-1].id if len(left) > len(items) else None, total=len(found))

    def upload(self, unit: Unit, caller: Caller, upload: Upload, *, as_parent: bool = False) -> TrustedCertificate:
        """Trust an authority from now on; devices with certificates of it may connect as soon as this is committed.

        In one's own account a chain that does not begin with a root needs a signature, unless it is for enrolment;
        ``as_parent``, none is asked for. Raises ``InvalidField``, ``CommercialOnly``, ``AccountLimitExceeded``,
        ``TrustedCertificateNameTaken`` and ``TrustedCertificateSubjectTaken``.
        """
        require_at_root(caller, CREATE)
        if not as_parent and unit.accounts.profile(caller.account_id).tier is Tier.FREE:
            raise CommercialOnly
        chain = read_chain(upload.certificate, now=self._clock.now())
        is_proven = self._proves(chain, caller.account_id, upload.signature)
        if not (as_parent or upload.enrols):
            _require_known_root(chain, is_proven=is_proven)
        now_ms = self._clock.millis()
        certificate = TrustedCertificate(
            id=TrustedCertificateId(self._ids.new()),
            account_id=caller.account_id,
            name=upload.name,
            description=upload.description or None,
            service=upload.service,
            status=upload.status,
            enrols=upload.enrols,
            is_proven=is_proven,
            owner_id=owner_of(caller),
            trusted=chain.trusted,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
        )
        self.add(unit, caller, certificate, operation="trusted-certificate.create")
        return certificate

    def add(self, unit: Unit, caller: Caller, certificate: TrustedCertificate, *, operation: str) -> None:
        """Store a certificate that was judged, under a name that is free, within the account's limit."""
        existing = unit.trusted_certificates.of_account(certificate.account_id)
        _require_texts(certificate)
        _require_free_name(certificate, existing)
        require_room(unit, certificate.account_id, CERTIFICATES, used=len(existing))
        self._claims.claim(unit, certificate)
        unit.trusted_certificates.add(certificate)
        self._trail.made(unit, caller, operation, certificate)
        if certificate.is_active:
            unit.emit(TrustOpened(certificate.id, certificate.trusted.authority_pem))

    def update(
        self, unit: Unit, caller: Caller, change: TrustedChange, *, certificate_id: str, as_parent: bool = False
    ) -> TrustedCertificate:
        """Change what is given; another certificate is judged like an upload.

        Devices of an authority that is exchanged for one with another key, or made inactive, are disconnected at once.
        """
        require_at_root(caller, CHANGE)
        before = self._find(unit, caller, certificate_id)
        if before.is_developer and any(
            each is not ABSENT for each in (change.certificate, change.signature, change.service, change.enrols)
        ):
            raise InvalidField("certificate", "of a developer certificate only name, description and status can change")
        wanted = replace(
            self._with_chain(before, change, as_parent=as_parent),
            name=patched(change.name, before.name),
            description=patched(change.description, before.description) or None,
            service=patched(change.service, before.service),
            enrols=patched(change.enrols, before.enrols),
            status=patched(change.status, before.status),
        )
        after = changed(before, wanted, now_ms=self._clock.millis())
        if after is before:
            return before
        _require_texts(after)
        _require_free_name(after, unit.trusted_certificates.of_account(after.account_id))
        self._claims.claim(unit, after)
        unit.trusted_certificates.replace(after)
        self._trail.changed(unit, caller, "trusted-certificate.update", before, after)
        self._tell(unit, before, after)
        return after

    def remove(self, unit: Unit, caller: Caller, *, certificate_id: str) -> None:
        """Trust an authority no longer; its devices are disconnected at once. Their things stay."""
        require_at_root(caller, CHANGE)
        certificate = self._find(unit, caller, certificate_id)
        unit.trusted_certificates.remove(certificate.account_id, certificate.id)
        self._trail.removed(unit, caller, "trusted-certificate.remove", certificate)
        unit.emit(TrustClosed(certificate.id))

    def _find(self, unit: Unit, caller: Caller, certificate_id: str) -> TrustedCertificate:
        found = unit.trusted_certificates.get(TrustedCertificateId(certificate_id))
        if found is None or found.account_id != caller.account_id:
            raise TrustedCertificateNotFound
        return found

    def _with_chain(self, before: TrustedCertificate, change: TrustedChange, *, as_parent: bool) -> TrustedCertificate:
        """Return it with another chain, or with the proof for the present one."""
        if change.certificate is ABSENT and change.signature is ABSENT:
            return before
        chain = read_chain(patched(change.certificate, before.trusted.pem), now=self._clock.now())
        is_proven = self._proves(chain, before.account_id, patched(change.signature, None))
        is_same_key = chain.trusted.key_hash == before.trusted.key_hash
        is_proven = is_proven or (before.is_proven and is_same_key)
        if not (as_parent or patched(change.enrols, before.enrols)):
            _require_known_root(chain, is_proven=is_proven)
        return replace(before, trusted=chain.trusted, is_proven=is_proven)

    def _proves(self, chain: Chain, account_id: AccountId, signature: str | None) -> bool:
        if not signature:
            return False
        require_proof(chain, signature, account_id)
        return True

    def _tell(self, unit: Unit, before: TrustedCertificate, after: TrustedCertificate) -> None:
        is_same_key = before.trusted.key_hash == after.trusted.key_hash
        if not is_same_key:
            unit.vouched_certificates.forget(after.id)
        if before.is_active and not (after.is_active and is_same_key):
            unit.emit(TrustClosed(after.id))
        if after.is_active and (not before.is_active or before.trusted != after.trusted):
            unit.emit(TrustOpened(after.id, after.trusted.authority_pem))


def owner_of(caller: Caller) -> str:
    """Return the id of the person or of the key that calls."""
    return caller.principal.rpartition(":")[2]


def _require_known_root(chain: Chain, *, is_proven: bool) -> None:
    if not chain.is_complete and not is_proven:
        raise InvalidField(
            "signature", "is needed: the chain does not begin with a root, which would be issued by itself"
        )


def _require_texts(certificate: TrustedCertificate) -> None:
    require_line(certificate.name, field="name", max_chars=MAX_NAME_CHARS)
    require_prose(certificate.description, field="description")
    if len(certificate.description or "") > MAX_DESCRIPTION_CHARS:
        raise InvalidField("description", f"longer than {MAX_DESCRIPTION_CHARS} characters")


def _require_free_name(certificate: TrustedCertificate, existing: Sequence[TrustedCertificate]) -> None:
    if any(each.name == certificate.name and each.id != certificate.id for each in existing):
        raise TrustedCertificateNameTaken


def _audited(certificate: TrustedCertificate) -> dict[str, Any]:
    trusted = certificate.trusted
    return {
        "name": certificate.name,
        "description": certificate.description,
        "service": certificate.service.value,
        "status": certificate.status.value,
        "enrols": certificate.enrols,
        "is_proven": certificate.is_proven,
        "subject": trusted.subject,
        "fingerprint": trusted.fingerprint,
        "not_after_ms": trusted.not_after_ms,
    }
