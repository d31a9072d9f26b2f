"""Telling an account what happened to it, and the log of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.whole_account import require_at_root
from cloudstead.core.jobs.model import Done
from cloudstead.core.mail import templates
from cloudstead.core.mail.letters import MAIL
from cloudstead.core.mail.model import require_address
from cloudstead.core.notifications.model import Notification, NotificationId

if TYPE_CHECKING:
    from cloudstead.core.accounts.acting import Acting
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import IdSource
    from cloudstead.core.jobs.model import Failed, Job
    from cloudstead.core.jobs.ports import Performer
    from cloudstead.core.mail.letters import Letters
    from cloudstead.core.paging import Page, PageRequest
    from cloudstead.core.unit import Database, Unit

READ: Final = Permission("notification:read")

_CAUSE: Final = "notification:"
_LONGEST_FAULT: Final = 200


@dataclass(frozen=True, slots=True)
class Tidings:
    """Writes to accounts. What is told must hold no link and no secret, for the log shows it."""

    clock: Clock
    ids: IdSource
    letters: Letters

    def tell(self, unit: Unit, account: Account, *, subject: str, message: str) -> None:
        """Write to the account's notification addresses, or else to its own; without either nobody is told."""
        profile = unit.accounts.profile(account.id)
        receivers = profile.notification_emails or ((profile.email,) if profile.email else ())
        for receiver in dict.fromkeys(receivers):
            require_address(receiver, field="notification_emails")
            entry = Notification(
                id=NotificationId(self.ids.new()),
                account_id=account.id,
                created_at_ms=self.clock.millis(),
                receiver=receiver,
                subject=subject,
                message=message,
            )
            unit.notifications.add(entry)
            letter = templates.notice(to=receiver, account_name=account.name, subject=subject, message=message)
            self.letters.send(unit, account.id, letter, cause=f"{_CAUSE}{entry.id}")


def page(unit: Unit, acting: Acting, request: PageRequest) -> Page[Notification]:
    """Return one page of what the account was told."""
    require_at_root(acting.caller, READ)
    return unit.notifications.page(acting.account.id, request)


class NotedMail:
    """Carries mail as another performer does, and writes down what became of notifications."""

    kind = MAIL

    def __init__(self, carrier: Performer, database: Database) -> None:
        self._carrier = carrier
        self._database = database

    async def perform(self, job: Job) -> Done | Failed:
        """Send the letter."""
        outcome = await self._carrier.perform(job)
        if job.cause is not None and job.cause.startswith(_CAUSE):
            entry_id = NotificationId(job.cause.removeprefix(_CAUSE))
            is_sent = isinstance(outcome, Done)
            fault = "" if is_sent else outcome.detail[:_LONGEST_FAULT]
            await self._database.write(lambda unit: unit.notifications.note(entry_id, is_sent=is_sent, fault=fault))
        return outcome
