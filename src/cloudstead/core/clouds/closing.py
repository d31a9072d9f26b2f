"""The end of a cloud on this installation: its account is closed, what it holds is exported, and then deleted.

Nothing is deleted before the last part of the export, its manifest, is stored. Each step looks first, so that all of it
may be cut off anywhere and begun again; an export that was not finished is written anew, under a name of its own.
"""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from cloudstead.core.accounts.enrolling import put_status
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.clouds.ports import Removed
from cloudstead.core.clouds.tenancy import administrator_of
from cloudstead.core.clouds.ulids import ulid_of
from cloudstead.core.files.model import Bucket, object_path
from cloudstead.core.paging import PageRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.authorities import CloudAuthorities
    from cloudstead.core.clouds.model import Cloud
    from cloudstead.core.clouds.ports import Tell
    from cloudstead.core.files.ports import ObjectStore
    from cloudstead.core.ids import AccountId, ThingUid
    from cloudstead.core.observations.ports import ObservationIndex
    from cloudstead.core.things.model import Thing
    from cloudstead.core.things.registry import Things
    from cloudstead.core.unit import Database, Unit

_THINGS_AT_ONCE: Final = 100
_REMOVED_AT_ONCE: Final = 50
_CHANGES_AT_ONCE: Final = 1000
_PART_BYTES: Final = 8 << 20
_OBJECTS_AT_ONCE: Final = 500
_ENTRIES_AT_ONCE: Final = 1000


class Settled(Protocol):
    """What everything that was acknowledged has to pass before it can be exported."""

    async def settle(self) -> None:
        """Return once every update acknowledged before the call can be found."""
        ...


