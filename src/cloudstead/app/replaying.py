"""What ``cloudstead replay`` does: past messages once more, into an index or through rules, while nothing runs."""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloudstead.app.accounts import state_url
from cloudstead.app.addresses import without_password
from cloudstead.app.data_folder import DataFolder
from cloudstead.app.errors import CannotStart, ObservationsUnusable, reason_of
from cloudstead.app.files import open_files
from cloudstead.app.keys import open_keys
from cloudstead.core.archive.errors import ObjectUnreadable
from cloudstead.core.archive.names import object_path
from cloudstead.core.clock import SystemClock
from cloudstead.core.ids import Uuid7Source
from cloudstead.core.mail.letters import Letters
from cloudstead.core.observations.errors import IndexUnavailable
from cloudstead.core.replay.judging import Judge
from cloudstead.core.replay.rebuild import Shadows, index_batch
from cloudstead.core.replay.sources import Span, SpanNotThere, from_archive, from_log
from cloudstead.core.rules.deliveries import Dispatch
from cloudstead.core.rules.outgoing import Outgoing
from cloudstead.core.rules.payloads import payload_of
from cloudstead.core.rules.sealed import InstructionSeal
from cloudstead.core.rules.trial import rendered
from cloudstead.core.webhooks.calls import WebhookCalls
from cloudstead.log import CommitLog
from cloudstead.storage.observations import open_observations
from cloudstead.storage.sql import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from typing import Any

    from cloudstead.app.settings import Settings
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.archive.model import ArchivedObject
    from cloudstead.core.archive.ports import ObjectReader
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.files.ports import ObjectStore
    from cloudstead.core.replay.sources import Chunk
    from cloudstead.core.rules.outgoing import Hit

