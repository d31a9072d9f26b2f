"""Enqueuing a webhook: a job in the transaction of its cause, with a payload that only this installation can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.ids import JobId
from cloudstead.core.jobs.model import Job
from cloudstead.core.webhooks.model import Webhook, destination, require_webhook

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.unit import Unit

WEBHOOK: Final = "webhook"
"""The kind of these jobs."""

_PURPOSE: Final = "webhooks/call"
_LANE: Final = "webhooks/lane"
_LANE_BYTES: Final = 16


class WebhookCalls:
    """Makes the jobs of webhooks, and reads them back for whoever makes the requests."""

    def __init__(self, sealer: Sealer, *, clock: Clock, ids: IdSource) -> None:
        self._sealer = sealer
        self._clock = clock
        self._ids = ids

    def send(
        self,
        unit: Unit,
        account_id: AccountId,
        webhook: Webhook,
        *,
        cause: str | None = None,
        offset: int | None = None,
    ) -> JobId:
        """Call a webhook once the transaction is committed; raise ``InvalidField``."""
        job = self.job(account_id, webhook, cause=cause, offset=offset)
        unit.jobs.add([job])
        return job.id

    def job(
        self, account_id: AccountId, webhook: Webhook, *, cause: str | None = None, offset: int | None = None
    ) -> Job:
        """Return the job that calls a webhook, for those who add many in one go; raise ``InvalidField``.

        What goes to the same destination of an account (scheme, host, port and path) is sent one after another, in the
        order in which the jobs were made.
        """
        require_webhook(webhook)
        now_ms = self._clock.millis()
        return Job(
            id=JobId(self._ids.new()),
            account_id=account_id,
            kind=WEBHOOK,
            lane=self.lane(webhook.url),
            payload=self._sealer.seal(msgspec.json.encode(webhook), _PURPOSE),
            created_at_ms=now_ms,
            due_at_ms=now_ms,
            cause=cause,
            offset=offset,
        )

    def lane(self, url: str) -> str:
        """Return the lane of what goes there; raise ``InvalidField``. It tells nobody where: paths may hold secrets."""
        digest = self._sealer.derive(_LANE, destination(url).encode())
        return f"{WEBHOOK}:{digest[:_LANE_BYTES].hex()}"

    def open(self, job: Job) -> Webhook:
        """Return the webhook of such a job; raise ``SealBroken`` when it was sealed by another installation."""
        return msgspec.json.decode(self._sealer.open(job.payload, _PURPOSE), type=Webhook)
