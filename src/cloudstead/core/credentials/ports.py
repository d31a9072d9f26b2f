"""What credentials need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.credentials.model import ApiKey, Certificate, RefreshToken
    from cloudstead.core.ids import AccountId, ApiKeyId, CertificateId, PersonId, ThingUid
    from cloudstead.core.paging import Page, PageRequest


class ApiKeyStore(Protocol):
    """API keys; the look-up by id is on the path of every request made with a key."""

    def add(self, key: ApiKey) -> None:
        """Insert a key with its grants."""
        ...

    def get(self, key_id: ApiKeyId) -> ApiKey | None:
        """Return the key with that id, whatever its state."""
        ...

    def replace(self, *keys: ApiKey) -> None:
        """Write all columns of keys and their grants."""
        ...

    def named(self, account_id: AccountId, key_ids: Collection[ApiKeyId]) -> Sequence[ApiKey]:
        """Return those of the keys that the account has, ordered by id."""
        ...

    def page(
        self,
        account_id: AccountId,
        request: PageRequest,
        *,
        owner_id: PersonId | None = None,
        key_id: ApiKeyId | None = None,
    ) -> Page[ApiKey]:
        """Return one page of the account's keys: all, those of an owner, or the one with an id."""
        ...

    def count(self, account_id: AccountId) -> int:
        """Return how many keys the account has."""
        ...

    def note_uses(self, uses: Mapping[ApiKeyId, int]) -> None:
        """Move the time of the last use of each key on to these milliseconds."""
        ...

    def remove(self, account_id: AccountId, key_id: ApiKeyId) -> bool:
        """Delete a key; return whether there was one."""
        ...

    def ids_of(self, owner_ids: Collection[PersonId]) -> Sequence[ApiKeyId]:
        """Return the ids of the keys that these people own."""
        ...


class RefreshTokenStore(Protocol):
    """Refresh tokens by their hash."""

    def add(self, token: RefreshToken) -> None:
        """Insert a token."""
        ...

    def get(self, token_hash: bytes) -> RefreshToken | None:
        """Return the token with that hash, expired or not."""
        ...

    def drop_expired(self, now_ms: int) -> int:
        """Delete what expired before ``now_ms``; return how many."""
        ...

    def drop_of(self, person_id: PersonId) -> int:
        """Delete all tokens of a person; return how many."""
        ...


class CertificateStore(Protocol):
    """Certificates of things."""

    def add(self, certificate: Certificate) -> None:
        """Insert a certificate."""
        ...

    def get(self, certificate_id: CertificateId) -> Certificate | None:
        """Return the certificate with that fingerprint, whatever its state."""
        ...

    def live_of(self, account_id: AccountId, thing_uid: ThingUid) -> Sequence[Certificate]:
        """Return the thing's active certificates, newest first."""
        ...

    def live_of_each(self, account_id: AccountId, thing_uids: Collection[ThingUid]) -> Sequence[Certificate]:
        """Return the active certificates of several things, newest first."""
        ...

    def revoke_all(self, account_id: AccountId, thing_uid: ThingUid, now_ms: int) -> Sequence[CertificateId]:
        """Revoke every active certificate of the thing; return their fingerprints.

        Those that a trusted certificate of the account's own vouches for are among them.
        """
        ...

    def revoke_of_each(
        self, account_id: AccountId, thing_uids: Collection[ThingUid], now_ms: int
    ) -> Sequence[CertificateId]:
        """Do the same for several things, in a fixed number of statements."""
        ...

    def revoked(self, now_ms: int) -> Sequence[tuple[str, int]]:
        """Return serial and time of revocation (ms) of every revoked certificate not yet past its end, for the CRL.

        Those of removed things stay listed. Ordered by serial.
        """
        ...
