"""Certificates of devices that trusted certificates vouch for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select

from cloudstead.core.trustedcertificates.model import VouchedCertificate
from cloudstead.storage.sql.statements import Statement, putting
from cloudstead.storage.sql.tables_trusted_certificates import vouched_certificates as table

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import AccountId, CertificateId, ThingUid, TrustedCertificateId
    from cloudstead.storage.sql.transaction import Transaction

_PUT = putting(table, "id")
_GET = Statement(lambda _: select(table).where(table.c.id == bindparam("id")), "id")
_COUNT = Statement(
    lambda _: select(func.count()).select_from(table).where(table.c.account_id == bindparam("account_id")),
    "account_id",
)
_FORGET = Statement(
    lambda _: table.delete().where(table.c.trusted_certificate_id == bindparam("trusted_certificate_id")),
    "trusted_certificate_id",
)
_DROP_EXPIRED = Statement(lambda _: table.delete().where(table.c.not_after_ms < bindparam("now_ms")), "now_ms")
_REVOKE = Statement(
    lambda words: (
        table.update()
        .where(table.c.account_id == bindparam("wanted_account_id"))
        .where(words.any_of(table.c.thing_uid, "thing_uids"))
        .where(table.c.revoked_at_ms.is_(None))
        .values(revoked_at_ms=bindparam("now_ms"))
        .returning(table.c.id)
    ),
    "account_id",
    "thing_uids",
    "now_ms",
)


class SqlVouchedCertificates:
    """Certificates vouched for (``core.trustedcertificates.ports.VouchedCertificateStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def put(self, certificate: VouchedCertificate) -> None:
        """Insert or replace one."""
        self._transaction.change(
            _PUT,
            certificate.id,
            certificate.account_id,
            certificate.trusted_certificate_id,
            certificate.thing_uid,
            certificate.not_after_ms,
            certificate.first_seen_ms,
            certificate.revoked_at_ms,
        )

    def get(self, certificate_id: CertificateId) -> VouchedCertificate | None:
        """Return the one with that fingerprint, revoked or not."""
        row = self._transaction.row(_GET, certificate_id)
        return None if row is None else VouchedCertificate(*row)

    def count(self, account_id: AccountId) -> int:
        """Return how many an account has."""
        row = self._transaction.row(_COUNT, account_id)
        return 0 if row is None else int(row[0])

    def forget(self, trusted_certificate_id: TrustedCertificateId) -> int:
        """Delete all that this trusted certificate vouches for; return how many."""
        return self._transaction.change(_FORGET, trusted_certificate_id)

    def drop_expired(self, now_ms: int) -> int:
        """Delete what has ended before ``now_ms``; return how many."""
        return self._transaction.change(_DROP_EXPIRED, now_ms)


def revoke_of_each(
    transaction: Transaction, account_id: AccountId, thing_uids: Collection[ThingUid], now_ms: int
) -> Sequence[CertificateId]:
    """Let none of the things' vouched certificates open the door any more; return their fingerprints."""
    return [row[0] for row in transaction.rows(_REVOKE, account_id, list(thing_uids), now_ms)]
