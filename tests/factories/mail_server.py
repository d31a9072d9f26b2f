"""A real mail server on loopback, which answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP, AuthResult

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from email.message import EmailMessage

USER, PASSWORD = "cloud", "pass word"


@dataclass
class MailServer:
    """Takes mail. The answers to RCPT and DATA are given out in turn; when there are none left, all is well."""

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Any] = field(default_factory=list)
    sessions: list[Any] = field(default_factory=list)
    to_recipient: list[str] = field(default_factory=list)
    to_data: list[str] = field(default_factory=list)

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - the library's name
        if self.to_recipient:
            return self.to_recipient.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the library's name
        if self.to_data:
            return self.to_data.pop(0)
        self.envelopes.append(envelope)
        self.sessions.append(session)
        self.received.append(email.message_from_bytes(envelope.content, policy=email.policy.SMTPUTF8))
        return "250 taken"


def _sign_in(server, session, envelope, mechanism, data):
    is_right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=is_right)


@contextlib.asynccontextmanager
async def mail_server(
    *, tls: ssl.SSLContext | None = None, is_tls_from_the_start: bool = False, asks_who: bool = False
) -> AsyncIterator[MailServer]:
    """Serve on a free port of 127.0.0.1."""
    server = MailServer()
    options: dict[str, Any] = {"hostname": "mail.example", "enable_SMTPUTF8": True}
    if tls is not None and not is_tls_from_the_start:
        options |= {"tls_context": tls, "require_starttls": True}
    if asks_who:
        options |= {"authenticator": _sign_in, "auth_required": True, "auth_require_tls": tls is not None}
    loop = asyncio.get_running_loop()
    protocols: list[SMTP] = []

    def accept() -> SMTP:
        protocols.append(SMTP(server, loop=loop, **options))
        return protocols[-1]

    listener = await loop.create_server(accept, "127.0.0.1", 0, ssl=tls if is_tls_from_the_start else None)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for protocol in protocols:
            # A TLS transport that has ended cannot be aborted on Python 3.11.2.
            if protocol.transport is not None and not protocol.transport.is_closing():
                protocol.transport.abort()
        await listener.wait_closed()
