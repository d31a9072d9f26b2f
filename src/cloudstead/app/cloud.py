"""Everything put together: which adapter stands behind which port. The only place that knows what is real."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from cloudstead.app.accounts import state_url
from cloudstead.app.archiving import on_commit, start_archive
from cloudstead.app.device_clouds import CloudRooms, open_clouds, root_key_in
from cloudstead.app.files import open_files
from cloudstead.app.http_room import HttpRoom
from cloudstead.app.journal import GatewayJournal, Journal, SignInJournal
from cloudstead.app.key_uses import follow_key_uses
from cloudstead.app.keys import Keys, open_keys
from cloudstead.app.outgoing import Outgoing, start_outgoing, webhook_reach
from cloudstead.app.password_process import PasswordProcess
from cloudstead.app.presence import DevicePresence, GatewayListeners
from cloudstead.app.rules import RuleRooms, start_rules
from cloudstead.app.tasks import Tasks
from cloudstead.core.access.callers import Callers
from cloudstead.core.access.signers import Signers
from cloudstead.core.batches.maker import BatchMaker
from cloudstead.core.batches.registry import Batches
from cloudstead.core.branding.colours import Colours
from cloudstead.core.branding.images import BrandImages
from cloudstead.core.clock import SystemClock
from cloudstead.core.clouds.authorities import CloudAuthorities
from cloudstead.core.clouds.gate import CloudGate
from cloudstead.core.credentials.access_keys import AccessKeys
from cloudstead.core.credentials.certificates import Certificates
from cloudstead.core.credentials.identities import Identities
from cloudstead.core.credentials.passwords import PasswordHasher
from cloudstead.core.credentials.temporary import TemporaryCredentials
from cloudstead.core.credentials.tokens import Tokens
from cloudstead.core.domains.registry import Domains
from cloudstead.core.events import EventBus
from cloudstead.core.files.files import Files
from cloudstead.core.files.images import ThingImages
from cloudstead.core.files.removals import ImageRemover
from cloudstead.core.ids import Uuid7Source
from cloudstead.core.people.second_factor import SecondFactors
from cloudstead.core.people.sessions import Sessions
from cloudstead.core.people.sign_in import SignIn
from cloudstead.core.provisioning.contacts import Contacts
from cloudstead.core.spine.doors import ShadowDoor, TopicDoor
from cloudstead.core.spine.spine import Spine
from cloudstead.core.things.directory import ThingDirectory
from cloudstead.core.things.registry import Things
from cloudstead.core.thingtypes.registry import ThingTypes
from cloudstead.core.trustedcertificates.admission import Admission
from cloudstead.gateway.devices import DeviceDoor
from cloudstead.gateway.fan_out import BrokerFanOut
from cloudstead.gateway.mqtt import GatewayLimits, MqttGateway
from cloudstead.gateway.people import PeopleDoor
from cloudstead.gateway.trust import Trust
from cloudstead.gateway.watch import WatchedFanOut
from cloudstead.log import CommitLog, GroupCommitWriter, RecordQueue
from cloudstead.protocols.mqtt import Broker
from cloudstead.storage.observations import ClickHouseIndex, open_observations
from cloudstead.storage.sql import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from cloudstead.app.data_folder import DataFolder
    from cloudstead.app.settings import Settings
    from cloudstead.core.archive.archive import Archive
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.key_uses import KeyUses
    from cloudstead.core.files.ports import ObjectStore
    from cloudstead.core.ids import IdSource
    from cloudstead.core.spine.ports import LogWriter

_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The whole installation, running but for its listeners."""

    settings: Settings
    folder: DataFolder
    keys: Keys
    clock: Clock
    ids: IdSource
    bus: EventBus
    tasks: Tasks
    database: Database
    log: CommitLog
    index: ClickHouseIndex
    objects: ObjectStore
    files: Files
    images: ThingImages
    colours: Colours
    brand_images: BrandImages
    archive: Archive | None
    rules: RuleRooms
    clouds: CloudRooms
    outgoing: Outgoing
    hasher: PasswordHasher
    tokens: Tokens
    identities: Identities
    sessions: TemporaryCredentials
    access_keys: AccessKeys
    signers: Signers
    callers: Callers
    key_uses: KeyUses
    sign_in: SignIn
    certificates: Certificates
    domains: Domains
    things: Things
    thing_types: ThingTypes
    batches: Batches
    directory: ThingDirectory
    spine: Spine
    shadow_door: ShadowDoor
    topic_door: TopicDoor
    device_door: DeviceDoor
    trust: Trust
    broker: Broker
    fan_out: BrokerFanOut
    watch: WatchedFanOut
    gateway: MqttGateway
    presence: DevicePresence
    http_room: HttpRoom
    replayed: int


