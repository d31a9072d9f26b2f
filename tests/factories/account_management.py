"""Account management over a state store, called without a socket.

The world: an account at the top with a tenant, and a stranger's account at the top. Each has an administrator with a
key; the first two have a developer with a key as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any

import httpx2
import structlog
from prometheus_client import CollectorRegistry

from cloudstead.app.account_management import account_rooms
from cloudstead.app.user_rooms import user_rooms
from cloudstead.core.access.callers import Callers
from cloudstead.core.accounts.acting import acting_in
from cloudstead.core.accounts.opening import open_account
from cloudstead.core.audit.log import AuditLog
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.credentials.key_uses import KeyUses
from cloudstead.core.credentials.tokens import Tokens
from cloudstead.core.people.model import Membership, Person
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT, DEVELOPER_GRANT, GroupKind
from cloudstead.dialects.account_management.ports import Backend
from cloudstead.dialects.account_management.table import account_management_face
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from factories.branding import branding_rooms
from factories.cloud_connect import signing_key
from factories.people import people_rooms
from factories.schema import operations, require, require_answer

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from cloudstead.core.accounts.model import Account
    from factories.people import PeopleRooms
    from factories.tenants import Tenant

URL = "https://cloud.example"
NOBODY = "0" * 32


@dataclass
class Rooms:
    """What stands behind the dialect."""

    backend: Backend
    callers: Callers
    uses: KeyUses
    tokens: Tokens
    people: PeopleRooms


def rooms_of(tenant: Tenant, executor: ThreadPoolExecutor, **others: Any) -> Rooms:
    """Return every room behind the dialect; ``others`` replace fields of the backend."""
    tokens = Tokens(signing_key(), tenant.clock, region="eu-west-1")
    uses = KeyUses(tenant.clock)
    callers = Callers(tenant.database, tokens, tenant.clock, on_key_use=uses.note)
    callers.listen(tenant.bus)
    people = people_rooms(tenant, executor)
    rooms = account_rooms(
        tenant.clock, tenant.ids, mails=people.mails, key_uses=uses, reserved_hosts=["cloud.operator.example"]
    )
    users = user_rooms(
        tenant.clock,
        tenant.ids,
        sealer=tenant.sealer,
        links=people.links,
        mails=people.mails,
        letters=people.post,
        groups=rooms.policy_groups,
        public_url=URL,
    )
    branding = branding_rooms(tenant, executor)
    fields: dict[str, Any] = {
        "clock": tenant.clock,
        "database": tenant.database,
        "callers": callers,
        "hasher": people.hasher,
        "accounts": rooms.accounts,
        "tenants": rooms.tenants,
        "api_keys": rooms.api_keys,
        "policy_groups": rooms.policy_groups,
        "users": users.users,
        "invitations": users.invitations,
        "sessions": users.sessions,
        "colours": branding.colours,
        "brand_images": branding.images,
        "audit_log": AuditLog(),
        "public_url": URL,
    }
    # Rooms that a test does not name stand empty: whoever needs one gives it.
    empty = {each.name: None for each in dataclass_fields(Backend)}
    return Rooms(Backend(**{**empty, **fields, **others}), callers, uses, tokens, people)


@dataclass
class Answer:
    """What came back."""

    status: int
    body: Any

    @property
    def refused(self) -> tuple[int, str]:
        """Status and kind of a refusal."""
        assert self.body["object"] == "error"
        assert self.body["code"] == self.status
        return self.status, self.body["type"]

    @property
    def fields(self) -> dict[str, str]:
        """The attributes that a refusal blames."""
        return {each["name"]: each["message"] for each in self.body.get("fields", ())}


@dataclass
class AccountWorld:
    """The accounts, their people, and keys by name: ``admin``, ``developer``, ``tenant_admin``, ``stranger`` ..."""

    tenant: Tenant
    rooms: Rooms
    client: httpx2.AsyncClient
    top: Account
    below: Account
    other: Account
    people: dict[str, Person] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    key_ids: dict[str, str] = field(default_factory=dict)

    async def call(self, name: str, by: str | None = "admin", /, *, body: Any = None, query: Any = None, **path: str):
        """Call an operation by its id in the contract, and hold the answer against it.

        ``by`` names one of the keys, or is a credential itself.
        """
        method, template, _ = operations()[name]
        headers = {"content-type": "application/json"}
        if by is not None:
            headers["authorization"] = f"Bearer {self.keys.get(by, by)}"
        if "{account_id}" in template:
            path.setdefault("account_id", self.below.id)
        sent = (
            body if isinstance(body, bytes) else b"" if body is None else httpx2.Request("POST", URL, json=body).content
        )
        response = await self.client.request(
            method, template.format(**path), headers=headers, content=sent, params=query
        )
        answer = Answer(response.status_code, response.json() if response.content else None)
        responses = operations()[name][2]["responses"]
        is_ours = (answer.status, method) in {(400, "GET"), (409, "PUT"), (409, "POST")}
        if is_ours and str(answer.status) not in responses:
            # The document lists 400 on few lists and 409 on no account: a query that cannot be is refused on every
            # list, and so is an alias that somebody has.
            require({"$ref": "#/components/schemas/ErrorResponse"}, answer.body, name)
        else:
            require_answer(name, answer.status, answer.body)
        return answer

    async def group(self, kind: GroupKind, account: Account | None = None) -> str:
        """Return the id of a built-in group."""
        account = account or self.top
        return (await self.tenant.database.read(lambda unit: unit.policy_groups.of_kind(account.id, kind))).id

    async def add_person(self, name: str, account: Account, *grants: Grant) -> Person:
        """Add somebody with these grants, and a key in their name that holds the same."""
        tenant = self.tenant
        person = Person(tenant.ids.new(), account.id, name, "", f"{name}@cloud.example", created_at_ms=0)

        def write(unit):
            unit.people.add(person)
            unit.people.put_membership(Membership(account.id, person.id, grants))

        await tenant.database.write(write)
        self.people[name] = person
        await self.add_key(name, account, person)
        return person

    async def add_key(self, name: str, account: Account, person: Person) -> None:
        """Make a key in somebody's name, in the group of administrators where the person is."""
        keys = self.rooms.backend.api_keys

        def write(unit):
            grants = unit.people.membership(account.id, person.id).grants
            caller = Caller(account.id, f"person:{person.id}", person.user_name, person.id, grants)
            is_admin = ADMINISTRATOR_GRANT in grants
            groups = [unit.policy_groups.of_kind(account.id, GroupKind.ADMINISTRATORS).id] if is_admin else []
            return keys.create(unit, acting_in(unit, caller), name=f"key of {name}", group_ids=groups)

        shown = await self.tenant.database.write(write)
        self.keys[name], self.key_ids[name] = shown.text, shown.key.id

    async def token(self, name: str) -> str:
        """Return a login token of somebody's home account."""
        person = self.people[name]
        account = await self.tenant.database.read(lambda unit: unit.accounts.get(person.home_account_id))
        return self.rooms.tokens.issue_id_token(account, person)


