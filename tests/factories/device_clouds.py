"""Device clouds over a state store, called without a socket.

The world: an account at the top, which runs the installation, with ``admin``, a ``writer`` (ReadWrite) and a
``reader``; and another account at the top with its administrator ``stranger``. Clouds on this installation are made for
real, but for the connection of the self-test; those in AWS by stacks that do what a test tells them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx2
import jsonschema
import structlog
import yaml
from prometheus_client import CollectorRegistry

from cloudstead.app.device_clouds import CloudRooms, WhereWeAre, cloud_rooms
from cloudstead.core.access.callers import Callers
from cloudstead.core.audit.model import AuditFilter
from cloudstead.core.caller import Grant
from cloudstead.core.clouds.actor import ADMINISTER
from cloudstead.core.clouds.authorities import CloudAuthorities
from cloudstead.core.clouds.closing import Closing
from cloudstead.core.clouds.errors import ConnectRefused
from cloudstead.core.clouds.local_engine import LocalEngine, LocalPlaces
from cloudstead.core.clouds.model import CloudType
from cloudstead.core.clouds.ports import BrowserKeys, EnrolledDevice, Launch, Provisioned, Removed, StackLook
from cloudstead.core.clouds.tenancy import Tenancies
from cloudstead.core.clouds.ulids import id_of, ulid_of
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.credentials.certificates import Certificates
from cloudstead.core.credentials.identities import Identities
from cloudstead.core.credentials.temporary import TemporaryCredentials
from cloudstead.core.credentials.tokens import Tokens
from cloudstead.core.ids import DomainId
from cloudstead.core.paging import PageRequest
from cloudstead.core.people.model import Membership, Person
from cloudstead.core.things.registry import Things
from cloudstead.core.thingtypes.registry import ThingTypes
from cloudstead.dialects.device_clouds.ports import Backend
from cloudstead.dialects.device_clouds.table import device_clouds_face
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from factories.cloud_connect import signing_key
from factories.contract import CONTRACTS
from factories.index import MemoryIndex
from factories.objects import MemoryObjects

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clouds.model import Cloud
    from cloudstead.core.jobs.model import Done, Failed
    from cloudstead.core.jobs.ports import Performer
    from factories.tenants import Tenant

URL = "https://cloud.example"
REGION = "eu-west-1"
NO_CLOUD = "0" * 26
ROLE = "arn:aws:iam::123456789012:role/BuilderRole"
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/ranch/1"


@cache
def contract() -> dict[str, Any]:
    with (CONTRACTS / "device-clouds.yaml").open(encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.CSafeLoader)


@cache
def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return method, path and description of every operation, by its id."""
    return {
        described["operationId"]: (method.upper(), path, described)
        for path, item in contract()["paths"].items()
        for method, described in item.items()
    }


@cache
def _schema(reference: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"$ref": reference, "components": contract()["components"]})


def require_answer(name: str, answer: Answer) -> None:
    """Hold an answer against what the contract says of the operation."""
    responses = operations()[name][2]["responses"]
    assert str(answer.status) in responses, f"{name} answers {answer.status}: {answer.body}"
    if answer.status == 200:
        assert answer.media_type == "application/json"
        reference = responses["200"]["content"]["application/json"]["schema"]["$ref"]
        _schema(reference).validate(answer.body)
        return
    assert answer.media_type.startswith("text/plain")
    assert isinstance(answer.body, str)


@dataclass
class Answer:
    """What came back."""

    status: int
    body: Any
    media_type: str