class Closing:
    """Closes the accounts of clouds."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        *,
        clock: Clock,
        index: ObservationIndex,
        barrier: Settled,
        things: Things,
        authorities: CloudAuthorities,
    ) -> None:
        self._database = database
        self._objects = objects
        self._clock = clock
        self._index = index
        self._barrier = barrier
        self._things = things
        self._authorities = authorities

    async def close(self, cloud: Cloud, account: Account, tell: Tell) -> Removed:
        """Close, export and delete; return where the export lies and what is left."""
        await tell("1 of 4: closing the doors")
        await self._database.write(lambda unit: _shut(unit, account.id))
        await self._barrier.settle()
        await tell("2 of 4: export")
        place = await self._export(cloud, account, tell)
        await tell("3 of 4: deleting devices and observations")
        await self._remove_things(account.id)
        await self._index.drop_account(account.id)
        await self._remove_objects(account.id)
        await tell("4 of 4: deleting the account")
        await self._database.write(lambda unit: self._wipe(unit, account.id))
        return Removed(
            retained=(
                f"export: {place}",
                f"account {account.number}, closed, with its audit trail and revocations",
                "messages in the log, until its retention lets them go",
            ),
            notes={"export": place},
        )

    async def _export(self, cloud: Cloud, account: Account, tell: Tell) -> str:
        stamp = f"{self._clock.now():%Y%m%dT%H%M%SZ}"
        folder = f"cloud-exports/{ulid_of(cloud.id)}-{stamp}"
        parts = _Parts(self._objects, object_path(cloud.account_id, Bucket.OBSERVATIONS, folder))
        await parts.add("account", [await self._database.scan(lambda unit: _account(unit, cloud, account))])
        await parts.finish("account")
        await parts.add("domains", await self._database.scan(lambda unit: _domains(unit, account.id)))
        await parts.finish("domains")
        await parts.add("thing-types", await self._database.scan(lambda unit: _types(unit, account.id)))
        await parts.finish("thing-types")
        count, after = 0, ""
        while things := await self._things_after(account.id, after):
            uids = [thing.uid for thing in things]
            shadows = await self._database.scan(lambda unit, some=uids: unit.shadows.load(some))  # type: ignore[misc]
            states = {shadow.thing_uid: shadow for shadow in shadows}
            await parts.add("things", [_thing(thing, states.get(thing.uid)) for thing in things])
            for thing in things:
                await self._export_changes(parts, account.id, thing.uid)
            after = things[-1].name
            count += len(things)
            await tell(f"2 of 4: export, {count} devices so far")
        await parts.finish("things")
        await parts.finish("changes")
        request: PageRequest | None = PageRequest(limit=_ENTRIES_AT_ONCE)
        while request is not None:
            page = await self._database.scan(lambda unit, asked=request: unit.audit.page(account.id, asked))  # type: ignore[misc]
            await parts.add("audit", page.items)
            request = None if page.after is None else PageRequest(limit=_ENTRIES_AT_ONCE, after=page.after)
        await parts.finish("audit")
        await parts.seal({"cloud": cloud.name, "id": ulid_of(cloud.id), "devices": count, "made": stamp})
        return folder

    async def _export_changes(self, parts: _Parts, account_id: AccountId, uid: ThingUid) -> None:
        before: int | None = None
        while changes := await self._index.shadow_history(
            account_id, uid, before_offset=before, limit=_CHANGES_AT_ONCE
        ):
            await parts.add(
                "changes",
                [
                    {
                        "thing": each.thing_name,
                        "at": each.timestamp_ms,
                        "verb": each.verb,
                        "version": each.version,
                        "author": each.author,
                        "outcome": each.outcome,
                        "request": each.request_json.decode("utf-8", "replace"),
                    }
                    for each in changes
                ],
            )
            if len(changes) < _CHANGES_AT_ONCE:
                return
            before = changes[-1].offset

    async def _things_after(self, account_id: AccountId, after: str) -> Sequence[Thing]:
        return await self._database.scan(
            lambda unit: unit.clouds.things_after(account_id, after, limit=_THINGS_AT_ONCE)
        )

    async def _remove_things(self, account_id: AccountId) -> None:
        caller = administrator_of(account_id)

        def remove(unit: Unit) -> int:
            things = unit.clouds.things_after(account_id, "", limit=_REMOVED_AT_ONCE)
            for thing in things:
                self._things.remove(unit, caller, name=thing.name)
            return len(things)

        while await self._database.write(remove):
            pass

    async def _remove_objects(self, account_id: AccountId) -> None:
        prefix = f"{account_id}/"
        while entries := await self._objects.list_after(prefix, after=prefix, limit=_OBJECTS_AT_ONCE):
            for entry in entries:
                await self._objects.delete(entry.path)

    def _wipe(self, unit: Unit, account_id: AccountId) -> None:
        for host in unit.accounts.hosts(account_id):
            unit.accounts.drop_host(account_id, host)
        self._authorities.withdraw(unit, account_id)
        unit.clouds.wipe(account_id)


class _Parts:
    """Writes an export: JSON lines, packed, in objects of some megabytes."""

    def __init__(self, objects: ObjectStore, root: str) -> None:
        self._objects = objects
        self._root = root
        self._waiting: dict[str, bytearray] = {}
        self._written: dict[str, int] = {}
        self._rows: dict[str, int] = {}

    async def add(self, kind: str, rows: Sequence[Any]) -> None:
        waiting = self._waiting.setdefault(kind, bytearray())
        for row in rows:
            waiting += msgspec.json.encode(row) + b"\n"
        self._rows[kind] = self._rows.get(kind, 0) + len(rows)
        if len(waiting) >= _PART_BYTES:
            await self.finish(kind)

    async def finish(self, kind: str) -> None:
        waiting = self._waiting.pop(kind, None)
        if not waiting:
            return
        number = self._written[kind] = self._written.get(kind, 0) + 1
        packed = await asyncio.to_thread(gzip.compress, bytes(waiting))
        await self._objects.put(f"{self._root}/{kind}-{number:04}.jsonl.gz", packed)

    async def seal(self, facts: dict[str, Any]) -> None:
        """Write the manifest: without it, an export is none."""
        body = {**facts, "rows": self._rows, "objects": self._written}
        await self._objects.put(f"{self._root}/manifest.json", msgspec.json.encode(body))


def _shut(unit: Unit, account_id: AccountId) -> None:
    account = unit.accounts.get(account_id)
    if account is not None:
        put_status(unit, account, AccountStatus.SUSPENDED, is_told=True)


def _account(unit: Unit, cloud: Cloud, account: Account) -> dict[str, Any]:
    profile = unit.accounts.profile(account.id)
    return {
        "name": account.name,
        "number": account.number,
        "created": account.created_at_ms,
        "hosts": list(unit.accounts.hosts(account.id)),
        "display_name": profile.display_name,
        "custom_fields": dict(profile.custom_fields),
        "type": cloud.type.value,
        "region": cloud.region,
        "schema": cloud.schema,
    }


def _domains(unit: Unit, account_id: AccountId) -> list[Any]:
    return list(unit.domains.tree(account_id).nodes.values())


def _types(unit: Unit, account_id: AccountId) -> list[Any]:
    return list(unit.thing_types.all(account_id))


def _thing(thing: Thing, shadow: Any) -> dict[str, Any]:
    return {
        "name": thing.name,
        "type": thing.thing_type,
        "domain": thing.domain_id,
        "label": thing.label,
        "description": thing.description,
        "created": thing.created_at_ms,
        "created_by": thing.created_by,
        "desired": None if shadow is None else shadow.desired,
        "reported": None if shadow is None else shadow.reported,
        "version": None if shadow is None else shadow.version,
    }
