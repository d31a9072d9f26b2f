"""The functions of Cloud Connect over a state store, with an index and shadows that stand still.

The world: root > north > fjord, root > south; a type and a thing at root, north and south each;
one more type at north.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog
from structlog.testing import CapturingLogger

from cloudstead.core.batches.registry import Batches
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.credentials.certificates import Certificates
from cloudstead.core.credentials.identities import Identities
from cloudstead.core.credentials.passwords import PasswordHasher
from cloudstead.core.credentials.tokens import SigningKey, Tokens
from cloudstead.core.domains.registry import Domains
from cloudstead.core.ids import DomainId
from cloudstead.core.observations.model import SearchResult
from cloudstead.core.people.sign_in import SignIn
from cloudstead.core.shadows.model import Shadow
from cloudstead.core.things.registry import Things
from cloudstead.core.thingtypes.registry import ThingTypes
from cloudstead.dialects.cloud_connect.ports import Backend
from cloudstead.dialects.cloud_connect.runtime import FunctionRuntime
from factories.files import file_rooms
from factories.people import people_rooms
from factories.rules import WIRE_RULE, rule_rooms
from factories.tenants import CHEAP, sign_in_parts
from factories.traced import Traced

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.ids import PersonId
    from factories.files import FileRooms
    from factories.people import PeopleRooms
    from factories.rules import RuleParts
    from factories.tenants import Tenant

PLACES = {"root": None, "north": "root", "fjord": "north", "south": "root"}


@cache
def signing_key() -> SigningKey:
    """Make one key for all tests: an RSA key takes a tenth of a second."""
    return SigningKey.generate()


@dataclass
class StillIndex:
    """An index that finds what it was told to find and remembers how it was asked."""

    answer: Any = field(default_factory=lambda: {"hits": {"total": 0, "hits": []}})
    asked: list[tuple[str, Any, Any]] = field(default_factory=list)
    failure: Exception | None = None

    async def settle(self) -> None:
        self.asked.append(("settle", None, None))

    async def settle_things(self) -> None:
        self.asked.append(("settle things", None, None))

    async def search_things(self, scope, search):
        return self._find("things", scope, search)

    async def search_observations(self, scope, search):
        return self._find("observations", scope, search)

    def _find(self, kind, scope, search):
        self.asked.append((kind, scope, search))
        if self.failure is not None:
            raise self.failure
        return SearchResult(self.answer)


@dataclass
class StillShadows:
    """Shadows as they were put here."""

    kept: dict[str, Shadow] = field(default_factory=dict)

    async def current(self, account_id, thing_uid) -> Shadow:
        return self.kept.get(thing_uid, Shadow(thing_uid, account_id))


@dataclass(frozen=True)
class Answer:
    """What a function answered."""

    body: Any
    failed: bool

    @property
    def error(self) -> dict[str, Any]:
        assert self.failed, self.body
        assert list(self.body) == ["errorMessage"]
        return json.loads(self.body["errorMessage"])

    @property
    def told(self) -> tuple[str | None, str | None]:
        """The key and the property of the error."""
        return self.error.get("messageKey"), self.error.get("property")

    def ok(self) -> Any:
        assert not self.failed, self.body
        return self.body


@dataclass
class World:
    """A tenant with its functions, and callers at different places."""

    tenant: Tenant
    runtime: FunctionRuntime
    index: StillIndex
    shadows: StillShadows
    log: CapturingLogger
    foreign: Account
    people: PeopleRooms
    rules: RuleParts
    residents: dict[str, PersonId] = field(default_factory=dict)
    rooms: FileRooms = field(init=False)
    traced: Traced = field(init=False)

    def caller(self, *grants: tuple[str, str], user_name: str = "bob") -> Caller:
        return Caller(
            self.tenant.account.id,
            f"person:{user_name}",
            user_name,
            self.residents.get(user_name),
            tuple(Grant(DomainId(domain_id), role) for domain_id, role in grants),
        )

    @property
    def administrator(self) -> Caller:
        return self.caller(("root", "Administrator"), user_name="ada")

    @property
    def writer(self) -> Caller:
        return self.caller(("north", "ReadWrite"))

    @property
    def reader(self) -> Caller:
        return self.caller(("north", "Read"))

    @property
    def pending(self) -> Caller:
        return self.caller()

    @property
    def stranger(self) -> Caller:
        return Caller(self.foreign.id, "person:eve", "eve", None, (Grant(DomainId("root"), "Administrator"),))

    async def invoke(self, label: str, payload: object, *, caller: Caller | None) -> Answer:
        """Invoke the function of ``label`` with any payload, bytes included."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        result = await self.runtime.invoke(label.partition(".")[0], self.tenant.account, caller, body)
        return Answer(json.loads(result.body), result.failed)

    async def call(self, label: str, caller: Caller | None, /, *, query: Any = None, **attributes: Any) -> Answer:
        """Perform the action ``label`` with these attributes."""
        payload: dict[str, Any] = {"action": label.partition(".")[2], "attributes": attributes}
        if query is not None:
            payload["query"] = query
        return await self.invoke(label, payload, caller=caller)


