"""Groups over a state store and a spine, called without a socket.

The world: in one account ``ada``, its administrator, and people who are members of a group ``farm`` with a group
``barn`` below it: ``owner``, ``second`` (administrators), ``installer`` and ``viewer``; ``outsider`` is in the account
and in no group. ``stranger`` has a group ``elsewhere`` in another account. Each has a key, and an access token for it.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
import structlog
from prometheus_client import CollectorRegistry

from cloudstead.app.groups import groups_backend
from cloudstead.core.access.callers import Callers
from cloudstead.core.access.permissions import GROUP_ADMINISTRATOR, INSTALLER, SUBSCRIBER, VIEWER
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.api_keys import new_secret
from cloudstead.core.credentials.model import ApiKey
from cloudstead.core.credentials.tokens import Tokens
from cloudstead.core.domains.registry import Domains
from cloudstead.core.ids import DomainId
from cloudstead.core.invitations.registry import Invitations
from cloudstead.core.people.model import Membership, Person
from cloudstead.core.policygroups.members import GroupMembers
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT
from cloudstead.core.policygroups.registry import PolicyGroups
from cloudstead.dialects.groups.table import groups_faces
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from factories import schema, spine
from factories.cloud_connect import signing_key
from factories.openapi import Operations, contract_of, operations_of, whole_of
from factories.people import PostBox

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.dialects.groups.ports import Backend
    from factories.tenants import Tenant

URL = "https://cloud.example"
NOBODY = "0" * 32
ROLES = {"subscriber": SUBSCRIBER, "administrator": GROUP_ADMINISTRATOR, "installer": INSTALLER, "viewer": VIEWER}


def contract() -> dict[str, Any]:
    return contract_of("groups")


def operations() -> Operations:
    """Return method, path and description of every operation, by its id."""
    return operations_of("groups")


def whole(described: Any) -> Any:
    """Return a part of the contract without references."""
    return whole_of("groups", described)


def require_answer(name: str, status: int, body: Any) -> None:
    """Hold an answer against what the contract says of the operation."""
    responses = operations()[name][2]["responses"]
    assert str(status) in responses, f"{name} answers {status}, of which the contract knows nothing: {body}"
    content = whole(responses[str(status)])["content"]["application/json"]
    schema.require(content["schema"], body, name)


class PromptWriter(spine.StepWriter):
    """A log writer that stores and tells as soon as the loop turns."""

    def submit(self, entry: Any, payload: bytes) -> None:
        super().submit(entry, payload)
        asyncio.get_running_loop().call_soon(self.commit)


class PromptLife(spine.Life):
    """A spine that waits for nobody."""

    async def start(self) -> None:
        def open_writer(of: Any) -> PromptWriter:
            self.writer = PromptWriter(self.world.log, of)
            return self.writer

        self.replayed = await self.spine.start(self.world.log, open_writer)


@dataclass
class Answer:
    """What came back."""

    status: int
    body: Any

    @property
    def told(self) -> str:
        """The message."""
        return self.body["message"]


@dataclass
class GroupWorld:
    """Groups and the people in them, by name."""

    tenant: Tenant
    backend: Backend
    client: httpx2.AsyncClient
    post: PostBox
    life: PromptLife
    callers: Callers
    other: Account
    people: dict[str, Person] = field(default_factory=dict)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)

    def id(self, name: str) -> str:
        """Return the id of a group."""
        return self.groups[name]["id"]

    async def call(
        self, name: str, by: str | None = "owner", /, *, body: Any = None, query: Any = None, **headers: str
    ) -> Answer:
        """Call an operation by its id in the contract, and hold the answer against it.

        ``by`` names somebody, or is what ``Authorization`` carries.
        """
        method, path, _ = operations()[name]
        if by is not None:
            headers["authorization"] = self.tokens.get(by, by)
        sent = body if isinstance(body, bytes) else None
        response = await self.client.request(
            method, f"/v1{path}", headers=headers, content=sent, json=None if sent is not None else body, params=query
        )
        answer = Answer(response.status_code, response.json())
        require_answer(name, answer.status, answer.body)
        return answer

    async def ok(self, name: str, by: str | None = "owner", /, **sent: Any) -> Any:
        """Call an operation that succeeds, and return the body."""
        answer = await self.call(name, by, **sent)
        assert answer.status == 200, answer.body
        return answer.body

    async def add_person(self, name: str, *grants: Grant, account: Account | None = None) -> Person:
        """Add somebody with these grants, and with a key of the own that holds none but an administrator's."""
        account = account or self.tenant.account
        person = Person(
            self.tenant.ids.new(),
            account.id,
            name,
            "",
            f"{name}@cloud.example",
            created_at_ms=self.tenant.clock.millis(),
        )

        def write(unit: Any) -> None:
            unit.people.add(person)
            unit.people.put_membership(Membership(account.id, person.id, grants))

        await self.tenant.database.write(write)
        await self.add_key(name, person, account, *(each for each in grants if each == ADMINISTRATOR_GRANT))
        return person

    async def add_key(self, name: str, person: Person, account: Account, *grants: Grant) -> None:
        """Make a key in somebody's name, and take an access token for it."""
        secret, secret_hash = new_secret()
        key = ApiKey(self.tenant.ids.new(), account.id, person.id, name, secret_hash, grants, 0)
        await self.tenant.database.write(lambda unit: unit.api_keys.add(key))
        self.people[name] = person
        self.keys[name] = (key.id, secret)
        self.tokens[name] = (await self.token(name))["access_token"]

    async def token(self, name: str) -> Any:
        """Take an access token for somebody's key."""
        basic = base64.b64encode(":".join(self.keys[name]).encode()).decode()
        return await self.ok("issueAccessToken", f"Basic {basic}", query={"grant_type": "client_credentials"})

    async def add_group(self, name: str, by: str = "owner", parent: str | None = None) -> str:
        """Make a group and return its id."""
        query = None if parent is None else {"parentId": self.id(parent)}
        self.groups[name] = await self.ok("createGroup", by, body={"name": name}, query=query)
        return self.id(name)

    async def let_in(self, name: str, group: str = "farm", role: str = "viewer", by: str = "owner") -> None:
        """Make somebody a member of a group."""
        sent = {"email": self.people[name].email, "groupId": self.id(group), "roleId": ROLES.get(role, role)}
        await self.ok("inviteToGroup", by, body=sent)

    async def register(self, *original_ids: str, group: str = "farm", by: str = "owner") -> list[str]:
        """Register devices on Sigfox, and return their ids in the order given."""
        sent = {"originalDevicesIds": list(original_ids), "groupId": self.id(group), "network": "sigfox"}
        await self.ok("createDevices", by, body=sent)
        found = await self.ok("listGroupDevices", by, query={"groupId": self.id(group), "limit": 1000})
        ids = {each["originalId"]: each["deviceId"] for each in found["items"]}
        return [ids[each] for each in original_ids]

    async def trail(self) -> list[tuple[str, str]]:
        """Return operation and object of everything in the audit trail, oldest first."""
        from cloudstead.core.paging import PageRequest

        page = await self.tenant.database.read(
            lambda unit: unit.audit.page(self.tenant.account.id, PageRequest(limit=1000))
        )
        return [(each.operation, each.object_id) for each in page.items]


