"""Letters: from a job to a message, and the message on its way."""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Protocol

from cloudstead.core.credentials.errors import SealBroken
from cloudstead.core.jobs.model import Done, Failed
from cloudstead.core.mail.letters import MAIL

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import JobId
    from cloudstead.core.jobs.model import Job
    from cloudstead.core.mail.letters import Letters
    from cloudstead.core.mail.model import Letter


class WayOut(Protocol):
    """Brings a message to its mailbox."""

    async def send(self, message: EmailMessage, *, sender: str, recipient: str, job_id: JobId) -> Done | Failed:
        """Send one message to one mailbox. Sending it again under the same id is harmless where that can be had."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """In whose name mails are sent: one address, and how to show it."""

    address: str
    name: str

    @property
    def host(self) -> str:
        """What stands behind the @."""
        return self.address.rpartition("@")[2]


class MailPerformer:
    """Performs the jobs of letters (``core.jobs.ports.Performer``)."""

    kind = MAIL

    def __init__(self, letters: Letters, way_out: WayOut, *, sender: Sender, clock: Clock) -> None:
        self._letters = letters
        self._way_out = way_out
        self._sender = sender
        self._clock = clock

    async def perform(self, job: Job) -> Done | Failed:
        """Send the letter."""
        try:
            letter = self._letters.open(job)
        except SealBroken as error:
            return Failed(detail=str(error), is_final=True)
        try:
            recipient = _with_ascii_host(letter.to)
            message = self._compose(letter, recipient, job)
        except (ValueError, UnicodeError):
            return Failed(detail="The letter cannot be put into a message.", is_final=True)
        return await self._way_out.send(message, sender=self._sender.address, recipient=recipient, job_id=job.id)

    def _compose(self, letter: Letter, recipient: str, job: Job) -> EmailMessage:
        """Return the message. Its id is made of the job's, so that a mail sent twice after a crash counts as one."""
        message = EmailMessage(policy=SMTP)
        message["From"] = _address(self._sender.address, self._sender.name)
        message["To"] = _address(recipient)
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{job.id}@{self._sender.host}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice comes back
        message.set_content(letter.text)
        if letter.html is not None:
            message.add_alternative(letter.html, subtype="html")
        return message


def _address(address: str, name: str = "") -> Address:
    user, _, host = address.rpartition("@")
    return Address(display_name=name, username=user, domain=host)


def _with_ascii_host(address: str) -> str:
    """Write the host the way every mail server reads it (RFC 3490)."""
    user, _, host = address.rpartition("@")
    return f"{user}@{host if host.isascii() else host.encode('idna').decode('ascii')}"