async def build_world(tenant: Tenant, executor: ThreadPoolExecutor) -> World:
    files = create_authority(tenant.clock)
    authority = Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=tenant.clock
    )
    certificates = Certificates(authority, tenant.sealer, clock=tenant.clock, ids=tenant.ids)
    things = Things(tenant.clock, tenant.ids, certificates)
    rooms = file_rooms(tenant, executor)
    index, shadows, log = StillIndex(), StillShadows(), CapturingLogger()
    traced = Traced(tenant, things)
    people = people_rooms(tenant, executor)
    rules = rule_rooms(tenant)
    backend = Backend(
        clock=tenant.clock,
        database=tenant.database,
        hasher=people.hasher,
        people=people.people,
        recovery=people.recovery,
        sign_in=SignIn(
            tenant.database,
            PasswordHasher(executor, cost=CHEAP),
            tokens=Tokens(signing_key(), tenant.clock, region="eu-west-1"),
            identities=Identities(tenant.sealer, region="eu-west-1"),
            clock=tenant.clock,
            **sign_in_parts(tenant),
        ),
        domains=Domains(tenant.clock, tenant.ids),
        things=things,
        thing_types=ThingTypes(tenant.clock, tenant.ids),
        files=rooms.files,
        images=rooms.images,
        certificates=certificates,
        file_links=rooms.links,
        batches=Batches(tenant.clock, tenant.ids, things),
        rules=rules.rules,
        outbox=rules.outbox,
        rule_hits=rules.follower,
        tracing=traced.tracing,
        shadows=shadows,
        index=index,
        barrier=index,
    )
    runtime = FunctionRuntime(
        backend, log=structlog.wrap_logger(log, processors=[structlog.processors.format_exc_info])
    )
    world = World(tenant, runtime, index, shadows, log, await tenant.open_another_account("foreign"), people, rules)
    world.rooms = rooms
    world.traced = traced
    await _settle_in(world)
    return world


async def _settle_in(world: World) -> None:
    ada = world.administrator
    for domain_id, parent_id in PLACES.items():
        if parent_id is not None:
            await world.call("DomainLambda.CREATE", ada, id=domain_id, parentId=parent_id, name=domain_id.title())
    for domain_id in ("root", "north", "south"):
        type_id, name = f"type-{domain_id}", f"thing-{domain_id}"
        (await world.call("ThingTypeLambda.CREATE", ada, id=type_id, domain=domain_id, label=type_id)).ok()
        (await world.call("ThingLambda.CREATE", ada, thingName=name, thingType=type_id, domain=domain_id)).ok()
        chosen = {"domain": domain_id, "thingType": type_id}
        (await world.call("RuleLambda.CREATE", ada, **{**WIRE_RULE, "id": f"rule-{domain_id}", "filter": chosen})).ok()
    bob = await world.tenant.add_person("bob", Grant(DomainId("north"), "ReadWrite"))
    thing = await world.tenant.database.read(lambda unit: unit.things.get(world.tenant.account.id, "thing-north"))
    world.traced.say(thing, b'{"state":{"reported":{"n":1}}}', reported=b'{"n":1}')
    world.residents |= {"ada": world.tenant.administrator.id, "bob": bob.id}
    (await world.call("ThingTypeLambda.CREATE", ada, id="spare", domain="north", label="spare")).ok()
    world.tenant.events.clear()
