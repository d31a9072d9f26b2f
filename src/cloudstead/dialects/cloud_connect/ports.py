"""What the handlers need from the rooms around them, gathered in one place by whoever wires the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cloudstead.core.batches.registry import Batches
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.certificates import Certificates
    from cloudstead.core.credentials.passwords import PasswordHasher
    from cloudstead.core.domains.registry import Domains
    from cloudstead.core.files.files import Files
    from cloudstead.core.files.images import ThingImages
    from cloudstead.core.files.links import FileLinks
    from cloudstead.core.ids import AccountId, ThingUid
    from cloudstead.core.observations.ports import ObservationIndex
    from cloudstead.core.people.recovery import Recovery
    from cloudstead.core.people.registry import People
    from cloudstead.core.people.sign_in import SignIn
    from cloudstead.core.rules.outbox import Outbox
    from cloudstead.core.rules.registry import Rules
    from cloudstead.core.shadows.model import Shadow
    from cloudstead.core.things.registry import Things
    from cloudstead.core.thingtypes.registry import ThingTypes
    from cloudstead.core.trace.tracing import Tracing
    from cloudstead.core.unit import Database


class SearchBarrier(Protocol):
    """Stands between a write and the search that has to find it."""

    async def settle(self) -> None:
        """Return when every update acknowledged before the call can be found among the observations."""
        ...

    async def settle_things(self) -> None:
        """Return when everything acknowledged before the call can be found among the things too."""
        ...


class HitBarrier(Protocol):
    """Stands between a hit of a rule and the list that has to show what went out."""

    async def settle(self) -> None:
        """Return when the deliveries of everything that was applied before the call are stored."""
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
    hasher: PasswordHasher
    sign_in: SignIn
    people: People
    recovery: Recovery
    domains: Domains
    things: Things
    thing_types: ThingTypes
    certificates: Certificates
    rules: Rules
    outbox: Outbox
    rule_hits: HitBarrier
    files: Files
    images: ThingImages
    batches: Batches
    file_links: FileLinks
    tracing: Tracing
    shadows: ShadowReader
    index: ObservationIndex
    barrier: SearchBarrier
