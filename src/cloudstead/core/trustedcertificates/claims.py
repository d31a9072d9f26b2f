"""Which account an authority belongs to, where several say that it is theirs.

Certificates are public: whoever has met a device can upload the certificate of its authority, and whoever makes an
authority can give it any name. So that nobody lets in, or locks out, the devices of somebody else:

- A public key belongs to one account. Whoever shows by a signature that the private key is at hand takes it from an
  account that has not, which loses its certificate; otherwise the first keeps it, active or not, until it is removed.
- A subject stands for one public key, because TLS looks authorities up by their subject and tries one key only. Nobody
  can take the subjects of our own authorities.

That an authority is known here shows to those who have its certificate; to take it costs its private key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.audit.record import record
from cloudstead.core.caller import Caller
from cloudstead.core.errors import InvalidField
from cloudstead.core.trustedcertificates.errors import TrustedCertificateSubjectTaken
from cloudstead.core.trustedcertificates.events import TrustClosed

if TYPE_CHECKING:
    from collections.abc import Collection

    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import IdSource
    from cloudstead.core.trustedcertificates.model import TrustedCertificate
    from cloudstead.core.unit import Unit


class Claims:
    """Gives authorities to accounts."""

    def __init__(self, clock: Clock, ids: IdSource, *, own_subjects: Collection[str]) -> None:
        """``own_subjects`` are the hashes of the subjects of our own authorities (``chains.name_hash``)."""
        self._clock = clock
        self._ids = ids
        self._own_subjects = frozenset(own_subjects)

    def claim(self, unit: Unit, claimed: TrustedCertificate) -> None:
        """Take the authority for the account.

        Raises ``TrustedCertificateSubjectTaken``, and ``InvalidField`` where a signature has to decide.
        """
        trusted = claimed.trusted
        if trusted.subject_hash in self._own_subjects:
            raise TrustedCertificateSubjectTaken
        for other in unit.trusted_certificates.by_subject(trusted.subject_hash):
            is_same = other.account_id == claimed.account_id
            if other.id != claimed.id and (is_same or other.trusted.key_hash != trusted.key_hash):
                raise TrustedCertificateSubjectTaken
        others = unit.trusted_certificates.by_key(trusted.key_hash)
        rivals = [other for other in others if other.account_id != claimed.account_id]
        if any(rival.is_proven for rival in rivals):
            raise TrustedCertificateSubjectTaken
        if rivals and not claimed.is_proven:
            raise InvalidField("signature", "is needed for this certificate: sign the account's id with its key")
        for rival in rivals:
            self._take_from(unit, rival)

    def _take_from(self, unit: Unit, rival: TrustedCertificate) -> None:
        unit.trusted_certificates.remove(rival.account_id, rival.id)
        record(
            unit,
            Caller(rival.account_id, "cloudstead", "cloudstead", None, ()),
            clock=self._clock,
            ids=self._ids,
            operation="trusted-certificate.lose",
            object_type="trusted-certificate",
            object_id=rival.id,
            before={"name": rival.name, "subject": rival.trusted.subject, "fingerprint": rival.trusted.fingerprint},
        )
        unit.emit(TrustClosed(rival.id))
