"""What the gateway tells of its clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cloudstead.gateway.link import Role


class GatewayListener(Protocol):
    """Hears who comes and goes; called on the event loop for every client, so it neither blocks nor raises."""

    def connected(self, role: Role, *, space: str, source_address: str | None) -> None:
        """Hear that somebody was let into the topic space of an account."""
        ...

    def refused(self, *, reason: str, code: int, source_address: str | None) -> None:
        """Hear that a connection ended before anybody was let in; ``reason`` may hold words of the client's."""
        ...

    def left(self, role: Role, *, reason: str, code: int) -> None:
        """Hear that the connection of somebody who was let in has ended."""
        ...
