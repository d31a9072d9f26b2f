"""People: known by a token, a key or a signed URL; live topics below the domains where they hold grants."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.errors import CloudsteadError, NotPermitted
from cloudstead.core.ids import ApiKeyId
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.errors import TopicForbidden
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.core.spine.topics import person_may_subscribe, things_only
from cloudstead.protocols.mqtt import PublishReceived, SubscribeRequested, reasons

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine
    from typing import Any

    from cloudstead.core.access.callers import Callers
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.caller import Caller
    from cloudstead.core.ids import AccountId, DomainId
    from cloudstead.core.spine.doors import TopicDoor
    from cloudstead.core.spine.intake import Intake
    from cloudstead.core.things.directory import ThingEntry
    from cloudstead.core.unit import Database
    from cloudstead.gateway.counters import GatewayCounters
    from cloudstead.gateway.link import Link
    from cloudstead.gateway.pump import Pump
    from cloudstead.protocols.mqtt import Connection, Subscription, Will, WillDue

_MAX_UNDECIDED: Final = 64


class PeopleDoor:
    """Recognises people, and tells what they may hear and change at this moment."""

    def __init__(self, callers: Callers, topics: TopicDoor, database: Database) -> None:
        self._callers = callers
        self._topics = topics
        self._database = database
        self.paths = topics.paths
        self.target = topics.target

    async def of_password(self, password: bytes | None) -> Caller:
        """Return whom the password of a CONNECT stands for: an ID token or an API key, whatever the user name says.

        Raise ``CredentialRefused`` or ``CredentialExpired``.
        """
        try:
            text = (password or b"").decode("ascii")
        except UnicodeDecodeError:
            raise CredentialRefused from None
        if text.count(".") == 2:  # RFC 7515, section 3.1: a signed token has two dots; an API key has none
            return await self._callers.of_id_token(text)
        return await self._callers.of_api_key(text)

    async def still(self, caller: Caller) -> Caller:
        """Return the caller with the grants held now; raise ``CredentialRefused`` when none is allowed in any more."""
        kind, _, key_id = caller.principal.partition(":")
        if kind == "key":
            fresh = await self._callers.of_key(ApiKeyId(key_id))
        elif caller.person_id is None:
            return caller
        else:
            fresh = await self._callers.of_person(caller.account_id, caller.person_id)
        if fresh.credential_epoch != caller.credential_epoch:
            raise CredentialRefused("The password, or the secret of the key, was changed since.")
        return fresh.seen_from(caller.source_address)

    async def account(self, account_id: AccountId) -> Account:
        """Return the account of somebody who comes in; raise ``CredentialRefused`` when it is closed."""
        account = await self._database.read(lambda unit: unit.accounts.get(account_id))
        if account is None or not account.is_usable:
            raise CredentialRefused("The account is not open.")
        return account


class PersonRole:
    """What a person may do. Decisions read the domain tree, so they are made in a task, in the order they came."""

    __slots__ = (
        "_counters",
        "_door",
        "_doubts",
        "_intake",
        "_is_rechecking",
        "_is_working",
        "_link",
        "_paths",
        "_pump",
        "_report",
        "_spawn",
        "_undecided",
        "caller",
    )

    def __init__(
        self,
        caller: Caller,
        link: Link,
        pump: Pump,
        *,
        door: PeopleDoor,
        intake: Intake,
        counters: GatewayCounters,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        report: Callable[[str, Exception], None],
    ) -> None:
        self.caller = caller
        self._link = link
        self._pump = pump
        self._door = door
        self._intake = intake
        self._counters = counters
        self._spawn = spawn
        self._report = report
        self._paths: tuple[tuple[DomainId, ...], ...] = ()
        self._undecided: deque[PublishReceived | SubscribeRequested] = deque()
        self._is_working = False
        self._is_rechecking = False
        self._doubts = 0

    @property
    def principal(self) -> str:
        """Who acts."""
        return self.caller.principal

    @property
    def is_behind(self) -> bool:
        """Whether reading should stop until decisions have been made."""
        return len(self._undecided) >= _MAX_UNDECIDED

    def publish(self, event: PublishReceived, now: float) -> None:
        """Queue a message for decision."""
        del now
        self._decide(event)

    def subscribe(self, event: SubscribeRequested, now: float) -> None:
        """Queue filters for decision."""
        del now
        self._decide(event)

    def leave(self, will: WillDue, now: float) -> None:
        """Publish a will as the person: on a thing-update topic it is a request like any other."""
        del now
        self._spawn(self._leave(will))

    @property
    def holder(self) -> str:
        """Whom the sessions belong to."""
        return self.principal

    async def learn(self) -> None:
        """Read what the caller may hear at this moment; `may_hear` goes by it."""
        self._paths = await self._door.paths(self.caller)

    def may_hear(self, topic_filter: str) -> bool:
        """Tell whether the person may use this filter, as of the last ``learn``."""
        return person_may_subscribe(topic_filter, self._paths)

    async def may_leave(self, will: Will) -> bool:
        """Tell whether the person may leave this will."""
        try:
            await self._door.target(self.caller, will.topic)
        except (TopicForbidden, NotPermitted):
            return False
        return True

    def doubt(self) -> None:
        """Check anew whether the person may still be here and hear all that was granted."""
        self._doubts += 1
        if not self._is_rechecking:
            self._is_rechecking = True
            self._spawn(self._recheck())

    def _decide(self, event: PublishReceived | SubscribeRequested) -> None:
        self._undecided.append(event)
        if not self._is_working:
            self._is_working = True
            self._spawn(self._work())

    async def _work(self) -> None:
        connection = self._link.connection
        try:
            while self._undecided and not connection.closing:
                event = self._undecided[0]
                if isinstance(event, PublishReceived):
                    await self._publish(event, connection)
                else:
                    await self._subscribe(event, connection)
                self._undecided.popleft()
        except Exception as error:  # noqa: BLE001 - the connection's edge: reported, and the client may come again
            self._report("decision on an MQTT packet", error)
            connection.close(reasons.UNSPECIFIED, "the packet could not be decided on", self._pump.monotonic())
        finally:
            self._is_working = False
            self._pump.wake()

    async def _publish(self, event: PublishReceived, connection: Connection) -> None:
        try:
            thing = await self._door.target(self.caller, event.topic)
        except (TopicForbidden, NotPermitted):
            connection.deny(event, reasons.NOT_AUTHORIZED, self._pump.monotonic())
            return
        if thing is None:
            # Cloud Connect 2.11, section 9.2: dropped, and nothing is published to rejected.
            self._counters.invalid_topics += 1
            connection.acknowledge(event.packet_id)
            return
        self._submit(thing, event)

    def _submit(self, thing: ThingEntry, event: PublishReceived | WillDue) -> None:
        self._intake.submit(
            ShadowRequest(
                thing,
                Verb.UPDATE,
                event.payload,
                principal=self.principal,
                origin=Origin.PERSON,
                qos=event.qos,
                packet_id=event.packet_id if isinstance(event, PublishReceived) else 0,
                on_stored=self._on_stored,
                on_failed=self._on_failed,
            )
        )

    async def _subscribe(self, event: SubscribeRequested, connection: Connection) -> None:
        while True:
            doubts = self._doubts
            paths = await self._door.paths(self.caller)
            if doubts == self._doubts:
                break
        codes = []
        for each in event.subscriptions:
            is_allowed = person_may_subscribe(each.topic_filter, paths)
            codes.append(each.qos if is_allowed else reasons.NOT_AUTHORIZED)
            each.topic_filter = things_only(each.topic_filter)
        connection.grant(event.packet_id, codes, self._pump.monotonic())

    async def _recheck(self) -> None:
        try:
            doubts = None
            while doubts != self._doubts:
                doubts = self._doubts
                caller = await self._door.still(self.caller)
                paths = await self._door.paths(caller)
            self.caller = caller
            if not all(person_may_subscribe(each.topic_filter, paths) for each in self._subscriptions()):
                self._link.cut("a subscription is not allowed any more")
            elif not await self._may_keep_will():
                self._link.cut("the will is not allowed any more")
        except CloudsteadError:
            self._link.cut("access was withdrawn")
        except Exception as error:  # noqa: BLE001 - who cannot be checked does not stay
            self._report("recheck of a person's subscriptions", error)
            self._link.cut("access could not be checked")
        finally:
            self._is_rechecking = False

    async def _may_keep_will(self) -> bool:
        will = self._link.connection.will
        return will is None or await self.may_leave(will)

    def _subscriptions(self) -> list[Subscription]:
        return list(self._link.connection.subscriptions.values())

    async def _leave(self, will: WillDue) -> None:
        try:
            self.caller = await self._door.still(self.caller)
            thing = await self._door.target(self.caller, will.topic)
        except CloudsteadError:
            self._counters.wills_void += 1
            return
        if thing is None:
            self._counters.invalid_topics += 1
        else:
            self._submit(thing, will)

    def _on_stored(self, request: ShadowRequest) -> None:
        self._link.connection.acknowledge(request.packet_id)

    def _on_failed(self, request: ShadowRequest, error: Exception) -> None:
        # The intake keeps the error for operators; for the client, silence and a closed door mean "send it again".
        del request, error
        self._counters.not_stored += 1
        self._link.connection.close(reasons.UNSPECIFIED, "the message could not be stored", self._pump.monotonic())