@dataclass
class Stacks:
    """AWS as far as the life cycle sees it: an engine whose stacks do what they are told."""

    failures: list[Exception] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    lets_everybody_in: bool = False
    update_status: str = "UPDATE_IN_PROGRESS"
    looks: list[StackLook] = field(default_factory=list)
    enrolled: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)

    types = frozenset({CloudType.DEDICATED})
    has_stacks = True

    def admit(self, cloud: Cloud) -> None:
        self.asked.append("admit")

    def launch(self, cloud: Cloud, *, external: str, token: str) -> Launch:
        return Launch(url=f"https://console/{token}", command=f"aws --token {token} --external {external}")

    async def verify(self, cloud, access):
        self._answer("verify")
        if self.lets_everybody_in:
            raise ConnectRefused("The role lets in whoever comes without the external id")

    async def provision(self, cloud, access, tell):
        self._answer("provision")
        await tell("1 of 1: everything")
        return Provisioned(user_pool="pool", api_gateway="gateway")

    async def update(self, cloud, access):
        self._answer("update")
        return StackLook(status=self.update_status)

    async def look(self, cloud, access):
        self._answer("look")
        return self.looks.pop(0)

    async def remove(self, cloud, access, tell):
        self._answer("remove")
        return Removed(retained=("bucket",), notes={} if access else {"role": "was never known"})

    async def browser_keys(self, cloud, access, caller):
        self._answer("browser_keys")
        return BrowserKeys(
            access_key_id="ASIA", secret_access_key="s", session_token="t", expires_at_ms=0, region="us-east-1"
        )

    async def enrol(self, cloud, access, device):
        self._answer("enrol")
        self.enrolled.append(device.id)
        return EnrolledDevice(
            certificate="c", private_key="k", endpoint="iot.example", port=443, account="123456789012", thing=device.id
        )

    async def release(self, cloud, access, device):
        self._answer("release")
        self.released.append(device.id)

    async def measure(self, cloud, *, since_ms, until_ms):
        return None

    def _answer(self, what: str) -> None:
        self.asked.append(what)
        if self.failures:
            raise self.failures.pop(0)


@dataclass
class SelfTest:
    """Connects nothing, and remembers whom it would have connected."""

    tried: list[Any] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    async def __call__(self, account_id, thing):
        self.tried.append((account_id, thing))
        if self.failures:
            raise self.failures.pop(0)


@dataclass
class Told:
    """What devices were told."""

    messages: list[tuple[str, str, bytes]] = field(default_factory=list)

    def publish(self, account_id, topic, payload, *, qos):
        self.messages.append((account_id, topic, payload))


class Still:
    """A barrier that everything has passed."""

    async def settle(self) -> None:
        return None


@dataclass
class Counted:
    """How many updates there were."""

    number: int = 0

    async def updates(self, account_id, *, since_ms, until_ms):
        return self.number


@dataclass
class Pauses:
    """Lets time pass, and something happen in it."""

    tenant: Tenant
    happens: list[Callable[[], Any]] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)

    async def until(self, event, seconds):
        self.waited_s.append(seconds)
        if self.happens:
            await self.happens.pop(0)()
        else:
            self.tenant.clock.advance(timedelta(seconds=seconds))