async def build_group_world(tenant: Tenant) -> GroupWorld:
    """Return the world; whoever asked closes its client and ends its life."""
    callers = Callers(tenant.database, Tokens(signing_key(), tenant.clock, region="eu-west-1"), tenant.clock)
    callers.listen(tenant.bus)
    world = spine.World(tenant)
    life = PromptLife(world, {})
    await life.start()
    post = PostBox()
    policy_groups = PolicyGroups(tenant.clock, tenant.ids, GroupMembers(tenant.clock))
    backend = groups_backend(
        tenant.clock,
        tenant.ids,
        sealer=tenant.sealer,
        database=tenant.database,
        callers=callers,
        domains=Domains(tenant.clock, tenant.ids),
        invitations=Invitations(tenant.clock, tenant.ids, letters=post, groups=policy_groups, public_url=URL),
        directory=life.directory,
        spine=life.spine,
    )
    app = WebApp(
        groups_faces(backend),
        ids=tenant.ids,
        log=structlog.get_logger(),
        metrics=WebMetrics.registered(CollectorRegistry()),
    )
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app, client=("192.0.2.7", 1)), base_url=URL)
    made = GroupWorld(tenant, backend, client, post, life, callers, await tenant.open_another_account())
    await made.add_key("ada", tenant.administrator, tenant.account, Grant(DomainId("root"), "Administrator"))
    for name in ("owner", "second", "installer", "viewer", "outsider"):
        await made.add_person(name)
    await made.add_person("stranger", ADMINISTRATOR_GRANT, account=made.other)
    await made.add_group("farm")
    await made.add_group("barn", parent="farm")
    await made.add_group("elsewhere", "stranger")
    await made.let_in("second", role="administrator")
    await made.let_in("installer", role="installer")
    await made.let_in("viewer")
    return made
