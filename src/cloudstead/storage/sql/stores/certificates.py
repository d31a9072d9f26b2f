"""Certificates of things, and the revocations that outlive them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from cloudstead.core.credentials.model import Certificate, CertificateState
from cloudstead.storage.sql.statements import Statement, adding
from cloudstead.storage.sql.stores import vouched_certificates
from cloudstead.storage.sql.tables import certificates, revocations

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement

    from cloudstead.core.ids import AccountId, CertificateId, ThingUid
    from cloudstead.storage.sql.statements import Words
    from cloudstead.storage.sql.transaction import Transaction


def _live(words: Words) -> tuple[ColumnElement[bool], ...]:
    return (
        certificates.c.account_id == bindparam("wanted_account_id"),
        words.any_of(certificates.c.thing_uid, "thing_uids"),
        certificates.c.state == CertificateState.ACTIVE.value,
    )


_ADD = adding(certificates)
_GET = Statement(lambda _: select(certificates).where(certificates.c.id == bindparam("id")), "id")
_LIVE_OF_EACH = Statement(
    lambda words: (
        select(certificates).where(*_live(words)).order_by(certificates.c.created_at_ms.desc(), certificates.c.id)
    ),
    "account_id",
    "thing_uids",
)
_RECORD_REVOCATIONS = Statement(
    lambda words: revocations.insert().from_select(
        ["serial", "account_id", "revoked_at_ms", "not_after_ms"],
        select(
            certificates.c.serial,
            certificates.c.account_id,
            bindparam("now_ms", type_=revocations.c.revoked_at_ms.type),
            certificates.c.not_after_ms,
        ).where(*_live(words)),
    ),
    "account_id",
    "thing_uids",
    "now_ms",
)
_REVOKE = Statement(
    lambda words: (
        certificates.update()
        .where(*_live(words))
        .values(state=CertificateState.REVOKED.value, revoked_at_ms=bindparam("now_ms"))
        .returning(certificates.c.id)
    ),
    "account_id",
    "thing_uids",
    "now_ms",
)
_REVOKED = Statement(
    lambda _: (
        select(revocations.c.serial, revocations.c.revoked_at_ms)
        .where(revocations.c.not_after_ms >= bindparam("now_ms"))
        .order_by(revocations.c.serial)
    ),
    "now_ms",
)


class SqlCertificates:
    """Certificates of things (``core.credentials.ports.CertificateStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, certificate: Certificate) -> None:
        """Insert a certificate."""
        self._transaction.change(_ADD, *_values(certificate))

    def get(self, certificate_id: CertificateId) -> Certificate | None:
        """Return the certificate with that fingerprint, whatever its state."""
        row = self._transaction.row(_GET, certificate_id)
        return None if row is None else _certificate(row)

    def live_of(self, account_id: AccountId, thing_uid: ThingUid) -> Sequence[Certificate]:
        """Return the thing's active certificates, newest first."""
        return [_certificate(row) for row in self._transaction.rows(_LIVE_OF_EACH, account_id, [thing_uid])]

    def live_of_each(self, account_id: AccountId, thing_uids: Collection[ThingUid]) -> Sequence[Certificate]:
        """Return the active certificates of several things, newest first."""
        return [_certificate(row) for row in self._transaction.rows(_LIVE_OF_EACH, account_id, list(thing_uids))]

    def revoke_all(self, account_id: AccountId, thing_uid: ThingUid, now_ms: int) -> Sequence[CertificateId]:
        """Revoke every active certificate of the thing, vouched ones included; return their fingerprints."""
        return self.revoke_of_each(account_id, (thing_uid,), now_ms)

    def revoke_of_each(
        self, account_id: AccountId, thing_uids: Collection[ThingUid], now_ms: int
    ) -> Sequence[CertificateId]:
        """Do the same for several things; three statements, however many they are."""
        uids = list(thing_uids)
        self._transaction.change(_RECORD_REVOCATIONS, account_id, uids, now_ms)
        own = [row[0] for row in self._transaction.rows(_REVOKE, account_id, uids, now_ms)]
        return [*own, *vouched_certificates.revoke_of_each(self._transaction, account_id, uids, now_ms)]

    def revoked(self, now_ms: int) -> Sequence[tuple[str, int]]:
        """Return serial and time of revocation (ms) of every revoked certificate not yet past its end."""
        return [(row[0], row[1]) for row in self._transaction.rows(_REVOKED, now_ms)]


def _values(certificate: Certificate) -> tuple[object, ...]:
    return (
        certificate.id,
        certificate.account_id,
        certificate.thing_uid,
        certificate.serial,
        certificate.state.value,
        certificate.not_before_ms,
        certificate.not_after_ms,
        certificate.pem,
        certificate.sealed_private_key,
        certificate.created_at_ms,
        certificate.revoked_at_ms,
    )


def _certificate(row: Sequence[Any]) -> Certificate:
    certificate_id, account_id, thing_uid, serial, state, *others = row
    return Certificate(certificate_id, account_id, thing_uid, serial, CertificateState(state), *others)