@dataclass
class CloudWorld:
    """The accounts and their people; tokens by name."""

    tenant: Tenant
    rooms: CloudRooms
    client: httpx2.AsyncClient
    other: Account
    stacks: Stacks
    self_test: SelfTest
    told: Told
    objects: MemoryObjects
    index: MemoryIndex
    counted: Counted
    pauses: Pauses
    certificates: Certificates
    tokens: Tokens
    performers: dict[str, Performer]
    people: dict[str, Person] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    async def call(
        self,
        name: str,
        by: str | None = "admin",
        /,
        *,
        origin: str | None = URL,
        query: Any = None,
        raw: bytes | None = None,
        **body: Any,
    ) -> Answer:
        """Call an operation by its id in the contract, and hold the answer against it.

        ``by`` names a person, or is a token's text, which goes to the place of tokens.
        """
        _, path, _ = operations()[name]
        prefix, headers = "/api", {"content-type": "application/json"}
        if by in self.people:
            headers["authorization"] = self.login(by)
            if origin is not None:
                headers["origin"] = origin
        elif by is not None:
            prefix, headers["authorization"] = "/api/tok", f"bearer {self.texts.get(by, by)}"
        content = raw if raw is not None else httpx2.Request("POST", URL, json=body).content
        response = await self.client.post(prefix + path, headers=headers, content=content, params=query)
        media_type = response.headers["content-type"]
        is_json = media_type == "application/json"
        answer = Answer(response.status_code, response.json() if is_json else response.text, media_type)
        require_answer(name, answer)
        return answer

    async def ok(self, name: str, by: str = "admin", /, **body: Any) -> Any:
        """Call an operation that succeeds, and return its answer."""
        answer = await self.call(name, by, **body)
        assert answer.status == 200, answer.body
        return answer.body

    def login(self, name: str) -> str:
        """Return an ID token of somebody."""
        person = self.people[name]
        account = self.tenant.account if person.home_account_id == self.tenant.account.id else self.other
        return self.tokens.issue_id_token(account, person)

    async def make(self, name: str = "farm", **fields: Any) -> dict[str, Any]:
        """Make a cloud, on this installation unless another type is given."""
        return await self.ok("cloudCreate", **{"name": name, "type": "local", **fields})

    async def ready(self, name: str = "farm", **fields: Any) -> dict[str, Any]:
        """Make a cloud and provision it."""
        cloud = await self.make(name, **fields)
        return await self.ok("cloudProvision", id=cloud["id"], query={"invoke": "sync"})

    async def launched(self, name: str = "ranch", **fields: Any) -> tuple[dict[str, Any], str, str]:
        """Make a dedicated cloud; return it with its connect token and its external id."""
        cloud = await self.make(name, type="dedicated", region="us-east-1", **fields)
        words = cloud["launch"]["command"].split()
        return cloud, words[2], words[4]

    async def connected(self, name: str = "ranch") -> tuple[dict[str, Any], str, str]:
        """Make a dedicated cloud and connect it."""
        cloud, token, external = await self.launched(name)
        await self.ok("cloudConnect", token, **connection(cloud, external))
        return cloud, token, external

    async def work(self) -> list[Done | Failed]:
        """Perform every job of clouds that is due, until none is."""
        results: list[Done | Failed] = []
        now_ms = self.tenant.clock.millis()
        database = self.tenant.database
        while True:
            jobs = await database.write(
                lambda unit: [
                    job
                    for kind in self.performers
                    for job in unit.jobs.claim(kind, 1, now_ms=now_ms, leased_until_ms=now_ms + 1)
                ]
            )
            if not jobs:
                return results
            for job in jobs:
                result = await self.performers[job.kind].perform(job)
                results.append(result)
                await database.write(lambda unit, done=job: unit.jobs.bury(done, None, now_ms=now_ms))

    async def stored(self, cloud: dict[str, Any]) -> Cloud | None:
        """Return the record of a cloud."""
        account_id, cloud_id = id_of(cloud["accountId"]), id_of(cloud["id"])
        return await self.tenant.database.read(lambda unit: unit.clouds.get(account_id, cloud_id))

    async def claimed(self, cloud: dict[str, Any], device_id: str = "ABCDE12345") -> str:
        """Register and claim a device; return its own token."""
        product = await self.product()
        await self.ok("deviceRegister", product, id=device_id)
        await self.ok("deviceClaim", id=device_id, cloudId=cloud["id"])
        return (await self.ok("deviceRegister", product, id=device_id))["token"]

    async def product(self) -> str:
        """Return the token of a product."""
        if "product" not in self.texts:
            made = await self.ok("tokenCreate", type="ProductID", description="lamps", product="LAMP")
            self.texts["product"] = made["token"]
        return self.texts["product"]

    @property
    def account_id(self) -> str:
        """The account's id as the wire has it."""
        return ulid_of(self.tenant.account.id)

    async def trail(self, operation: str) -> list[Any]:
        """Return what the trail of the account says of an operation."""
        wanted = AuditFilter(operation=operation)
        page = await self.tenant.database.read(
            lambda unit: unit.audit.page(self.tenant.account.id, PageRequest(limit=100), wanted)
        )
        return list(page.items)


