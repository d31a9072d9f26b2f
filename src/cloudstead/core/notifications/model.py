"""One mail to an account, as its log shows it: no link and no secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId

NotificationId = NewType("NotificationId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A mail. As long as neither ``is_sent`` nor a ``fault`` is there, it is on its way."""

    id: NotificationId
    account_id: AccountId
    created_at_ms: int
    receiver: str
    subject: str
    message: str
    is_sent: bool = False
    fault: str = ""
    version: int = 1
