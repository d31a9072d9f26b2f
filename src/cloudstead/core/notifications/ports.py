"""What notifications need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId
    from cloudstead.core.notifications.model import Notification, NotificationId
    from cloudstead.core.paging import Page, PageRequest


class NotificationStore(Protocol):
    """The log of mails to accounts, one account at a time."""

    def add(self, notification: Notification) -> None:
        """Insert an entry."""
        ...

    def note(self, notification_id: NotificationId, *, is_sent: bool, fault: str) -> None:
        """Write down what became of the mail; one more version."""
        ...

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Notification]:
        """Return one page in the order of the ids (that is, of time), with the number of all."""
        ...
