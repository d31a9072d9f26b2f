"""A folder as the way out: one file for each mail, for a laptop without a mail server, and for tests."""

from __future__ import annotations

import asyncio
import email
import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTPUTF8
from typing import TYPE_CHECKING, Final

from cloudstead.core.jobs.model import Done, Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cloudstead.core.ids import JobId

MAX_MAILS: Final = 500
"""Beyond this, the oldest go."""

_NAME: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderMail:
    """A mail in the folder. ``id`` is that of its job, so that ids sort by time."""

    id: str
    to: str
    sender: str
    subject: str
    date: str
    text: str
    html: str | None


class MailFolder:
    """Keeps the last mails in a folder, each in a file that only the owner may read."""

    def __init__(self, path: Path, write: Callable[[Path, bytes], None], *, max_mails: int = MAX_MAILS) -> None:
        """``write`` puts a private file into its place, at once or not at all."""
        self._path = path
        self._write = write
        self._max_mails = max_mails

    async def send(self, message: EmailMessage, *, sender: str, recipient: str, job_id: JobId) -> Done | Failed:  # noqa: ARG002 - the message names both
        """Put a message into the folder; one that comes twice replaces itself."""
        try:
            await asyncio.to_thread(self._put, job_id, message.as_bytes(policy=SMTPUTF8))
        except OSError as error:
            return Failed(detail=f"The folder of mails cannot be written: {error.strerror}.")
        return Done(detail="The mail lies in the folder of mails.")

    async def newest(self, limit: int = 100) -> Sequence[FolderMail]:
        """Return the last mails, newest first; what is no mail is passed over."""
        return await asyncio.to_thread(self._newest, limit)

    async def get(self, mail_id: str) -> FolderMail | None:
        """Return one mail."""
        return await asyncio.to_thread(self._read, mail_id)

    def _put(self, job_id: JobId, content: bytes) -> None:
        self._write(self._path / f"{job_id}.eml", content)
        for name in self._names()[: -self._max_mails]:
            (self._path / f"{name}.eml").unlink(missing_ok=True)

    def _names(self) -> list[str]:
        return sorted(path.stem for path in self._path.glob("*.eml") if _NAME.fullmatch(path.stem))

    def _newest(self, limit: int) -> Sequence[FolderMail]:
        found = (self._read(name) for name in self._names()[: -limit - 1 : -1])
        return [mail for mail in found if mail is not None]

    def _read(self, mail_id: str) -> FolderMail | None:
        if not _NAME.fullmatch(mail_id):
            return None
        try:
            content = (self._path / f"{mail_id}.eml").read_bytes()
        except OSError:
            return None
        message = email.message_from_bytes(content, EmailMessage, policy=SMTPUTF8)
        return FolderMail(
            id=mail_id,
            to=str(message["To"] or ""),
            sender=str(message["From"] or ""),
            subject=str(message["Subject"] or ""),
            date=str(message["Date"] or ""),
            text=_body(message, "plain") or "",
            html=_body(message, "html"),
        )


def _body(message: EmailMessage, subtype: str) -> str | None:
    part = message.get_body((subtype,))
    return None if part is None else str(part.get_content())
