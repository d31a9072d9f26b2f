"""What the handlers need from the rooms around them, gathered in one place by whoever wires the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.certificates import Certificates
    from cloudstead.core.domains.registry import Domains
    from cloudstead.core.files.files import Files
    from cloudstead.core.files.images import ThingImages
    from cloudstead.core.files.links import FileLinks
    from cloudstead.core.ids import AccountId, ThingUid
    from cloudstead.core.observations.ports import ObservationIndex
    from cloudstead.core.people.sign_in import SignIn
    from cloudstead.core.shadows.model import Shadow
    from cloudstead.core.things.registry import Things
    from cloudstead.core.thingtypes.registry import ThingTypes
    from cloudstead.core.unit import Database


class SearchBarrier(Protocol):
    """Stands between a write and the search that has to find it."""

    async def settle(self) -> None:
        """Return when every update acknowledged before the call can be found among the observations."""
        ...

    async def settle_things(self) -> None:
        """Return when everything acknowledged before the call can be found among the things too."""
        ...


class ShadowReader(Protocol):
    """Reads shadows as they are now, ahead of what is stored."""

    async def current(self, account_id: AccountId, thing_uid: ThingUid, /) -> Shadow:
        """Return the thing's shadow; one with version 0 when it has none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Everything that handlers call."""

    clock: Clock
    database: Database
    sign_in: SignIn
    domains: Domains
    things: Things
    thing_types: ThingTypes
    certificates: Certificates
    files: Files
    images: ThingImages
    file_links: FileLinks
    shadows: ShadowReader
    index: ObservationIndex
    barrier: SearchBarrier
