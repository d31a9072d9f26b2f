"""The log of mails to accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from cloudstead.core.notifications.model import Notification
from cloudstead.storage.sql.statements import Statement, adding
from cloudstead.storage.sql.stores.paging import Pages
from cloudstead.storage.sql.tables_people import notifications

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.ids import AccountId
    from cloudstead.core.notifications.model import NotificationId
    from cloudstead.core.paging import Page, PageRequest
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding(notifications)
_NOTE = Statement(
    lambda _: (
        notifications.update()
        .where(notifications.c.id == bindparam("wanted_id"))
        .values(is_sent=bindparam("is_sent"), fault=bindparam("fault"), version=notifications.c.version + 1)
    ),
    "id",
    "is_sent",
    "fault",
)
_PAGES = Pages.of(
    lambda _: select(notifications).where(notifications.c.account_id == bindparam("account_id")),
    notifications.c.id,
    "account_id",
)


class SqlNotifications:
    """Mails to accounts (``core.notifications.ports.NotificationStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, notification: Notification) -> None:
        """Insert an entry."""
        self._transaction.change(
            _ADD,
            notification.id,
            notification.account_id,
            notification.created_at_ms,
            notification.receiver,
            notification.subject,
            notification.message,
            notification.is_sent,
            notification.fault,
            notification.version,
        )

    def note(self, notification_id: NotificationId, *, is_sent: bool, fault: str) -> None:
        """Write down what became of the mail; one more version."""
        self._transaction.change(_NOTE, notification_id, is_sent, fault)

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Notification]:
        """Return one page in the order of the ids (that is, of time), with the number of all."""
        return _PAGES.read(
            self._transaction,
            request,
            lambda rows: [_notification(row) for row in rows],
            account_id,
            id_of=lambda each: each.id,
        )


def _notification(row: Sequence[Any]) -> Notification:
    read = dict(zip(notifications.c.keys(), row, strict=True))
    return Notification(**{**read, "is_sent": bool(read["is_sent"])})
