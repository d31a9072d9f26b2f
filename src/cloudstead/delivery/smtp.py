"""A mail server as the way out (RFC 5321), over TLS unless the operator says otherwise."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import aiosmtplib

from cloudstead.core.jobs.model import Done, Failed

if TYPE_CHECKING:
    import ssl
    from email.message import EmailMessage

    from cloudstead.core.ids import JobId

# They speak about us, not about the letter (RFC 4954, section 6): somebody may put it right while the letter waits.
_OUR_FAULT: Final = frozenset({530, 534, 535, 538})


class SmtpTls(StrEnum):
    """How the connection is secured."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where mail goes. Without ``user_name`` nobody signs in. ``helo`` is the name by which we introduce ourselves."""

    host: str
    port: int
    tls: SmtpTls = SmtpTls.STARTTLS
    user_name: str | None = None
    password: str | None = field(default=None, repr=False)
    helo: str = "localhost"
    timeout_s: float = 30.0


class SmtpWayOut:
    """Brings messages to a mail server, each over a connection of its own."""

    def __init__(self, server: SmtpServer, trust: ssl.SSLContext) -> None:
        """``trust`` says which authorities the server's certificate may come from."""
        self._server = server
        self._trust = trust

    async def send(self, message: EmailMessage, *, sender: str, recipient: str, job_id: JobId) -> Done | Failed:  # noqa: ARG002 - other ways out need it
        """Send one message. What the server refuses for good is final; all else is tried again.

        A temporary answer is one of 4xx; so counts whatever went wrong before the letter was spoken of, since that is
        the connection's doing or the operator's.
        """
        client = self._client()
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return Failed(detail=f"The mail server could not be used: {_words(error)}", status=_code(error))
        try:
            _, said = await client.send_message(message, sender=sender, recipients=[recipient])
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            return _refused(refusal.recipients[0])
        except aiosmtplib.SMTPResponseException as refusal:
            return _refused(refusal)
        except aiosmtplib.SMTPNotSupported as error:
            return Failed(detail=_words(error), is_final=True)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Failed(detail=f"The mail server was lost: {_words(error)}")
        finally:
            await _leave(client)
        return Done(status=250, detail=said)

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        is_plain = server.tls is SmtpTls.NONE
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=server.helo,
            timeout=server.timeout_s,
            use_tls=server.tls is SmtpTls.TLS,
            start_tls=server.tls is SmtpTls.STARTTLS,  # never None: that would send in the clear when it is not offered
            tls_context=None if is_plain else self._trust,
            username=server.user_name,
            password=server.password,
        )


def _refused(refusal: aiosmtplib.SMTPResponseException) -> Failed:
    return Failed(
        detail=f"The mail server answered {refusal.code}: {refusal.message}",
        status=refusal.code,
        is_final=refusal.code >= 500 and refusal.code not in _OUR_FAULT,
    )


def _code(error: Exception) -> int | None:
    return error.code if isinstance(error, aiosmtplib.SMTPResponseException) else None


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Say good-bye; the letter has been answered for, so that nobody minds when this fails."""
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await client.quit()
    client.close()