async def build_account_world(tenant: Tenant, executor: ThreadPoolExecutor, **others: Any) -> AccountWorld:
    """Return the world; whoever asked closes its client."""
    rooms = rooms_of(tenant, executor, **others)
    app = WebApp(
        (account_management_face(rooms.backend),),
        ids=tenant.ids,
        log=structlog.get_logger(),
        metrics=WebMetrics.registered(CollectorRegistry()),
    )
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app, client=("192.0.2.7", 1)), base_url=URL)

    def open_all(unit):
        def opened(name, parent_id=None):
            hosts = [f"{name}.cloud.example"]
            return open_account(
                unit, tenant.ids, tenant.clock, name=name, stack="prod", hosts=hosts, parent_id=parent_id
            )

        return opened("below", tenant.account.id), opened("other")

    below, other = await tenant.database.write(open_all)
    world = AccountWorld(tenant, rooms, client, tenant.account, below, other)
    world.people["admin"] = tenant.administrator
    await world.add_key("admin", tenant.account, tenant.administrator)
    await world.add_person("developer", tenant.account, DEVELOPER_GRANT)
    await world.add_person("tenant_admin", below, ADMINISTRATOR_GRANT)
    await world.add_person("tenant_developer", below, DEVELOPER_GRANT)
    await world.add_person("stranger", other, ADMINISTRATOR_GRANT)
    await world.add_key("inactive", tenant.account, tenant.administrator)
    await world.add_key("deleted", tenant.account, tenant.administrator)

    def withdraw(unit):
        unit.api_keys.replace(replace(unit.api_keys.get(world.key_ids["inactive"]), is_active=False))
        unit.api_keys.remove(tenant.account.id, world.key_ids["deleted"])

    await tenant.database.write(withdraw)
    return world
