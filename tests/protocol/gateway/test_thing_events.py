"""The Thing Event service: who hears what of which thing, who may publish, and what floods end in."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from cloudstead.core.accounts.enrolling import put_status
from cloudstead.core.accounts.events import AccountChanged
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.accounts.profile import FeaturePolicy
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.temporary import TemporaryCredentials
from cloudstead.core.ids import DomainId
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.model import Membership
from cloudstead.core.policygroups.events import PolicyGroupChanged
from cloudstead.core.roles.events import RoleChanged
from cloudstead.core.roles.model import GroupRole
from cloudstead.gateway.socketio import MAX_UNDECIDED, Limits, SocketIO
from cloudstead.gateway.thing_events import MAX_SUBSCRIPTIONS, ThingEvents
from cloudstead.protocols.socketio import decode_payload, encode_payload

if TYPE_CHECKING:
    from cloudstead.core.people.model import Person
    from protocol.gateway.harness import Site

ORIGIN = {"origin": "https://app.example"}


@dataclass
class Service:
    """The service over a site, and clients that poll."""

    site: Site
    sessions: TemporaryCredentials
    socketio: SocketIO
    http: httpx2.AsyncClient
    now: list[float]

    async def client(self) -> Client:
        answer = await self.http.get("/socket.io/", params={"EIO": 3, "transport": "polling"})
        greeting, connected = decode_payload(answer.text)
        assert connected == "40"
        return Client(self, json.loads(greeting[1:])["sid"])

    async def person(self, role: str, domain_id: str = "root") -> tuple[Person, dict[str, Any]]:
        """Add somebody; return with whom what a message of theirs carries."""
        person = await self.site.tenant.add_person(f"{role}-{domain_id}", Grant(domain_id, role))
        return person, self.signed(person.id)

    def signed(self, person_id: str | None) -> dict[str, Any]:
        account = self.site.tenant.account
        session = self.sessions.issue(account.id, person_id, identity_id="eu-west-1:x")
        return {
            "accountNumber": account.number,
            "stackName": account.stack,
            "credentials": {
                "accessKeyId": session.access_key_id,
                "secretAccessKey": session.secret_access_key,
                "sessionToken": session.session_token,
            },
        }

    async def say(self, name: str, state: dict[str, Any]) -> None:
        """Change the shadow of a thing as an administrator."""
        payload = json.dumps({"state": {"reported": state}}).encode()
        await self.site.shadow_door.update(self.site.tenant.caller, name, payload)


@dataclass
class Client:
    """Speaks polling, one request at a time."""

    service: Service
    sid: str
    waiting: list[str] = field(default_factory=list)
    ids: Any = field(default_factory=count)

    @property
    def query(self) -> dict[str, Any]:
        return {"EIO": 3, "transport": "polling", "sid": self.sid}

    async def post(self, *packets: str) -> httpx2.Response:
        return await self.service.http.post("/socket.io/", params=self.query, content=encode_payload(packets))

    async def poll(self) -> list[str]:
        answer = await self.service.http.get("/socket.io/", params=self.query)
        assert answer.status_code == 200, answer.text
        return decode_payload(answer.text)

    async def packet(self, begins: str) -> str:
        """Return the next packet that begins so; those before it are passed over."""
        async with asyncio.timeout(5):
            while True:
                while self.waiting:
                    packet = self.waiting.pop(0)
                    if packet.startswith(begins):
                        return packet
                self.waiting += await self.poll()

    async def ask(self, name: str, message: object) -> dict[str, Any]:
        """Emit an event and return what it is acknowledged with."""
        ack = next(self.ids)
        await self.post(f"42{ack}" + json.dumps([name, message]))
        packet = await self.packet(f"43{ack}[")
        (answer,) = json.loads(packet[len(f"43{ack}") :])
        return answer

    async def event(self) -> dict[str, Any]:
        name, heard = json.loads((await self.packet("42"))[2:])
        assert name == "event"
        return heard


@pytest.fixture
async def service(site):
    async with opened(site) as ready:
        yield ready


@asynccontextmanager
async def opened(site, limits=None):
    sessions = TemporaryCredentials(site.tenant.sealer, site.tenant.clock)
    now = [0.0]
    tasks = set()

    def spawn(work):
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    def report(what, error):
        site.failures.append((what, error))

    events = ThingEvents(
        sessions=sessions,
        callers=site.callers,
        directory=site.directory,
        database=site.tenant.database,
        spine=site.spine,
        watch=site.watch,
        clock=site.tenant.clock,
        spawn=spawn,
        report=report,
    )
    events.listen(site.tenant.bus)
    socketio = SocketIO(
        events,
        new_id=site.tenant.ids.new,
        spawn=spawn,
        report=report,
        limits=limits,
        monotonic=lambda: now[0],
    )
    transport = httpx2.ASGITransport(socketio)
    async with httpx2.AsyncClient(transport=transport, base_url="https://events.example") as http:
        yield Service(site, sessions, socketio, http, now)
    socketio.stop()


async def test_a_subscriber_hears_what_is_said_about_the_thing_and_of_no_other(service):
    for name in ("lamp", "other"):
        await service.site.add_thing(name)
    _, signed = await service.person("Read")
    client = await service.client()
    assert await client.ask("subscribe", {**signed, "thingName": "lamp"}) == {}
    await service.say("other", {"on": False})
    await service.say("lamp", {"on": True})
    heard = await client.event()
    assert heard["topic"] == "$aws/things/lamp/shadow/update/documents"
    assert heard["payload"]["current"]["state"] == {"reported": {"on": True}}
    assert (await client.event())["topic"] == "$aws/things/lamp/shadow/update/accepted"


async def test_what_is_published_changes_the_shadow_and_is_heard_as_it_was_said(service):
    await service.site.add_thing("lamp")
    _, signed = await service.person("ReadWrite")
    client = await service.client()
    await client.ask("subscribe", {**signed, "thingName": "lamp"})
    topic = "$aws/things/lamp/shadow/update"
    payload = '{"state": {"desired": {"light": "on"}}}'
    assert await client.ask("publish", {**signed, "topic": topic, "payload": payload}) == {}
    shadow = json.loads((await service.site.shadow_door.get(service.site.tenant.caller, "lamp")).document)
    assert shadow["state"]["desired"] == {"light": "on"}


async def test_what_is_no_json_is_heard_as_text_and_rejected(service):
    await service.site.add_thing("lamp")
    _, signed = await service.person("ReadWrite")
    client = await service.client()
    await client.ask("subscribe", {**signed, "thingName": "lamp"})
    topic = "$aws/things/lamp/shadow/update"
    await client.post("42" + json.dumps(["publish", {**signed, "topic": topic, "payload": "no JSON"}]))
    assert await client.event() == {"topic": topic, "payload": "no JSON"}
    rejected = await client.event()
    assert (rejected["topic"], rejected["payload"]["code"]) == (f"{topic}/rejected", 400)


@pytest.mark.parametrize(
    "changes",
    [
        {"accountNumber": "000000000000"},
        {"stackName": "other"},
        {"credentials": None},
        {"credentials": {}},
        {"thingName": None},
        {"thingName": {}},
        {"thingName": "nowhere"},
    ],
)
async def test_a_message_that_does_not_fit_is_dropped_and_told_to_who_asks(service, changes):
    await service.site.add_thing("lamp")
    _, signed = await service.person("Read")
    client = await service.client()
    answer = await client.ask("subscribe", {**signed, "thingName": "lamp", **changes})
    assert list(answer) == ["error"]


@pytest.mark.parametrize("message", [None, 5, [], "text"])
async def test_a_message_that_is_no_object_is_dropped(service, message):
    client = await service.client()
    for name in ("subscribe", "publish", "dance"):
        assert list(await client.ask(name, message)) == ["error"]


async def test_a_wrong_secret_an_expired_session_and_a_guest_hear_nothing(service):
    await service.site.add_thing("lamp")
    person, signed = await service.person("Read")
    client = await service.client()
    forged = {**signed, "credentials": {**signed["credentials"], "secretAccessKey": "x" * 40}}
    guest = service.signed(None)
    for message in (forged, guest):
        assert list(await client.ask("subscribe", {**message, "thingName": "lamp"})) == ["error"]
    service.site.tenant.clock.advance(timedelta(hours=2))
    assert list(await client.ask("subscribe", {**signed, "thingName": "lamp"})) == ["error"]
    assert await client.ask("subscribe", {**service.signed(person.id), "thingName": "lamp"}) == {}


async def test_nobody_hears_of_a_thing_outside_of_the_own_domain_or_of_another_account(service):
    await service.site.tenant.add_domain("north")
    await service.site.add_thing("lamp")
    _, signed = await service.person("Read", "north")
    client = await service.client()
    assert list(await client.ask("subscribe", {**signed, "thingName": "lamp"})) == ["error"]
    other = await service.site.tenant.open_another_account()
    stranger = {**service.signed("f" * 32), "accountNumber": other.number}
    assert list(await client.ask("subscribe", {**stranger, "thingName": "lamp"})) == ["error"]


async def test_who_may_only_read_cannot_publish_and_nobody_publishes_to_answers(service):
    await service.site.add_thing("lamp")
    _, reader = await service.person("Read")
    _, writer = await service.person("ReadWrite")
    client = await service.client()
    update = {"topic": "$aws/things/lamp/shadow/update", "payload": "{}"}
    assert list(await client.ask("publish", {**reader, **update})) == ["error"]
    for topic in ("$aws/things/lamp/shadow/update/accepted", "thing-update/lamp", "lamp", "", "$aws/things//shadow"):
        assert list(await client.ask("publish", {**writer, "topic": topic, "payload": "{}"})) == ["error"], topic


async def test_a_thing_that_moves_away_is_not_heard_of_any_more(service):
    site = service.site
    for domain_id in ("north", "south"):
        await site.tenant.add_domain(domain_id)
    await site.add_thing("lamp", domain_id="north")
    _, signed = await service.person("Read", "north")
    client = await service.client()
    assert await client.ask("subscribe", {**signed, "thingName": "lamp"}) == {}
    caller = site.tenant.caller
    await site.tenant.database.write(
        lambda unit: site.things.update(unit, caller, name="lamp", domain_id="south", label="lamp")
    )
    await site.until(lambda: not site.watch._listeners)
    await service.say("lamp", {"on": True})
    assert await client.ask("dance", None) == {"error": "The event 'dance' is not known."}
    assert not any(packet.startswith('42["event"') for packet in client.waiting)


async def test_a_person_who_is_disabled_or_loses_the_role_hears_nothing_any_more(service):
    site = service.site
    await site.add_thing("lamp")
    person, signed = await service.person("Read")
    client = await service.client()
    assert await client.ask("subscribe", {**signed, "thingName": "lamp"}) == {}

    def write(unit):
        unit.people.put_membership(Membership(site.tenant.account.id, person.id, ()))
        unit.emit(PersonChanged(site.tenant.account.id, person.id))

    await site.tenant.database.write(write)
    await site.until(lambda: not site.watch._listeners)


@pytest.mark.parametrize("change", ["own policy", "policy above", "status", "elsewhere"])
async def test_a_subscription_ends_with_what_the_account_allows(service, change):
    site = service.site
    tenant = site.tenant
    top = await tenant.open_another_account("top")
    await tenant.database.write(lambda unit: unit.accounts.replace(replace(tenant.account, parent_id=top.id)))
    await site.add_thing("lamp")
    person, signed = await service.person("Read")
    client = await service.client()
    assert await client.ask("subscribe", {**signed, "thingName": "lamp"}) == {}

    def write(unit):
        if change == "status":
            put_status(unit, unit.accounts.get(tenant.account.id), AccountStatus.SUSPENDED)
        elif change == "elsewhere":  # a guest, who is locked out at home
            unit.people.replace(replace(person, is_enabled=False))
            unit.emit(PersonChanged(top.id, person.id))
        else:
            account_id = tenant.account.id if change == "own policy" else top.id
            off = tuple(FeaturePolicy(feature=each, allow=False) for each in ("event", "thing-topic", "shadow"))
            unit.accounts.put_profile(replace(unit.accounts.profile(account_id), policies=off))
            unit.emit(AccountChanged(account_id))

    await tenant.database.write(write)
    await site.until(lambda: not site.watch._listeners)


async def test_a_subscription_ends_when_a_role_of_a_group_holds_less_than_before(service):
    site = service.site
    account_id = site.tenant.account.id
    role = GroupRole(
        id="r" * 32,
        account_id=account_id,
        domain_id=DomainId("root"),
        name="Listener",
        description="",
        words=("device:view",),
        created_at_ms=0,
        created_by=None,
        updated_at_ms=0,
    )
    await site.tenant.database.write(lambda unit: unit.roles.add(role))
    await site.add_thing("lamp")
    _, signed = await service.person(role.id)
    client = await service.client()
    assert await client.ask("subscribe", {**signed, "thingName": "lamp"}) == {}

    def narrow(unit):
        unit.roles.replace(replace(role, words=("group:view",)))
        unit.emit(RoleChanged(account_id))

    await site.tenant.database.write(narrow)
    await site.until(lambda: not site.watch._listeners)


async def test_a_subscription_stays_when_what_changed_takes_nothing_away(service):
    site = service.site
    await site.add_thing("lamp")
    _, signed = await service.person("Read")
    client = await service.client()
    assert await client.ask("subscribe", {**signed, "thingName": "lamp"}) == {}
    account_id = site.tenant.account.id
    for event in (AccountChanged(account_id), PolicyGroupChanged(account_id), AccountChanged("another")):
        await site.tenant.database.write(lambda unit, event=event: unit.emit(event))
    await service.say("lamp", {"on": True})
    assert (await client.event())["payload"]["current"]["state"] == {"reported": {"on": True}}


async def test_a_removed_thing_is_forgotten(service):
    site = service.site
    await site.add_thing("lamp")
    _, signed = await service.person("Read")
    client = await service.client()
    assert await client.ask("subscribe", {**signed, "thingName": "lamp"}) == {}
    await site.tenant.database.write(lambda unit: site.things.remove(unit, site.tenant.caller, name="lamp"))
    await site.until(lambda: not site.watch._listeners)


async def test_a_client_hears_of_so_many_things_and_no_more(service):
    site = service.site
    for number in range(MAX_SUBSCRIPTIONS + 1):
        await site.tenant.add_thing(f"lamp-{number}")
    _, signed = await service.person("Read")
    client = await service.client()
    answers = [
        await client.ask("subscribe", {**signed, "thingName": f"lamp-{each}"}) for each in range(MAX_SUBSCRIPTIONS)
    ]
    assert answers == [{}] * MAX_SUBSCRIPTIONS
    assert await client.ask("subscribe", {**signed, "thingName": "lamp-0"}) == {}
    assert "50 things" in (await client.ask("subscribe", {**signed, "thingName": f"lamp-{MAX_SUBSCRIPTIONS}"}))["error"]


async def test_a_client_that_floods_loses_its_session_and_its_subscriptions(service):
    site = service.site
    await site.add_thing("lamp")
    _, signed = await service.person("Read")
    client = await service.client()
    await client.ask("subscribe", {**signed, "thingName": "lamp"})
    refused = await client.post(*['42["subscribe",{}]'] * (MAX_UNDECIDED + 1))
    gone = await service.http.get("/socket.io/", params=client.query)
    assert (refused.status_code, gone.json()["code"]) == (400, 1)
    assert not site.watch._listeners


async def test_a_silent_client_is_forgotten(service):
    client = await service.client()
    service.now[0] = 86.0
    service.socketio.tick()
    assert service.socketio.session_count == 0
    assert (await service.http.get("/socket.io/", params=client.query)).json() == {
        "code": 1,
        "message": "Session ID unknown",
    }


async def test_there_is_room_for_so_many_clients(site):
    async with opened(site, Limits(sessions=3, sessions_per_address=2)) as service:
        for _ in range(2):
            await service.client()
        answer = await service.http.get("/socket.io/", params={"EIO": 3, "transport": "polling"})
        assert (answer.status_code, answer.json()["code"]) == (503, 4)


@pytest.mark.parametrize(
    ("method", "path", "query", "status", "code"),
    [
        ("GET", "/", {}, 404, 3),
        ("GET", "/socket.io/", {"EIO": 4, "transport": "polling"}, 400, 5),
        ("GET", "/socket.io/", {"transport": "polling"}, 400, 5),
        ("GET", "/socket.io/", {"EIO": 3}, 400, 0),
        ("GET", "/socket.io/", {"EIO": 3, "transport": "flashsocket"}, 400, 0),
        ("GET", "/socket.io/", {"EIO": 3, "transport": "polling", "j": 0}, 400, 0),
        ("POST", "/socket.io/", {"EIO": 3, "transport": "polling"}, 400, 2),
        ("GET", "/socket.io/", {"EIO": 3, "transport": "polling", "sid": "nobody"}, 400, 1),
    ],
)
async def test_what_is_asked_wrongly_is_refused_in_the_words_of_the_protocol(
    service, method, path, query, status, code
):
    answer = await service.http.request(method, path, params=query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("body", [b"", b"x", b"\xff", b"5:42", b"1:9", b"x" * (257 * 1024)])
async def test_a_malformed_body_ends_the_session(service, body):
    client = await service.client()
    answer = await service.http.post("/socket.io/", params=client.query, content=body)
    assert answer.status_code in (400, 413)
    if answer.status_code == 400:
        assert service.socketio.session_count == 0


async def test_two_polls_at_once_end_the_session(service):
    client = await service.client()
    first = asyncio.create_task(service.http.get("/socket.io/", params=client.query))
    await service.site.until(lambda: next(iter(service.socketio._peers.values())).is_polled)
    second = await service.http.get("/socket.io/", params=client.query)
    assert second.status_code == 400
    assert decode_payload((await first).text) == ["1"]


async def test_pages_of_any_origin_may_ask(service):
    answer = await service.http.options("/socket.io/", headers=ORIGIN)
    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]
    greeted = await service.http.get("/socket.io/", params={"EIO": 3, "transport": "polling"}, headers=ORIGIN)
    assert greeted.headers["access-control-allow-credentials"] == "true"
