"""Sending a letter: a job in the transaction of its cause, with a payload that only this installation can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.ids import JobId
from cloudstead.core.jobs.model import Job
from cloudstead.core.mail.model import Letter, require_letter

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.mail.dress import Dress
    from cloudstead.core.unit import Unit

MAIL: Final = "mail"
"""The kind of these jobs."""

_PURPOSE: Final = "mail/letter"


class Letters:
    """Writes letters into the outgoing tray, and reads them back for whoever carries them.

    ``dress`` gives letters the look of the account in whose name they are sent.
    """

    def __init__(self, sealer: Sealer, *, clock: Clock, ids: IdSource, dress: Dress | None = None) -> None:
        self._sealer = sealer
        self._clock = clock
        self._ids = ids
        self._dress = dress

    def send(self, unit: Unit, account_id: AccountId, letter: Letter, *, cause: str | None = None) -> JobId:
        """Send a letter once the transaction is committed; raise ``InvalidField``.

        Each letter stands alone: none waits for another one. What it says is kept sealed, until it has left or its job
        is dropped.
        """
        if self._dress is not None:
            letter = self._dress(unit, account_id, letter)
        job = self.job(account_id, letter, cause=cause)
        unit.jobs.add([job])
        return job.id

    def job(self, account_id: AccountId, letter: Letter, *, cause: str | None = None, offset: int | None = None) -> Job:
        """Return the job that sends a letter, for those who add many in one go; raise ``InvalidField``."""
        require_letter(letter)
        job_id = JobId(self._ids.new())
        now_ms = self._clock.millis()
        return Job(
            id=job_id,
            account_id=account_id,
            kind=MAIL,
            lane=job_id,
            payload=self._sealer.seal(msgspec.json.encode(letter), _PURPOSE),
            created_at_ms=now_ms,
            due_at_ms=now_ms,
            cause=cause,
            offset=offset,
        )

    def open(self, job: Job) -> Letter:
        """Return the letter of such a job; raise ``SealBroken`` when it was sealed by another installation."""
        return msgspec.json.decode(self._sealer.open(job.payload, _PURPOSE), type=Letter)
