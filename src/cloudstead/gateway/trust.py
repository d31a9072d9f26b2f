"""The authorities of which devices' certificates pass the handshake, kept in step while the listeners serve.

One context in OpenSSL can take further authorities and never let one go; so a context is built anew when one goes, and
handed to handshakes by a callback at their beginning. The listener keeps the context that it was given, and with it the
keys of TLS sessions: a device that resumes one notices nothing.

Being in step decides what a handshake costs, not who is let in: that is looked up for every connection.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Protocol

from cloudstead.core.trustedcertificates.events import TrustClosed, TrustOpened

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path
    from typing import Any

    from cloudstead.core.events import EventBus
    from cloudstead.core.unit import Database


class BuildContext(Protocol):
    """Makes a server context: ``gateway.tls``."""

    def __call__(self, certificate: Path, private_key: Path, *, trusted: str) -> ssl.SSLContext:
        """Return a context that shows the certificate and trusts authorities (PEM)."""
        ...


class TrustingContext:
    """A listener's context, of which the trusted authorities can be exchanged. ``context`` is for the listener."""

    def __init__(self, build: BuildContext, certificate: Path, private_key: Path, *, own: str) -> None:
        """``own`` (PEM) are our own authorities, which are trusted always."""
        self._build = build
        self._files = (certificate, private_key)
        self._own = own
        self.context = build(certificate, private_key, trusted=own)
        self._current = self.context

    def load_cert_chain(self, certificate: Path, private_key: Path) -> None:
        """Show another server certificate from now on."""
        self._files = (certificate, private_key)
        self.context.load_cert_chain(certificate, private_key)
        if self._current is not self.context:
            self._current.load_cert_chain(certificate, private_key)

    def trust(self, authorities: str) -> None:
        """Trust further authorities (PEM) from the next handshake on."""
        self._current.load_verify_locations(cadata=authorities)

    def builder(self, authorities: str) -> Callable[[], ssl.SSLContext]:
        """Return what builds a context that trusts these and our own, on any thread: some 0.1 ms for each."""
        return partial(self._build, *self._files, trusted=self._own + authorities)

    def exchange(self, built: ssl.SSLContext) -> None:
        """Let handshakes use another context from the next one on."""
        built.load_cert_chain(*self._files)  # the server's certificate may have been renewed while it was built
        self._current = built
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """Hand over the present context; called for every handshake, whether or not the client names a host."""
        del name, context
        connection.context = self._current


class Trust:
    """Follows the trusted certificates of all accounts, and the authorities of their clouds, for all listeners."""

    def __init__(
        self,
        database: Database,
        *,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        report: Callable[[str, Exception], None],
    ) -> None:
        self._database = database
        self._spawn = spawn
        self._report = report
        self._contexts: list[TrustingContext] = []
        self._is_stale = False
        self._is_rebuilding = False
        self._opened: list[str] = []  # while contexts are being built

    def listen(self, bus: EventBus) -> None:
        """Hear what is trusted and what no longer."""
        bus.subscribe(TrustOpened, self._open)
        bus.subscribe(TrustClosed, self._close)

    async def serve(self, context: TrustingContext) -> None:
        """Keep a listener's context in step from now on."""
        self._contexts.append(context)
        authorities = await self._authorities()
        if authorities:
            context.trust("".join(authorities))

    async def _authorities(self) -> Sequence[str]:
        return await self._database.scan(
            lambda unit: [*unit.trusted_certificates.active_authorities(), *unit.clouds.authorities()]
        )

    def _open(self, event: TrustOpened) -> None:
        # At once, so that the device may come as soon as whoever trusts it has the answer.
        for context in self._contexts:
            context.trust(event.authority_pem)
        if self._is_rebuilding:
            self._opened.append(event.authority_pem)

    def _close(self, event: TrustClosed) -> None:
        del event  # what is trusted now is read
        self._is_stale = True
        if not self._is_rebuilding:
            self._is_rebuilding = True
            self._spawn(self._rebuild())

    async def _rebuild(self) -> None:
        try:
            while self._is_stale:
                self._is_stale = False
                self._opened.clear()
                authorities = "".join(await self._authorities())
                built = [(context, await asyncio.to_thread(context.builder(authorities))) for context in self._contexts]
                for context, fresh in built:
                    context.exchange(fresh)
                    for authority in self._opened:
                        context.trust(authority)
        except Exception as error:  # noqa: BLE001 - the edge of a task: reported; the next change tries again
            self._report("exchanging trusted authorities", error)
        finally:
            self._is_rebuilding = False
