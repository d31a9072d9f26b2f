"""The certificates of our listeners, exchanged while they serve.

A TLS context takes a new certificate for the handshakes to come; connections that are open keep theirs.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Files = tuple["Path", "Path"]
"""The certificate chain and its private key."""


class ShowsCertificate(Protocol):
    """A TLS context, or what stands for some of them."""

    def load_cert_chain(self, certificate: Path, private_key: Path, /) -> None:
        """Show a certificate from the next handshake on."""
        ...


@dataclass(slots=True)
class ServedCertificate:
    """One certificate and the contexts that show it.

    ``current`` returns its files, having replaced them first when they are ours and due.
    """

    current: Callable[[], Files]
    contexts: list[ShowsCertificate] = field(default_factory=list)
    _seen: tuple[int, ...] = ()

    def watch(self, context: ShowsCertificate) -> None:
        """Keep ``context``, which shows the certificate already, up to date."""
        self.contexts.append(context)
        self._seen = _written(self.current())

    def renew(self) -> bool:
        """Show the certificate that is in the files now; return whether it is another one.

        Raise ``OSError`` (of which ``ssl.SSLError`` is one) when the files cannot be used: the old one is shown on.
        """
        files = self.current()
        written = _written(files)
        if written == self._seen:
            return False
        # Tried on a context of nobody's first: one that has taken a certificate without its key serves nobody.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
        for context in self.contexts:
            context.load_cert_chain(*files)
        self._seen = written
        return True


def _written(files: Files) -> tuple[int, ...]:
    return tuple(file.stat().st_mtime_ns for file in files)
