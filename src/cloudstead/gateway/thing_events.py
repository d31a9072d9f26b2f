"""The Thing Event service (Cloud Connect 2.11, section 8): live shadows of single things for people.

It has no sign-in of its own: every message carries temporary credentials, and what they do not allow is dropped. A
client that asks for an acknowledgement, as none of the document's does, is told what became of its message.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from cloudstead.core.access.permissions import Permission
from cloudstead.core.accounts.events import AccountChanged, AccountStatusChanged
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.domains.events import DomainMoved
from cloudstead.core.errors import CloudsteadError, OutOfReach
from cloudstead.core.ids import ThingName
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.policygroups.events import PolicyGroupChanged
from cloudstead.core.roles.events import RoleChanged
from cloudstead.core.spine.errors import TopicForbidden
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.core.things.errors import ThingNotFound
from cloudstead.core.things.events import ThingChanged, ThingRemoved

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from cloudstead.core.access.callers import Callers
    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.temporary import TemporaryCredentials
    from cloudstead.core.events import EventBus
    from cloudstead.core.ids import AccountId
    from cloudstead.core.spine.spine import Spine
    from cloudstead.core.things.directory import ThingDirectory, ThingEntry
    from cloudstead.core.unit import Database
    from cloudstead.gateway.watch import WatchedFanOut

MAX_SUBSCRIPTIONS: Final = 50
"""Things that one client may hear of, as many as an MQTT connection of the time could (AWS IoT limits, 2017)."""

_T = TypeVar("_T", bound=msgspec.Struct)

_SUBSCRIBE: Final = Permission("thing-topic:subscribe")
_PUBLISH: Final = Permission("thing-topic:publish")
_QOS: Final = 1


class MessageMalformed(CloudsteadError):
    """A message that is not what the service takes; ``reason`` names the field."""

    code = "message_malformed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The message cannot be read: {reason}.")
        self.reason = reason


class TooManySubscriptions(CloudsteadError):
    """A client hears of as many things as one may."""

    code = "too_many_subscriptions"

    def __init__(self) -> None:
        super().__init__(f"A connection may subscribe to {MAX_SUBSCRIPTIONS} things.")


class _Credentials(msgspec.Struct, rename="camel"):
    access_key_id: str
    secret_access_key: str
    session_token: str


class _Signed(msgspec.Struct, rename="camel"):
    account_number: str | int
    stack_name: str
    credentials: _Credentials


class _Subscribe(_Signed, rename="camel"):
    thing_name: str | int


class _Publish(_Signed, rename="camel"):
    topic: str
    payload: Any


@dataclass(slots=True)
class _Subscription:
    caller: Caller
    parent_id: AccountId | None  # of the caller's account
    listener: Callable[[str, bytes], None]


@dataclass(slots=True, eq=False)
class Client:
    """One connection; ``emit`` sends it an event and never blocks."""

    emit: Callable[[str, object], None]
    subscriptions: dict[tuple[AccountId, ThingName], _Subscription] = field(default_factory=dict)


class ThingEvents:
    """What clients may subscribe to and publish. Lives on the event loop."""

    def __init__(
        self,
        *,
        sessions: TemporaryCredentials,
        callers: Callers,
        directory: ThingDirectory,
        database: Database,
        spine: Spine,
        watch: WatchedFanOut,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        report: Callable[[str, Exception], None],
    ) -> None:
        """``spawn`` starts tasks that the application watches; ``report`` is told of what fails in them."""
        self._sessions = sessions
        self._callers = callers
        self._directory = directory
        self._database = database
        self._spine = spine
        self._watch = watch
        self._clock = clock
        self._spawn = spawn
        self._report = report
        self._clients: set[Client] = set()

    def listen(self, bus: EventBus) -> None:
        """Follow what may end somebody's right to hear of a thing."""
        bus.subscribe(ThingRemoved, lambda event: self._doubt(event.thing.account_id, event.thing.name))
        bus.subscribe(ThingChanged, lambda event: self._doubt(event.thing.account_id, event.thing.name))
        bus.subscribe(DomainMoved, lambda event: self._doubt(event.account_id))
        bus.subscribe(PersonChanged, self._person_changed)
        bus.subscribe(PolicyGroupChanged, lambda event: self._doubt(event.account_id))
        bus.subscribe(RoleChanged, lambda event: self._doubt(event.account_id))
        bus.subscribe(AccountStatusChanged, lambda event: self._doubt(event.account_id))
        bus.subscribe(AccountChanged, self._account_changed)

    async def subscribe(self, client: Client, message: object, *, source_address: str | None) -> None:
        """Let the client hear of the thing that the message names; raise ``CloudsteadError`` when it may not."""
        asked = _read(message, _Subscribe)
        caller, parent_id = await self._caller(asked, source_address)
        entry = await self._reachable(caller, ThingName(str(asked.thing_name)), _SUBSCRIBE)
        key = (entry.account_id, entry.name)
        if key in client.subscriptions:
            client.subscriptions[key].caller = caller
            return
        if len(client.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise TooManySubscriptions

        def hear(topic: str, payload: bytes) -> None:
            client.emit("event", {"topic": topic, "payload": _as_json(payload)})

        client.subscriptions[key] = _Subscription(caller, parent_id, hear)
        self._clients.add(client)
        self._watch.listen(entry.account_id, entry.name, hear)

    async def publish(self, message: object, *, source_address: str | None) -> None:
        """Publish for the client and return once the message is stored; raise ``CloudsteadError`` when it may not."""
        asked = _read(message, _Publish)
        caller, _ = await self._caller(asked, source_address)
        name = asked.topic.removeprefix("$aws/things/").partition("/")[0]
        entry = await self._reachable(caller, ThingName(name), _PUBLISH)
        verb = entry.topics.requests.get(asked.topic)
        if verb is None:
            raise TopicForbidden(asked.topic)
        payload = asked.payload if isinstance(asked.payload, str) else msgspec.json.encode(asked.payload).decode()
        request = ShadowRequest(
            entry,
            verb,
            payload.encode("utf-8", "surrogatepass"),
            principal=caller.principal,
            origin=Origin.PERSON,
            qos=_QOS,
        )
        await self._spine.send(request)

    def left(self, client: Client) -> None:
        """Forget a client with everything that it heard of."""
        self._clients.discard(client)
        for key in list(client.subscriptions):
            self._drop(client, key)

    async def _caller(self, asked: _Signed, source_address: str | None) -> tuple[Caller, AccountId | None]:
        """Return whose credentials the message carries, and the parent of the account.

        They have to be of the account and the stack that it names.
        """
        given = asked.credentials
        now_s = self._clock.millis() // 1000
        session = self._sessions.open(given.access_key_id, given.session_token, now_s=now_s)
        secret = session.secret_access_key.encode()
        if not hmac.compare_digest(secret, given.secret_access_key.encode("utf-8", "surrogatepass")):
            raise CredentialRefused
        if session.person_id is None:
            raise CredentialRefused("Guests hear of nothing: log in first.")
        account = await self._database.read(lambda unit: unit.accounts.get(session.account_id))
        if account is None or (account.number, account.stack) != (str(asked.account_number), asked.stack_name):
            raise CredentialRefused("The credentials belong to another account or stack.")
        caller = await self._callers.of_session(
            session.account_id, session.person_id, credential_epoch=session.credential_epoch
        )
        return caller.seen_from(source_address), account.parent_id

    async def _reachable(self, caller: Caller, name: ThingName, permission: Permission) -> ThingEntry:
        caller.require(permission)
        entry = await self._directory.find(caller.account_id, name)
        if entry is None:
            raise ThingNotFound(name)
        if not any(grant.domain_id in entry.path and grant.allows(permission) for grant in caller.grants):
            raise OutOfReach("thing_name")
        return entry

    def _person_changed(self, event: PersonChanged) -> None:
        # Somebody may be a guest here, and be locked out at home.
        self._doubt_where(lambda key, held: event.account_id == key[0] or event.person_id == held.caller.person_id)

    def _account_changed(self, event: AccountChanged) -> None:
        # What a parent has not, its tenants have not either.
        self._doubt_where(lambda key, held: event.account_id in {key[0], held.parent_id})

    def _doubt(self, account_id: AccountId, name: ThingName | None = None) -> None:
        self._doubt_where(lambda key, _: key[0] == account_id and name in (None, key[1]))

    def _doubt_where(self, is_meant: Callable[[tuple[AccountId, ThingName], _Subscription], bool]) -> None:
        for client in self._clients:
            for key, subscription in client.subscriptions.items():
                if is_meant(key, subscription):
                    self._spawn(self._recheck(client, key))

    async def _recheck(self, client: Client, key: tuple[AccountId, ThingName]) -> None:
        """Drop a subscription whose owner may not have it any more."""
        subscription = client.subscriptions.get(key)
        if subscription is None:
            return
        caller = subscription.caller
        try:
            if caller.person_id is not None:
                caller = await self._callers.of_session(
                    caller.account_id, caller.person_id, credential_epoch=caller.credential_epoch
                )
            await self._reachable(caller, key[1], _SUBSCRIBE)
        except CloudsteadError:
            self._drop(client, key)
        except Exception as error:  # noqa: BLE001 - what cannot be checked is not kept
            self._report("recheck of a subscription", error)
            self._drop(client, key)

    def _drop(self, client: Client, key: tuple[AccountId, ThingName]) -> None:
        subscription = client.subscriptions.pop(key, None)
        if subscription is not None:
            self._watch.unlisten(*key, subscription.listener)


def _read(message: object, shape: type[_T]) -> _T:
    try:
        return msgspec.convert(message, shape)
    except msgspec.ValidationError as error:
        raise MessageMalformed(str(error)) from None


def _as_json(payload: bytes) -> object:
    """Return the payload as what it says; what is no JSON, as text: a device may send anything."""
    try:
        msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return payload.decode("utf-8", "replace")
    return msgspec.Raw(payload)
