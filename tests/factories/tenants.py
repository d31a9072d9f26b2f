"""A state store with one account, its administrator and a thing: what most tests of core stand on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from cloudstead.core.accounts.opening import add_administrator, open_account
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.clock import ManualClock
from cloudstead.core.credentials.passwords import Argon2Cost, PasswordHasher, Passwords
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.domains.model import Domain
from cloudstead.core.events import EventBus
from cloudstead.core.ids import DomainId, ThingName, ThingTypeId, ThingUid, Uuid7Source
from cloudstead.core.people.model import Membership, Person
from cloudstead.core.people.second_factor import SecondFactors
from cloudstead.core.people.sessions import Sessions
from cloudstead.core.things.model import Thing
from cloudstead.core.thingtypes.model import ThingType
from cloudstead.storage.sql import Database

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.ids import PersonId

CHEAP = Argon2Cost(memory_kib=8, passes=1, lanes=1)
PASSWORD = "correct horse battery staple"


@dataclass
class Tenant:
    """One account in an open store, with everything that core wants injected."""

    database: Database
    bus: EventBus
    events: list[object]
    clock: ManualClock
    ids: Uuid7Source
    sealer: Sealer
    account: Account
    administrator: Person

    @property
    def caller(self) -> Caller:
        return self.caller_of(self.administrator.id, Grant(DomainId("root"), "Administrator"))

    def caller_of(self, person_id: PersonId | None, *grants: Grant) -> Caller:
        return Caller(self.account.id, f"person:{person_id}", "somebody", person_id, grants)

    async def open_another_account(self, name: str = "other") -> Account:
        return await self.database.write(
            lambda unit: open_account(
                unit, self.ids, self.clock, name=name, stack="prod", hosts=[f"{name}.cloud.example"]
            )
        )

    async def add_person(self, user_name: str, *grants: Grant, is_enabled: bool = True) -> Person:
        person = Person(
            id=self.ids.new(),
            home_account_id=self.account.id,
            user_name=user_name,
            password_hash=Passwords(cost=CHEAP).hash(PASSWORD),
            email=f"{user_name}@cloud.example",
            is_enabled=is_enabled,
        )

        def write(unit):
            unit.people.add(person)
            unit.people.put_membership(Membership(self.account.id, person.id, grants))

        await self.database.write(write)
        return person

    async def add_domain(self, domain_id: str, *, parent_id: str = "root") -> None:
        domain = Domain(self.account.id, self.ids.new(), DomainId(domain_id), DomainId(parent_id), domain_id)
        await self.database.write(lambda unit: unit.domains.add(domain))

    async def add_thing(self, name: str, *, domain_id: str = "root") -> Thing:
        thing = Thing(
            uid=ThingUid(self.ids.new()),
            account_id=self.account.id,
            name=ThingName(name),
            thing_type=ThingTypeId("1"),
            domain_id=DomainId(domain_id),
            label=name,
            description=None,
            created_at_ms=self.clock.millis(),
            created_by="somebody",
        )

        def write(unit):
            if unit.thing_types.get(self.account.id, thing.thing_type) is None:
                unit.thing_types.add(ThingType(self.account.id, thing.thing_type, DomainId("root"), label="any"))
            unit.things.add(thing)

        await self.database.write(write)
        return thing


def complain(what: str, error: Exception) -> None:
    raise AssertionError(what) from error


_MIGRATED: list[bytes] = []


async def _migrated() -> bytes:
    """Return an empty store: its steps take ten times as long as everything else here, so they are taken once."""
    if not _MIGRATED:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "state.db"
            await (await Database.open(f"sqlite:///{path}", on_events=lambda events: None)).close()
            _MIGRATED.append(path.read_bytes())
    return _MIGRATED[0]


async def open_tenant(folder: Path) -> Tenant:
    bus, events = EventBus(complain), []

    def on_events(emitted):
        for event in emitted:
            events.append(event)
            bus.publish(event)

    (folder / "state.db").write_bytes(await _migrated())
    database = await Database.open(f"sqlite:///{folder / 'state.db'}", on_events=on_events)
    return await tenant_in(database, bus=bus, events=events)


async def tenant_in(database: Database, *, bus: EventBus, events: list[object]) -> Tenant:
    """Open the account in an empty store; ``events`` are those that the store tells."""
    clock = ManualClock()
    ids = Uuid7Source(clock)

    def write(unit):
        account = open_account(unit, ids, clock, name="Example", stack="prod", hosts=["cloud.example"])
        person = add_administrator(
            unit,
            account,
            ids=ids,
            clock=clock,
            user_name="ada",
            password_hash=Passwords(cost=CHEAP).hash(PASSWORD),
            email="ada@cloud.example",
        )
        return account, person

    account, person = await database.write(write)
    return Tenant(database, bus, events, clock, ids, Sealer(InstallationKey(bytes(32))), account, person)


@pytest.fixture
async def tenant(tmp_path):
    opened = await open_tenant(tmp_path)
    yield opened
    await opened.database.close()


def sign_in_parts(tenant: Tenant) -> dict[str, Any]:
    """Return what signing in takes beside passwords."""
    return {
        "factors": SecondFactors(tenant.sealer, tenant.clock),
        "sessions": Sessions(tenant.clock, tenant.ids),
    }


class CountingHasher(PasswordHasher):
    """Counts how often it was asked to compare."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        super().__init__(executor, cost=CHEAP)
        self.comparisons = 0

    async def verify(self, password_hash, password):
        self.comparisons += 1
        return await super().verify(password_hash, password)