def connection(cloud: dict[str, Any], external: str, /, **more: Any) -> dict[str, Any]:
    """Return what a stack says when it calls back."""
    return {
        "cloud": cloud["id"],
        "external": external,
        "roleArn": ROLE,
        "awsAccount": "123456789012",
        "api": "https://api.example",
        "stack": STACK,
        "version": "1",
        "connected": True,
        **more,
    }


async def build_cloud_world(tenant: Tenant, *, root_key: Callable[[], bytes | None] | None = None) -> CloudWorld:
    """Return the world; whoever asked closes its client."""
    files = create_authority(tenant.clock)
    authority = Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=tenant.clock
    )
    authorities = CloudAuthorities(
        tenant.sealer,
        tenant.clock,
        root_pem=authority.root_pem,
        root_key=root_key or (lambda: files.root_key),
    )
    certificates = Certificates(authority, tenant.sealer, clock=tenant.clock, ids=tenant.ids, authorities=authorities)
    things = Things(tenant.clock, tenant.ids, certificates)
    stacks, self_test, told, counted = Stacks(), SelfTest(), Told(), Counted()
    objects, index, pauses = MemoryObjects(), MemoryIndex(), Pauses(tenant)
    local = LocalEngine(
        tenant.database,
        clock=tenant.clock,
        tenancies=Tenancies(
            tenant.clock,
            tenant.ids,
            authorities=authorities,
            thing_types=ThingTypes(tenant.clock, tenant.ids),
            hostname="cloud.example",
        ),
        things=things,
        certificates=certificates,
        closing=Closing(
            tenant.database,
            objects,
            clock=tenant.clock,
            index=index,
            barrier=Still(),
            things=things,
            authorities=authorities,
        ),
        sessions=TemporaryCredentials(tenant.sealer, tenant.clock),
        identities=Identities(tenant.sealer, region=REGION),
        fan_out=told,
        activity=counted,
        self_test=self_test,
        places=lambda: LocalPlaces(url=URL, mqtt_host="mqtt.cloud.example", mqtt_port=8883),
        region=REGION,
        administer=ADMINISTER,
    )
    rooms = cloud_rooms(
        engines=(local, stacks),
        database=tenant.database,
        clock=tenant.clock,
        ids=tenant.ids,
        sealer=tenant.sealer,
        bus=tenant.bus,
        region=REGION,
        hostname="cloud.example",
        where=WhereWeAre(),
        pause=pauses,
    )
    tokens = Tokens(signing_key(), tenant.clock, region=REGION)
    callers = Callers(tenant.database, tokens, tenant.clock)
    callers.listen(tenant.bus)
    backend = Backend(
        clock=tenant.clock,
        database=tenant.database,
        callers=callers,
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
        own_names=frozenset({"console.example"}),
        log=structlog.get_logger(),
    )
    app = WebApp(
        (device_clouds_face(backend),),
        ids=tenant.ids,
        log=structlog.get_logger(),
        metrics=WebMetrics.registered(CollectorRegistry()),
    )
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app, client=("192.0.2.7", 1)), base_url=URL)
    other = await tenant.open_another_account("other")
    performers = {duty.performer.kind: duty.performer for duty in rooms.duties()}
    world = CloudWorld(
        tenant,
        rooms,
        client,
        other,
        stacks,
        self_test,
        told,
        objects,
        index,
        counted,
        pauses,
        certificates,
        tokens,
        performers,
    )
    world.people["admin"] = tenant.administrator
    world.people["writer"] = await tenant.add_person("writer", Grant(DomainId("root"), "ReadWrite"))
    world.people["reader"] = await tenant.add_person("reader", Grant(DomainId("root"), "Read"))
    stranger = Person(tenant.ids.new(), other.id, "stranger", "", "stranger@cloud.example", created_at_ms=0)

    def write(unit):
        unit.people.add(stranger)
        unit.people.put_membership(Membership(other.id, stranger.id, (Grant(DomainId("root"), "Administrator"),)))

    await tenant.database.write(write)
    world.people["stranger"] = stranger
    return world