@asynccontextmanager
async def open_cloud(settings: Settings, folder: DataFolder) -> AsyncIterator[Cloud]:
    """Open all stores, recover, and run until the context ends; then write what was taken and let the stores go.

    Raises ``CannotStart``, ``StoreError``, ``LogError`` or ``IndexUnavailable`` for what an operator can put right.
    """
    logger = structlog.get_logger("cloudstead")
    clock = SystemClock()
    ids = Uuid7Source(clock)
    bus = EventBus(lambda what, error: logger.error("listener_failed", what=what, exc_info=error))
    async with AsyncExitStack() as stack:
        keys = open_keys(folder, clock)
        tasks = Tasks(logger)
        stack.push_async_callback(tasks.close)
        database = await Database.open(state_url(settings, folder), on_events=lambda events: _tell(bus, events))
        stack.push_async_callback(database.close)
        if database.schema.came_from is not None:
            schema = database.schema
            logger.info("state_migrated", was=schema.came_from, version=schema.version, copy=schema.copied_to)
        log = await asyncio.to_thread(_open_log, settings, folder, clock)
        stack.callback(log.close)
        if log.recovery is not None:
            logger.warning(
                "log_tail_cut",
                path=log.recovery.path.name,
                position=log.recovery.position,
                cut_bytes=log.recovery.cut_bytes,
                next_offset=log.recovery.next_offset,
            )
        index = await open_observations(
            settings.observations.url or folder.observations,
            memory_bytes=settings.observations.memory_megabytes * _MIB,
            clock=clock,
        )
        stack.push_async_callback(index.close)
        backlog = await asyncio.to_thread(RecordQueue.open, folder.index_backlog)
        stack.callback(backlog.close)
        objects = await open_files(settings, folder, keys.sealer)
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="passwords")
        passwords = PasswordProcess()
        stack.callback(passwords.close)
        stack.callback(executor.shutdown)
        hasher = PasswordHasher(executor, passwords=passwords)
        tokens = Tokens(keys.signing_key, clock, region=settings.public.region)
        identities = Identities(keys.sealer, region=settings.public.region)
        key_uses = follow_key_uses(stack, clock=clock, database=database, tasks=tasks)
        callers = Callers(database, tokens, clock, on_key_use=key_uses.note)
        sessions = TemporaryCredentials(keys.sealer, clock)
        access_keys = AccessKeys(clock, ids, keys.sealer)
        signers = Signers(database, sessions, access_keys, callers=callers, clock=clock)
        authorities = CloudAuthorities(
            keys.sealer, clock, root_pem=keys.authority.root_pem, root_key=root_key_in(folder.keys)
        )
        certificates = Certificates(keys.authority, keys.sealer, clock=clock, ids=ids, authorities=authorities)
        directory = ThingDirectory(database)
        broker = Broker(new_client_id=ids.new)
        fan_out = BrokerFanOut(broker)
        watch = WatchedFanOut(fan_out)
        rules = await start_rules(
            keys.sealer,
            database=database,
            clock=clock,
            ids=ids,
            bus=bus,
            tasks=tasks,
            newest_offset=lambda: log.next_offset - 1,
            may_lead=webhook_reach(settings).may_lead,
        )
        spine = Spine(
            clock=clock,
            database=database,
            directory=directory,
            index=index,
            backlog=backlog,
            fan_out=watch,
            spawn=tasks.keep,
            report=tasks.report,
            followers=[rules.follower],
        )
        topic_door = TopicDoor(spine, directory, database)
        admission = Admission(clock, ids, max_devices=settings.limits.enrolled_devices)
        gate = CloudGate()
        device_door = DeviceDoor(
            certificates, admission, directory=directory, database=database, clock=clock, clouds=gate
        )
        trust = Trust(database, spawn=tasks.spawn, report=tasks.report)
        journal = Journal(logger, later=asyncio.get_running_loop().call_later)
        stack.callback(journal.end_window)
        sign_in = SignIn(
            database,
            hasher,
            tokens=tokens,
            identities=identities,
            clock=clock,
            factors=SecondFactors(keys.sealer, clock),
            sessions=Sessions(clock, ids),
            listener=SignInJournal(journal, database),
        )
        contacts = Contacts(database, clock, ids, spawn=tasks.spawn)
        stack.push_async_callback(contacts.close)
        presence = DevicePresence(contacts.note)
        gateway = MqttGateway(
            broker=broker,
            fan_out=fan_out,
            spine=spine,
            devices=device_door,
            people=PeopleDoor(callers, topic_door, database),
            spawn=tasks.spawn,
            report=tasks.report,
            limits=GatewayLimits(settings.limits.connections, settings.limits.accepts_per_tick),
            listener=GatewayListeners((GatewayJournal(journal), presence)),
        )
        for listener in (callers, signers, directory, spine, gateway, trust, gate):
            listener.listen(bus)
        things = Things(clock, ids, certificates)
        # One at a time: decoding a large picture takes 100 MB.
        pictures = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures")
        stack.callback(pictures.shutdown)
        images = ThingImages(database, objects, things, clock=clock, ids=ids, executor=pictures)
        await spine.require_index(log)
        archive = await start_archive(
            settings, stack, clock=clock, database=database, objects=objects, log=log, tasks=tasks
        )
        replayed = await spine.start(
            log, lambda owner: _writer(log, owner, archive, window_s=settings.log.commit_window_ms / 1e3)
        )
        stack.push_async_callback(spine.stop)
        clouds = open_clouds(
            settings,
            stack,
            ca_file=folder.ca_file,
            database=database,
            clock=clock,
            ids=ids,
            sealer=keys.sealer,
            bus=bus,
            things=things,
            certificates=certificates,
            authorities=authorities,
            sessions=sessions,
            identities=identities,
            objects=objects,
            index=index,
            spine=spine,
            directory=directory,
            fan_out=watch,
        )
        outgoing = await start_outgoing(
            settings,
            folder,
            stack,
            sealer=keys.sealer,
            database=database,
            clock=clock,
            ids=ids,
            bus=bus,
            tasks=tasks,
            batches=BatchMaker(database, things, certificates, archives=objects, clock=clock),
            images=ImageRemover(database, objects),
            more=clouds.duties(),
        )
        yield Cloud(
            settings=settings,
            folder=folder,
            keys=keys,
            clock=clock,
            ids=ids,
            bus=bus,
            tasks=tasks,
            database=database,
            log=log,
            index=index,
            objects=objects,
            files=Files(database, objects),
            images=images,
            colours=Colours(clock, ids),
            brand_images=BrandImages(
                database,
                objects,
                clock=clock,
                ids=ids,
                executor=pictures,
                max_bytes=settings.branding.max_image_bytes,
            ),
            archive=archive,
            rules=rules,
            clouds=clouds,
            outgoing=outgoing,
            hasher=hasher,
            tokens=tokens,
            identities=identities,
            sessions=sessions,
            access_keys=access_keys,
            signers=signers,
            callers=callers,
            key_uses=key_uses,
            sign_in=sign_in,
            certificates=certificates,
            domains=Domains(clock, ids),
            things=things,
            thing_types=ThingTypes(clock, ids),
            batches=Batches(clock, ids, things),
            directory=directory,
            spine=spine,
            shadow_door=ShadowDoor(spine, directory),
            topic_door=topic_door,
            device_door=device_door,
            trust=trust,
            broker=broker,
            fan_out=fan_out,
            watch=watch,
            gateway=gateway,
            presence=presence,
            http_room=HttpRoom(
                settings.limits.http_connections, of_an_address=settings.limits.http_connections_per_address
            ),
            replayed=replayed,
        )


def _open_log(settings: Settings, folder: DataFolder, clock: Clock) -> CommitLog:
    return CommitLog.open(folder.log, segment_bytes=settings.log.segment_megabytes * _MIB, now=clock.now)


def _writer(log: CommitLog, spine: Spine, archive: Archive | None, *, window_s: float) -> LogWriter:
    return GroupCommitWriter(
        log,
        deliver=asyncio.get_running_loop().call_soon_threadsafe,
        on_commit=on_commit(spine.intake, archive),
        on_failure=spine.intake.refused,
        window_s=window_s,
    )


def _tell(bus: EventBus, events: Sequence[object]) -> None:
    for event in events:
        bus.publish(event)
