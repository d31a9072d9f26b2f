"""What trusted certificates need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.ids import AccountId, CertificateId, TrustedCertificateId
    from cloudstead.core.trustedcertificates.model import TrustedCertificate, VouchedCertificate


class TrustedCertificateStore(Protocol):
    """Trusted certificates. What TLS and claims ask goes across accounts; callers ask for one account."""

    def add(self, certificate: TrustedCertificate) -> None:
        """Insert a trusted certificate."""
        ...

    def replace(self, certificate: TrustedCertificate) -> None:
        """Write all columns of a trusted certificate."""
        ...

    def remove(self, account_id: AccountId, certificate_id: TrustedCertificateId) -> None:
        """Delete a trusted certificate, and what is known of the certificates that it vouches for."""
        ...

    def get(self, certificate_id: TrustedCertificateId) -> TrustedCertificate | None:
        """Return the one with that id, whatever its account: for the gateway, and for whoever compares the account."""
        ...

    def of_account(self, account_id: AccountId) -> Sequence[TrustedCertificate]:
        """Return all of an account, ordered by id; its allowance bounds how many there are."""
        ...

    def by_subject(self, subject_hash: str) -> Sequence[TrustedCertificate]:
        """Return all with that subject, of all accounts, ordered by id."""
        ...

    def by_key(self, key_hash: str) -> Sequence[TrustedCertificate]:
        """Return all with that public key, of all accounts, ordered by id."""
        ...

    def active_authorities(self) -> Sequence[str]:
        """Return what the handshake has to know of all accounts: the PEM of every active one, ordered by id."""
        ...


class VouchedCertificateStore(Protocol):
    """Certificates of devices that were let in because a trusted one vouches for them."""

    def put(self, certificate: VouchedCertificate) -> None:
        """Insert or replace one."""
        ...

    def get(self, certificate_id: CertificateId) -> VouchedCertificate | None:
        """Return the one with that fingerprint, revoked or not."""
        ...

    def count(self, account_id: AccountId) -> int:
        """Return how many an account has."""
        ...

    def forget(self, trusted_certificate_id: TrustedCertificateId) -> int:
        """Delete all that this trusted certificate vouches for; return how many."""
        ...

    def drop_expired(self, now_ms: int) -> int:
        """Delete what has ended before ``now_ms``, because TLS refuses it anyway; return how many."""
        ...
