"""The rooms of device clouds, put together: the engine of this installation, the life cycle and its jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import structlog

from cloudstead.app.addresses import Address, parse_address
from cloudstead.app.aws_clouds import aws_engines
from cloudstead.app.cloud_self_test import CloudSelfTest
from cloudstead.core.clouds.actor import ADMINISTER
from cloudstead.core.clouds.closing import Closing
from cloudstead.core.clouds.connecting import Connecting
from cloudstead.core.clouds.devices import CloudDevices
from cloudstead.core.clouds.engines import Engines
from cloudstead.core.clouds.listing import CloudFinder
from cloudstead.core.clouds.local_engine import LocalEngine, LocalPlaces
from cloudstead.core.clouds.provisioning import Provisioning
from cloudstead.core.clouds.records import CloudRecords
from cloudstead.core.clouds.registry import Clouds
from cloudstead.core.clouds.removing import Removing
from cloudstead.core.clouds.service_tokens import ServiceTokens
from cloudstead.core.clouds.stack_updates import StackUpdates
from cloudstead.core.clouds.tenancy import Tenancies
from cloudstead.core.clouds.tokens import CloudTokens
from cloudstead.core.clouds.usage import UsageBook
from cloudstead.core.clouds.waiting import Waiting
from cloudstead.core.clouds.work import LOOK_AT_UPDATE, PROVISION, REMOVE, CloudPerformer
from cloudstead.core.thingtypes.registry import ThingTypes
from cloudstead.dialects.device_clouds.ports import Backend
from cloudstead.search import SearchScope, parse_search
from cloudstead.work.pauses import RealPauses
from cloudstead.work.retry import Retry
from cloudstead.work.worker import Duty

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AsyncExitStack
    from pathlib import Path

    from cloudstead.app.cloud import Cloud
    from cloudstead.app.faces import Addresses
    from cloudstead.app.settings import Settings
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.authorities import CloudAuthorities
    from cloudstead.core.clouds.ports import Engine
    from cloudstead.core.clouds.waiting import Pause
    from cloudstead.core.credentials.certificates import Certificates
    from cloudstead.core.credentials.identities import Identities
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.credentials.temporary import TemporaryCredentials
    from cloudstead.core.events import EventBus
    from cloudstead.core.files.ports import ObjectStore
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.observations.ports import ObservationIndex
    from cloudstead.core.spine.ports import FanOut
    from cloudstead.core.spine.spine import Spine
    from cloudstead.core.things.directory import ThingDirectory
    from cloudstead.core.things.registry import Things
    from cloudstead.core.unit import Database

_TRIES: Final = 8
_RETRY: Final = Retry(max_tries=_TRIES, first_s=5.0, longest_s=600.0)
_AT_ONCE: Final = 4


@dataclass(slots=True)
class WhereWeAre:
    """Where the listeners are, known once they listen."""

    places: LocalPlaces | None = None
    listener: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRooms:
    """The rooms of device clouds. ``duties`` are their jobs."""

    clouds: Clouds
    finder: CloudFinder
    tokens: CloudTokens
    provisioning: Provisioning
    removing: Removing
    connecting: Connecting
    stack_updates: StackUpdates
    waiting: Waiting
    usage: UsageBook
    devices: CloudDevices
    service_tokens: ServiceTokens
    engines: Engines
    where: WhereWeAre = field(default_factory=WhereWeAre)

    def duties(self) -> Sequence[Duty]:
        """Return the jobs of clouds, for the worker."""
        work = ((PROVISION, self.provisioning.do), (REMOVE, self.removing.do), (LOOK_AT_UPDATE, self.stack_updates.do))
        return [Duty(CloudPerformer(kind, do, max_tries=_TRIES), _RETRY, _AT_ONCE, is_shared=True) for kind, do in work]


class SearchedActivity:
    """Counts updates in the index (``core.clouds.local_engine.Activity``)."""

    def __init__(self, index: ObservationIndex) -> None:
        self._index = index

    async def updates(self, account_id: AccountId, *, since_ms: int, until_ms: int) -> int:
        """Return how many updates the things of an account sent in that time."""
        span = {"range": {"timestamp": {"gte": since_ms, "lt": until_ms}}}
        search = parse_search({"size": 0, "query": span})
        found = await self._index.search_observations(SearchScope(account_id, None, {}), search)
        hits: Any = found.response["hits"]
        return int(hits["total"])


def root_key_in(folder: Path) -> Callable[[], bytes | None]:
    """Return what reads the key of the root, which the operator may have locked away."""

    def read() -> bytes | None:
        try:
            return (folder / "root.key").read_bytes()
        except FileNotFoundError:
            return None

    return read


def cloud_rooms(
    *,
    engines: Sequence[Engine],
    database: Database,
    clock: Clock,
    ids: IdSource,
    sealer: Sealer,
    bus: EventBus,
    region: str,
    hostname: str,
    where: WhereWeAre,
    pause: Pause | None = None,
) -> CloudRooms:
    """Return the rooms over any engines."""
    known = Engines(engines)
    tokens = CloudTokens(clock, ids)
    clouds = Clouds(
        clock,
        ids,
        sealer,
        engines=known,
        tokens=tokens,
        region=region,
        operator=lambda unit: unit.accounts.by_host(hostname),
    )
    records = CloudRecords(database, clouds, clock=clock, ids=ids)
    waiting = Waiting(records, clock=clock, pause=pause or RealPauses())
    waiting.listen(bus)
    return CloudRooms(
        clouds=clouds,
        finder=CloudFinder(sealer),
        tokens=tokens,
        provisioning=Provisioning(records, known),
        removing=Removing(records, known, ids=ids),
        connecting=Connecting(records, known, tokens),
        stack_updates=StackUpdates(records, known),
        waiting=waiting,
        usage=UsageBook(database, clouds, known, clock=clock, ids=ids),
        devices=CloudDevices(records, known, tokens, clock=clock, ids=ids),
        service_tokens=ServiceTokens(sealer, clock),
        engines=known,
        where=where,
    )


def open_clouds(
    settings: Settings,
    stack: AsyncExitStack,
    *,
    ca_file: Path,
    database: Database,
    clock: Clock,
    ids: IdSource,
    sealer: Sealer,
    bus: EventBus,
    things: Things,
    certificates: Certificates,
    authorities: CloudAuthorities,
    sessions: TemporaryCredentials,
    identities: Identities,
    objects: ObjectStore,
    index: ObservationIndex,
    spine: Spine,
    directory: ThingDirectory,
    fan_out: FanOut,
) -> CloudRooms:
    """Return the rooms over what this installation has."""
    where = WhereWeAre()
    local = LocalEngine(
        database,
        clock=clock,
        tenancies=Tenancies(
            clock,
            ids,
            authorities=authorities,
            thing_types=ThingTypes(clock, ids),
            hostname=settings.public.hostname,
        ),
        things=things,
        certificates=certificates,
        closing=Closing(
            database, objects, clock=clock, index=index, barrier=spine, things=things, authorities=authorities
        ),
        sessions=sessions,
        identities=identities,
        fan_out=fan_out,
        activity=SearchedActivity(index),
        self_test=CloudSelfTest(spine, directory, ca_file=ca_file, listener=lambda: where.listener),
        places=lambda: where.places,
        region=settings.public.region,
        administer=ADMINISTER,
    )
    return cloud_rooms(
        engines=(local, *aws_engines(settings, stack, clock, public_url=lambda: _public_url(where))),
        database=database,
        clock=clock,
        ids=ids,
        sealer=sealer,
        bus=bus,
        region=settings.public.region,
        hostname=settings.public.hostname,
        where=where,
    )


def _public_url(where: WhereWeAre) -> str:
    return "" if where.places is None else where.places.url


def device_clouds_backend(cloud: Cloud, addresses: Addresses) -> Backend:
    """Return what stands behind the dialect, and let the engine know where the listeners are."""
    rooms, settings = cloud.clouds, cloud.settings
    public = (settings.public.url or addresses.public).rstrip("/")
    mqtts = None if addresses.mqtts is None else parse_address(addresses.mqtts)
    rooms.where.listener = _on_this_machine(settings, mqtts)
    rooms.where.places = LocalPlaces(
        url=public,
        mqtt_host="" if mqtts is None else mqtts.host,
        mqtt_port=0 if mqtts is None else mqtts.port,
    )
    names = {settings.public.hostname, *settings.public.other_names}
    names |= {host for each in (public, addresses.http, addresses.https) if (host := urlsplit(each or "").hostname)}
    return Backend(
        clock=cloud.clock,
        database=cloud.database,
        callers=cloud.callers,
        clouds=rooms.clouds,
        finder=rooms.finder,
        provisioning=rooms.provisioning,
        removing=rooms.removing,
        connecting=rooms.connecting,
        stack_updates=rooms.stack_updates,
        waiting=rooms.waiting,
        usage=rooms.usage,
        tokens=rooms.tokens,
        devices=rooms.devices,
        service_tokens=rooms.service_tokens,
        own_names=frozenset(names),
        log=structlog.get_logger("cloudstead.http"),
    )


def _on_this_machine(settings: Settings, mqtts: Address | None) -> Address | None:
    """Return where this very machine finds the devices' listener, whatever the names of the world outside lead to."""
    bind = settings.mqtts.bind
    if bind is None or mqtts is None:
        return None
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to
    return Address(everywhere.get(bind.host, bind.host), mqtts.port)
