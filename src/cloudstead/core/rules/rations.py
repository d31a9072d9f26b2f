"""How many mails the rules of an account may send: a rule that is hit all the time must not fill somebody's inbox.

Nor may it bring the mail server of the installation into disrepute, which serves all accounts.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final

from cloudstead.core.jobs.model import Failed
from cloudstead.core.mail.letters import MAIL
from cloudstead.core.rules.outgoing import is_of_rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import AccountId
    from cloudstead.core.jobs.model import Done, Finished, Job
    from cloudstead.core.jobs.ports import Performer

HOUR_MS: Final = 3_600_000


class RationedMail:
    """Carries mail as another performer does, but of rules only so many within an hour for each account.

    Beyond, a letter becomes a dead one that says so; it can be sent again later. Each process counts for itself, and
    begins with what the store says about the hour before it began.
    """

    kind = MAIL

    def __init__(self, carrier: Performer, clock: Clock, *, per_hour: int) -> None:
        self._carrier = carrier
        self._clock = clock
        self._per_hour = per_hour
        self._sent: defaultdict[AccountId, deque[int]] = defaultdict(deque)

    def remember(self, finished: Iterable[Finished]) -> None:
        """Count what was sent before, in the order of its time."""
        for each in finished:
            if is_of_rule(each.cause):
                self._sent[each.account_id].append(each.at_ms)

    async def perform(self, job: Job) -> Done | Failed:
        """Send the letter, unless it is one of a rule too many."""
        if not is_of_rule(job.cause):
            return await self._carrier.perform(job)
        now_ms = self._clock.millis()
        sent = self._sent[job.account_id]
        while sent and sent[0] <= now_ms - HOUR_MS:
            sent.popleft()
        if len(sent) >= self._per_hour:
            detail = (
                f"The rules of this account have sent {self._per_hour} mails within an hour, which is all they may "
                f"(setting mail.rules_per_hour)."
            )
            return Failed(detail=detail, is_final=True)
        sent.append(now_ms)  # before it is sent: several are on their way at one time
        result: Done | Failed | None = None
        try:
            result = await self._carrier.perform(job)
        finally:
            if (result is None or isinstance(result, Failed)) and now_ms in sent:
                sent.remove(now_ms)
        return result
