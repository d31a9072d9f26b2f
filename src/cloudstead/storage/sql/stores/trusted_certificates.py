"""Trusted certificates of all accounts."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from cloudstead.core.trustedcertificates.model import Service, Trusted, TrustedCertificate, TrustedStatus
from cloudstead.storage.sql.statements import Statement, adding, replacing
from cloudstead.storage.sql.tables_trusted_certificates import trusted_certificates as table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.ids import AccountId, TrustedCertificateId
    from cloudstead.storage.sql.transaction import Transaction


def _where(column: str) -> Statement:
    return Statement(lambda _: select(table).where(table.c[column] == bindparam(column)).order_by(table.c.id), column)


_ADD = adding(table)
_REPLACE = replacing(table, "id", "account_id")
_GET = _where("id")
_OF_ACCOUNT = _where("account_id")
_BY_SUBJECT = _where("subject_hash")
_BY_KEY = _where("key_hash")
_REMOVE = Statement(
    lambda _: table.delete().where(table.c.account_id == bindparam("account_id")).where(table.c.id == bindparam("id")),
    "account_id",
    "id",
)
_ACTIVE = Statement(
    lambda _: select(table).where(table.c.status == bindparam("status")).order_by(table.c.id),
    "status",
)


class SqlTrustedCertificates:
    """Trusted certificates (``core.trustedcertificates.ports.TrustedCertificateStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, certificate: TrustedCertificate) -> None:
        """Insert a trusted certificate."""
        self._transaction.change(_ADD, *_values(certificate))

    def replace(self, certificate: TrustedCertificate) -> None:
        """Write all columns of a trusted certificate."""
        self._transaction.change(_REPLACE, *_values(certificate))

    def remove(self, account_id: AccountId, certificate_id: TrustedCertificateId) -> None:
        """Delete a trusted certificate, and what is known of the certificates that it vouches for."""
        self._transaction.change(_REMOVE, account_id, certificate_id)

    def get(self, certificate_id: TrustedCertificateId) -> TrustedCertificate | None:
        """Return the one with that id, whatever its account."""
        row = self._transaction.row(_GET, certificate_id)
        return None if row is None else _certificate(row)

    def of_account(self, account_id: AccountId) -> Sequence[TrustedCertificate]:
        """Return all of an account, ordered by id."""
        return [_certificate(row) for row in self._transaction.rows(_OF_ACCOUNT, account_id)]

    def by_subject(self, subject_hash: str) -> Sequence[TrustedCertificate]:
        """Return all with that subject, of all accounts, ordered by id."""
        return [_certificate(row) for row in self._transaction.rows(_BY_SUBJECT, subject_hash)]

    def by_key(self, key_hash: str) -> Sequence[TrustedCertificate]:
        """Return all with that public key, of all accounts, ordered by id."""
        return [_certificate(row) for row in self._transaction.rows(_BY_KEY, key_hash)]

    def active_authorities(self) -> Sequence[str]:
        """Return the PEM of every active one's own certificate, ordered by id."""
        rows = self._transaction.rows(_ACTIVE, TrustedStatus.ACTIVE.value)
        return [_certificate(row).trusted.authority_pem for row in rows]


def _values(certificate: TrustedCertificate) -> tuple[object, ...]:
    trusted = certificate.trusted
    return (
        certificate.id,
        certificate.account_id,
        certificate.name,
        certificate.description,
        certificate.service.value,
        certificate.status.value,
        certificate.enrols,
        certificate.is_proven,
        certificate.owner_id,
        trusted.pem,
        trusted.fingerprint,
        trusted.subject,
        trusted.issuer,
        trusted.subject_hash,
        trusted.key_hash,
        trusted.not_before_ms,
        trusted.not_after_ms,
        certificate.created_at_ms,
        certificate.sealed_private_key,
        certificate.version,
        certificate.updated_at_ms,
    )


def _certificate(row: Sequence[Any]) -> TrustedCertificate:
    read = dict(zip(table.c.keys(), row, strict=True))
    read["trusted"] = Trusted(**{each.name: read.pop(each.name) for each in fields(Trusted)})
    read["enrols"], read["is_proven"] = bool(read["enrols"]), bool(read["is_proven"])
    read["service"], read["status"] = Service(read["service"]), TrustedStatus(read["status"])
    return TrustedCertificate(**read)