_NAME: Final = re.compile(r"-firehose-1-(\d{4})-(\d\d)-(\d\d)-(\d\d)-\d\d-\d\d-[0-9a-f-]{36}\Z")
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be replayed. ``archive`` is a folder of objects, ``""`` the archive itself, ``None`` the log."""

    span: Span
    account: str | None = None
    archive: str | None = None


@dataclass(slots=True)
class Outcome:
    """What it came to. ``last_offset`` is how far it was when it ended, done or interrupted."""

    messages: int = 0
    observations: int = 0
    hits: int = 0
    runs: int = 0
    rules: int = 0
    last_offset: int = 0
    shown: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Stores:
    settings: Settings
    folder: DataFolder
    sealer: Sealer
    database: Database
    objects: ObjectStore
    log: CommitLog
    clock: SystemClock


async def replay_to_index(
    settings: Settings, wanted: Wanted, *, place: str | None, outcome: Outcome, tell: Callable[[Chunk], None]
) -> None:
    """Feed messages to the index, or to the one at ``place``; what it holds already is never doubled.

    Raise ``CannotStart`` for what an operator can put right. ``outcome`` and ``tell`` follow while it runs.
    """
    async with _stores(settings) as stores, AsyncExitStack() as stack:
        accounts = await _accounts(stores, wanted)
        own = settings.observations.url or stores.folder.observations
        try:
            index = await open_observations(
                place or own, memory_bytes=settings.observations.memory_megabytes * _MIB, clock=stores.clock
            )
        except (IndexUnavailable, OSError, ValueError) as error:
            raise ObservationsUnusable(without_password(str(place or own)), reason_of(error)) from error
        stack.push_async_callback(index.close)
        shadows = Shadows(are_known=wanted.span.first_offset <= 1 and not wanted.span.since_ms)
        async for chunk in _chunks(stores, wanted, accounts):
            batch = index_batch(shadows, chunk.records)
            # A batch that is cut off half-way would be completed by the next replay; better it is not.
            await asyncio.shield(index.append(batch))
            outcome.messages += len(chunk.records)
            outcome.observations += len(batch.observations)
            outcome.last_offset = chunk.last_offset
            tell(chunk)
        if place is None:
            for account in accounts:
                await stores.database.write(lambda unit, one=account: unit.things.mark_all_for_index(one.id))  # type: ignore[misc]


async def replay_to_rules(
    settings: Settings,
    wanted: Wanted,
    *,
    rule_ids: Sequence[str] | None,
    fire: bool,
    show: int,
    outcome: Outcome,
    tell: Callable[[Chunk], None],
) -> None:
    """Hold messages against the enabled rules. With ``fire``, what they say goes out at the next start of the service.

    Without, thresholds are counted from zero and the first ``show`` runs are rendered; nothing is stored.
    """
    async with _stores(settings) as stores:
        accounts = await _accounts(stores, wanted)
        shadows = Shadows(are_known=wanted.span.first_offset <= 1 and not wanted.span.since_ms)
        judge = await stores.database.read(
            lambda unit: Judge.over(unit, shadows, accounts=[each.id for each in accounts], rule_ids=rule_ids)
        )
        outcome.rules = judge.rules
        if not judge.rules:
            raise CannotStart("No enabled rule is meant: see RuleLambda.LIST for those that there are.")
        ids = Uuid7Source(stores.clock)
        seal = InstructionSeal(stores.sealer, os.urandom)
        webhooks = WebhookCalls(stores.sealer, clock=stores.clock, ids=ids)
        outgoing = Outgoing(seal, Dispatch(webhooks, Letters(stores.sealer, clock=stores.clock, ids=ids)))
        async for chunk in _chunks(stores, wanted, accounts):
            hits = judge.judge(chunk.records)
            if fire and hits:
                await asyncio.shield(stores.database.write(lambda unit, hits=hits: outgoing.store(unit, hits)))  # type: ignore[misc]
            elif hits:
                running = judge.that_run(hits)
                outcome.runs += len(running)
                outcome.shown += [_shown(seal, hit) for hit in running[: show - len(outcome.shown)]]
            outcome.messages += len(chunk.records)
            outcome.observations, outcome.hits = judge.observations, judge.hits
            outcome.last_offset = chunk.last_offset
            tell(chunk)


def _shown(seal: InstructionSeal, hit: Hit) -> dict[str, Any]:
    payload = payload_of(hit.rule, hit.sighting, hit.found)
    return {
        "offset": hit.sighting.offset,
        "at": hit.sighting.at_ms,
        "rule": hit.rule.id,
        "thingName": hit.sighting.thing_name,
        "path": hit.found.path,
        "value": hit.found.value,
        "requests": [rendered(action, payload) for action in seal.open(hit.rule).actions],
    }


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncIterator[_Stores]:
    path = Path(settings.data.folder)
    if not (path / "log").is_dir():
        raise CannotStart(f"{path} holds no cloud: name its data folder with --data.")
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        folder = DataFolder.hold(path)
        stack.callback(folder.release)
        sealer = open_keys(folder, clock).sealer
        database = await Database.open(state_url(settings, folder), on_events=lambda _events: None)
        stack.push_async_callback(database.close)
        log = CommitLog.open(folder.log, segment_bytes=settings.log.segment_megabytes * _MIB, now=clock.now)
        stack.callback(log.close)
        objects = await open_files(settings, folder, sealer)
        yield _Stores(settings, folder, sealer, database, objects, log, clock)


async def _accounts(stores: _Stores, wanted: Wanted) -> list[Account]:
    """Return the account that is meant, all of them where none is named."""
    accounts = list(await stores.database.read(lambda unit: unit.accounts.all()))
    if wanted.account is None:
        return accounts
    found = [each for each in accounts if wanted.account in {each.id, each.number, each.name}]
    if len(found) != 1:
        known = ", ".join(f"{each.name} ({each.number})" for each in accounts[:20])
        what = "No account is" if not found else "Several accounts are"
        raise CannotStart(f"--account: {what} called {wanted.account!r}. There are: {known}.")
    return found


async def _chunks(stores: _Stores, wanted: Wanted, accounts: Sequence[Account]) -> AsyncIterator[Chunk]:
    span = wanted.span
    if wanted.account is not None:
        span = Span(
            first_offset=span.first_offset,
            last_offset=span.last_offset,
            since_ms=span.since_ms,
            until_ms=span.until_ms,
            accounts=frozenset(each.id for each in accounts),
        )
    try:
        if wanted.archive is None:
            chunks = from_log(stores.log, span)
        else:
            objects, rows = await _archived(stores, wanted.archive, accounts, span)
            chunks = from_archive(objects, rows, span)
        async for chunk in chunks:
            yield chunk
    except (SpanNotThere, ObjectUnreadable) as error:
        raise CannotStart(str(error)) from error


async def _archived(
    stores: _Stores, folder: str, accounts: Sequence[Account], span: Span
) -> tuple[ObjectReader, list[ArchivedObject]]:
    if folder:
        files = await asyncio.to_thread(_files, Path(folder))
        rows = [await _row_of(stores, accounts, key, file) for key, file in files.items()]
        paths = {object_path(row.account_id, row.key): files[row.key] for row in rows}
        return _FolderFirst(stores.objects, paths), rows
    last = min(span.last_offset, 2**62)
    rows = []
    for account in accounts:
        rows += await stores.database.read(
            lambda unit, one=account: unit.archive.span(one.id, span.first_offset, last, limit=1_000_000)  # type: ignore[misc]
        )
    if not rows:
        raise CannotStart("The archive has nothing of that span: files are closed after five minutes or 5 MB.")
    return stores.objects, [row for row in rows if row.last_ms >= span.since_ms and row.first_ms <= span.until_ms]


def _files(folder: Path) -> dict[str, Path]:
    """Return the objects in a folder by their keys, which their names say, however the folder is laid out."""
    if not folder.is_dir():
        raise CannotStart(f"--archive: there is no folder {folder}.")
    found = {}
    for path in sorted(folder.rglob("*")):
        match = _NAME.search(path.name)
        if match is not None and path.is_file():
            found["/".join((*match.groups(), path.name))] = path
    if not found:
        raise CannotStart(f"--archive: {folder} holds no object of an archive.")
    return found


async def _row_of(stores: _Stores, accounts: Sequence[Account], key: str, file: Path) -> ArchivedObject:
    ids = [each.id for each in accounts]
    found = await stores.database.read(
        lambda unit: [row for one in ids if (row := unit.archive.by_key(one, key)) is not None]
    )
    if found:
        return found[0]
    raise CannotStart(
        f"{file} is no object of this installation's archive, or of another account: its messages alone do not say "
        "which things sent them."
    )


class _FolderFirst:
    """Reads objects from files, and what they do not say from the store."""

    def __init__(self, objects: ObjectStore, files: dict[str, Path]) -> None:
        self._objects = objects
        self._files = files

    async def get(self, path: str) -> bytes | None:
        """Return a whole object."""
        if path in self._files:
            return await asyncio.to_thread(self._files[path].read_bytes)
        return await self._objects.get(path)
