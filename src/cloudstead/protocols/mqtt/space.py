"""One account's topic space: its sessions, who subscribed to what, and its retained messages. Spaces never touch."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from cloudstead.protocols.mqtt.encode import encode_plain_publish
from cloudstead.protocols.mqtt.message import Message
from cloudstead.protocols.mqtt.retained import RetainedMessages
from cloudstead.protocols.mqtt.topics import TopicTree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudstead.protocols.mqtt.counters import Counters
    from cloudstead.protocols.mqtt.events import Subscription
    from cloudstead.protocols.mqtt.profile import SpaceLimits
    from cloudstead.protocols.mqtt.session import Session


class SharedGroup:
    """The members of one `$share` group on one filter; each message goes to one of them in turn."""

    __slots__ = ("_members", "_order", "_turn")

    def __init__(self) -> None:
        self._members: dict[Session, Subscription] = {}
        self._order: list[Session] = []
        self._turn = 0

    def put(self, session: Session, subscription: Subscription) -> None:
        """Add a member or replace its subscription."""
        if session not in self._members:
            self._order.append(session)
        self._members[session] = subscription

    def remove(self, session: Session) -> bool:
        """Remove a member; tell whether the group is empty now."""
        del self._members[session]
        self._order.remove(session)
        return not self._order

    def choose(self) -> tuple[Session, Subscription]:
        """Return the next member that can take a message at once, else the next that is connected, else the next."""
        order = self._order
        size = len(order)
        fallback = None
        for turn in range(self._turn, self._turn + size):
            session = order[turn % size]
            if session.is_ready:
                break
            if fallback is None and session.is_connected:
                fallback = session
        else:
            turn = self._turn
            session = fallback or order[turn % size]
        self._turn = (turn + 1) % size
        return session, self._members[session]


class Subscribers:
    """Who subscribed to one topic filter, on their own or as a member of a group."""

    __slots__ = ("direct", "groups")

    def __init__(self) -> None:
        self.direct: dict[Session, Subscription] = {}
        self.groups: dict[str, SharedGroup] = {}


class Space:
    """Routes messages between the sessions of one account."""

    __slots__ = (
        "_counters",
        "_offline",
        "_offline_of",
        "_tree",
        "held_bytes",
        "limits",
        "matched",
        "name",
        "retained",
        "route",
        "sessions",
    )

    def __init__(self, name: str, limits: SpaceLimits, counters: Counters) -> None:
        self.name = name
        self.limits = limits
        self.sessions: dict[str, Session] = {}
        self.retained = RetainedMessages(max_messages=limits.max_retained_messages, max_bytes=limits.max_retained_bytes)
        self._tree: TopicTree[Subscribers] = TopicTree(Subscribers)
        # Returns the subscribers of every matching filter; raises TopicInvalid. Not a method of ours: every message is
        # asked for about three times, and a call in between would cost as much as the look-up.
        self.route: Callable[[str], tuple[Subscribers, ...]] = self._tree.match
        # What was found before, for who saves even that call.
        self.matched: Mapping[str, tuple[Subscribers, ...]] = self._tree.matched
        self._counters = counters
        # What each session takes, those that have been offline for longest first.
        self._offline: OrderedDict[Session, int] = OrderedDict()
        self._offline_of: dict[str, OrderedDict[Session, None]] = {}
        self.held_bytes = 0

    def is_empty(self) -> bool:
        """Tell whether there is nothing left to remember."""
        return not self.sessions and not self.retained

    def subscribe(self, session: Session, subscription: Subscription) -> bool:
        """Add or replace a subscription; tell whether it is new."""
        subscribers = self._tree.at(subscription.topic_filter)
        if subscription.group is None:
            subscribers.direct[session] = subscription
        else:
            subscribers.groups.setdefault(subscription.group, SharedGroup()).put(session, subscription)
        is_new = subscription.filter not in session.subscriptions
        session.subscriptions[subscription.filter] = subscription
        return is_new

    def unsubscribe(self, session: Session, text: str) -> bool:
        """Take back a subscription by its filter as it was sent; tell whether there was one."""
        subscription = session.subscriptions.pop(text, None)
        if subscription is None:
            return False
        subscribers = self._tree.at(subscription.topic_filter)
        if subscription.group is None:
            del subscribers.direct[session]
        elif subscribers.groups[subscription.group].remove(session):
            del subscribers.groups[subscription.group]
        if not subscribers.direct and not subscribers.groups:
            self._tree.drop(subscription.topic_filter)
        return True

    def hold(self, more_bytes: int) -> None:
        """Take note of how much more, or less, is held for sessions."""
        self.held_bytes += more_bytes
        self._counters.held_bytes += more_bytes

    def room(self) -> int | None:
        """Return how many bytes may be added to what is held; `None` while offline sessions can make room."""
        return None if self._offline else self.limits.max_held_bytes - self.held_bytes

    def rest(self, session: Session) -> None:
        """Take note that nobody is connected to the session any more."""
        self.wake(session)
        takes = session.resting_bytes()
        self._offline[session] = takes
        self._offline_of.setdefault(session.holder, OrderedDict())[session] = None
        self.hold(takes)

    def wake(self, session: Session) -> None:
        """Take note that somebody is connected to the session again, or that it is at its end."""
        takes = self._offline.pop(session, None)
        if takes is None:
            return
        self.hold(-takes)
        of_holder = self._offline_of[session.holder]
        del of_holder[session]
        if not of_holder:
            del self._offline_of[session.holder]

    def surplus_of(self, holder: str) -> Session | None:
        """Return a holder's session that has been offline for longest, if it has more of them than it may."""
        offline = self._offline_of.get(holder)
        if offline is None or len(offline) <= self.limits.max_offline_sessions_per_holder:
            return None
        return next(iter(offline))

    def oldest_offline(self) -> Session | None:
        """Return the session that has been offline for longest."""
        return next(iter(self._offline), None)

    def offline_of(self, holder: str) -> tuple[Session, ...]:
        """Return the sessions of a holder to which nobody is connected."""
        return tuple(self._offline_of.get(holder, ()))

    def forget(self, session: Session) -> None:
        """Remove a session with all its subscriptions."""
        self.wake(session)
        self.hold(-session.waiting_bytes)
        for text in list(session.subscriptions):
            self.unsubscribe(session, text)
        del self.sessions[session.key]

    def publish(
        self, message: Message, routes: tuple[Subscribers, ...], *, retain: bool, sender: str | None, now: float
    ) -> int:
        """Deliver to every matching session once (and to one member of every matching group); return how many."""
        count = 0
        qos = message.qos
        if len(routes) == 1:
            for session, subscription in routes[0].direct.items():
                if subscription.no_local and session.key == sender:
                    continue
                count += 1
                granted = subscription.qos
                outbox = session.outbox
                if outbox is not None and not retain and not (granted and qos) and not outbox.is_blocked:
                    # As deliver does; a call for every message and receiver is worth sparing.
                    outbox.send(message, False, subscription.identifiers, now)
                    continue
                session.deliver(
                    message,
                    min(granted, qos),
                    retain and subscription.retain_as_published,
                    subscription.identifiers,
                    now,
                )
        else:
            count = self._publish_overlapping(message, routes, retain=retain, sender=sender, now=now)
        for subscribers in routes:
            for group in subscribers.groups.values():
                session, subscription = group.choose()
                session.deliver(
                    message,
                    min(message.qos, subscription.qos),
                    retain and subscription.retain_as_published,
                    subscription.identifiers,
                    now,
                )
                count += 1
        return count

    def tell(self, topic: str, payload: bytes, routes: tuple[Subscribers, ...], qos: int, now: float) -> int:
        """Do what `publish` does for a message without a sender and properties, which is not retained.

        Nearly all messages are such, go to clients of MQTT 3 at QoS 0, and to one session for each topic.
        """
        if len(routes) > 1 or routes[0].groups:
            return self.publish(Message(topic, payload, qos, None, now), routes, retain=False, sender=None, now=now)
        direct = routes[0].direct
        packet: bytes | None = None
        message: Message | None = None
        for session, subscription in direct.items():
            granted = subscription.qos
            outbox = session.outbox
            if outbox is not None and outbox.is_plain and not (granted and qos) and not outbox.is_blocked:
                if packet is None:
                    packet = encode_plain_publish(topic.encode(), payload)
                outbox.send_plain(packet)
                continue
            if message is None:
                message = Message(topic, payload, qos, None, now)
            session.deliver(message, min(granted, qos), False, subscription.identifiers, now)
        return len(direct)

    def _publish_overlapping(
        self, message: Message, routes: tuple[Subscribers, ...], *, retain: bool, sender: str | None, now: float
    ) -> int:
        """Deliver one copy per session with the highest QoS and all identifiers (MQTT-3.3.4-2 and -3)."""
        wanted: dict[Session, tuple[int, bool, tuple[int, ...]]] = {}
        for subscribers in routes:
            for session, subscription in subscribers.direct.items():
                if subscription.no_local and session.key == sender:
                    continue
                qos, as_published, identifiers = wanted.get(session, (0, False, ()))
                wanted[session] = (
                    max(qos, subscription.qos),
                    as_published or subscription.retain_as_published,
                    identifiers + subscription.identifiers,
                )
        for session, (qos, as_published, identifiers) in wanted.items():
            session.deliver(message, min(message.qos, qos), retain and as_published, identifiers, now)
        return len(wanted)

    def retain_message(self, message: Message) -> None:
        """Remember the message for later subscribers, or count that there was no room."""
        if not self.retained.put(message):
            self._counters.dropped_retained_full += 1
