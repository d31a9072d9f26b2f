"""Many isolated topic spaces behind one door: sessions, take-over, wills, deadlines and delivery, without any I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.protocols.mqtt import reasons
from cloudstead.protocols.mqtt.connection import Connection
from cloudstead.protocols.mqtt.counters import Counters
from cloudstead.protocols.mqtt.deadlines import Deadlines
from cloudstead.protocols.mqtt.events import WillDue
from cloudstead.protocols.mqtt.message import Message
from cloudstead.protocols.mqtt.profile import Profile, SpaceLimits
from cloudstead.protocols.mqtt.session import Session, holder_of, session_key
from cloudstead.protocols.mqtt.space import Space

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.protocols.mqtt.properties import Properties


_MAX_HELD_BYTES: Final = 1024 * 1024 * 1024


class Broker:
    """Holds the topic spaces; its owner moves bytes, tells the time and decides who may do what.

    `dirty` collects every connection that has output or became `closing`; whoever writes takes it once per tick, so
    that many small packets become one write. `connect_timeout_s` ends connections that do not get as far as CONNACK.
    Beyond `max_held_bytes`, all spaces together, offline sessions make room, those of the fullest space first.
    """

    def __init__(
        self,
        *,
        new_client_id: Callable[[], str],
        limits: SpaceLimits | None = None,
        connect_timeout_s: float = 10.0,
        max_held_bytes: int = _MAX_HELD_BYTES,
    ) -> None:
        self.counters = Counters()
        self.dirty: set[Connection] = set()
        self.now = 0.0
        self.new_client_id = new_client_id
        self._limits = limits or SpaceLimits()
        self._connect_timeout_s = connect_timeout_s
        self._max_held_bytes = max_held_bytes
        self._resuming: Session | None = None
        self._spaces: dict[str, Space] = {}
        self._wills: list[WillDue] = []
        self._connections: set[Connection] = set()
        self._connection_deadlines: Deadlines[Connection] = Deadlines()
        self._session_deadlines: Deadlines[Session] = Deadlines()

    def open(self, *, now: float) -> Connection:
        """Begin a network connection."""
        self.now = now
        connection = Connection(self, now=now)
        self._connections.add(connection)
        self._connection_deadlines.put(connection, now + self._connect_timeout_s)
        return connection

    def publish(
        self,
        space: str,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool = False,
        properties: Properties | None = None,
        sender: str | None = None,
        now: float,
    ) -> int:
        """Deliver a message to the matching sessions of a space; return to how many.

        `sender` is the `session_key` of who published, for subscriptions that do not want their own messages. Raises
        TopicInvalid for what is no topic name.
        """
        self.now = now
        held = self._spaces.get(space)
        if held is None:
            if not retain or not payload:
                return 0
            held = self._space(space)
        routes = held.route(topic)
        if not routes and not retain:
            return 0
        message = Message(topic, payload, qos, properties, now)
        if retain:
            held.retain_message(message)
            self._drop_if_empty(held)
        count = held.publish(message, routes, retain=retain, sender=sender, now=now)
        if held.held_bytes > held.limits.max_held_bytes or self.counters.held_bytes > self._max_held_bytes:
            self._make_room(held)
        return count

    def tell(self, space: str, topics: Sequence[str], write: Callable[[], bytes], *, qos: int) -> int:
        """Deliver a plain message on each of the topics; return how many sessions got one.

        `write` is called at most once, and only if anybody gets the message: most have no reader. It is neither
        retained nor has it properties, and the time of the last input is good enough, as it never expires.
        """
        held = self._spaces.get(space)
        if held is None:
            return 0
        count = 0
        payload: bytes | None = None
        matched = held.matched
        for topic in topics:
            routes = matched.get(topic)
            if routes is None:
                routes = held.route(topic)
            if routes:
                if payload is None:
                    payload = write()
                count += held.tell(topic, payload, routes, qos, self.now)
        if held.held_bytes > held.limits.max_held_bytes or self.counters.held_bytes > self._max_held_bytes:
            self._make_room(held)
        return count

    def take_dirty(self) -> set[Connection]:
        """Return the connections to write to or to close, and start collecting anew."""
        dirty = self.dirty
        self.dirty = set()
        return dirty

    def take_wills(self) -> list[WillDue]:
        """Return the wills that are due, in order; publishing them is up to the caller."""
        wills = self._wills
        self._wills = []
        return wills

    def tick(self, now: float) -> None:
        """Let time pass: end silent and too old connections, release delayed wills, end expired sessions."""
        self.now = now
        for connection in self._connection_deadlines.due(now):
            connection.check_deadline(now)
        for session in self._session_deadlines.due(now):
            self._check_session(session, now)

    def find(self, space: str, client_id: str, *, holder: str = "") -> Connection | None:
        """Return the live connection of a client."""
        held = self._spaces.get(space)
        session = held.sessions.get(session_key(holder, client_id)) if held is not None else None
        return session.connection if session is not None else None

    def connections(self, space: str) -> list[Connection]:
        """Return the live connections of a space."""
        held = self._spaces.get(space)
        if held is None:
            return []
        return [session.connection for session in held.sessions.values() if session.connection is not None]

    def end_space(self, space: str, *, now: float) -> None:
        """Close every connection of a space and forget its sessions, its wills and its retained messages."""
        self.now = now
        for connection in self.connections(space):
            connection.close(reasons.ADMINISTRATIVE_ACTION, "the topic space has ended", now)
        held = self._spaces.pop(space, None)
        if held is not None:
            for session in held.sessions.values():
                self._session_deadlines.cancel(session)
            held.hold(-held.held_bytes)
        self._wills = [will for will in self._wills if will.space != space]

    def forget_holder(self, space: str, holder: str) -> None:
        """Forget the sessions that somebody who is gone has left, and the wills; who is connected stays so."""
        held = self._spaces.get(space)
        if held is not None:
            for session in held.offline_of(holder):
                session.will = session.will_at = None
                self._end_session(session)
        self._wills = [will for will in self._wills if (will.space, holder_of(will.session_key)) != (space, holder)]

    def forget_retained(self, space: str, topic: str) -> None:
        """Forget what is retained on a topic of a space and on those below it."""
        held = self._spaces.get(space)
        if held is not None:
            held.retained.forget_below(topic)
            self._drop_if_empty(held)

    @property
    def connection_count(self) -> int:
        """How many network connections are open, including those that have not been accepted yet."""
        return len(self._connections)

    @property
    def session_count(self) -> int:
        """How many sessions are held, connected or not."""
        return sum(len(space.sessions) for space in self._spaces.values())

    @property
    def retained_count(self) -> int:
        """How many retained messages are held."""
        return sum(len(space.retained) for space in self._spaces.values())

    # What follows is for Connection.

    def watch(self, connection: Connection, when: float) -> None:
        """Check this connection's deadlines at that time."""
        self._connection_deadlines.put(connection, when)

    def enter(
        self,
        space: str,
        client_id: str,
        profile: Profile,
        *,
        holder: str,
        clean_start: bool,
        may_hear: Callable[[str], bool] | None,
        now: float,
    ) -> tuple[Session, bool] | None:
        """Find or make the session of an accepted client, ending its older connection; None when the space is full.

        The second value tells whether earlier state is resumed (MQTT 5, section 3.1.2.4).
        """
        held = self._space(space)
        key = session_key(holder, client_id)
        session = held.sessions.get(key)
        if session is not None and session.connection is not None:
            self.counters.takeovers += 1
            self._resuming = session
            session.connection.close(reasons.SESSION_TAKEN_OVER, "the same client id connected again", now)
            self._resuming = None
            session = self._space(space).sessions.get(key)
        if session is not None and (
            clean_start
            or not profile.max_session_expiry_s
            or (
                may_hear is not None and not all(may_hear(each.topic_filter) for each in session.subscriptions.values())
            )
        ):
            self._end_session(session)
            session = None
        held = self._space(space)
        if session is not None:
            self._session_deadlines.cancel(session)
            session.will = None
            held.wake(session)
            return session, True
        if len(held.sessions) >= held.limits.max_sessions:
            oldest = held.oldest_offline()
            if oldest is None:
                return None
            self._drop_session(oldest)
            held = self._space(space)
        session = held.sessions[key] = Session(held, client_id, profile, self.counters, key=key)
        return session, False

    def leave(self, connection: Connection, session: Session | None, *, with_will: bool, now: float) -> None:
        """Take a connection away from its session, which lives on for its expiry interval."""
        self._connections.discard(connection)
        self._connection_deadlines.cancel(connection)
        self.dirty.add(connection)
        if session is None:
            return
        session.detach()
        if not with_will:
            session.will = None
        elif session.will is not None:
            session.will_at = now + session.will.delay_s
            session.will_owner = connection.owner
        session.expires_at = now + session.expiry_s
        self._check_session(session, now)
        if session.space.sessions.get(session.key) is session:
            self._rest(session)

    def _rest(self, session: Session) -> None:
        """Keep a session for its client to come back; those that were left longest ago make room for it."""
        space = session.space
        space.rest(session)
        if session is self._resuming:
            return
        while (surplus := space.surplus_of(session.holder)) is not None:
            self._drop_session(surplus)
        self._make_room(space)

    def _make_room(self, space: Space) -> None:
        while space.held_bytes > space.limits.max_held_bytes and (oldest := space.oldest_offline()) is not None:
            self._drop_session(oldest)
        while self.counters.held_bytes > self._max_held_bytes:
            fullest = max(
                (each for each in self._spaces.values() if each.oldest_offline() is not None),
                key=lambda each: each.held_bytes,
                default=None,
            )
            oldest = None if fullest is None else fullest.oldest_offline()
            if oldest is None:
                return
            self._drop_session(oldest)

    def _drop_session(self, session: Session) -> None:
        self.counters.sessions_dropped += 1
        self._end_session(session)

    def _check_session(self, session: Session, now: float) -> None:
        if session.expires_at is not None and session.expires_at <= now:
            self._end_session(session)
            return
        if session.will_at is not None and session.will_at <= now:
            self._release_will(session)
        times = [when for when in (session.expires_at, session.will_at) if when is not None]
        if times:
            self._session_deadlines.put(session, min(times))

    def _end_session(self, session: Session) -> None:
        # The will goes out when its delay has passed or the session ends (MQTT 5, section 3.1.3.2.2).
        if session.will_at is not None:
            self._release_will(session)
        self._session_deadlines.cancel(session)
        session.space.forget(session)
        self._drop_if_empty(session.space)

    def _release_will(self, session: Session) -> None:
        if session.will is not None:
            self._wills.append(
                WillDue(
                    session.will,
                    space=session.space.name,
                    client_id=session.client_id,
                    session_key=session.key,
                    owner=session.will_owner,
                )
            )
        session.will = session.will_at = None
        session.will_owner = None

    def _space(self, name: str) -> Space:
        held = self._spaces.get(name)
        if held is None:
            held = self._spaces[name] = Space(name, self._limits, self.counters)
        return held

    def _drop_if_empty(self, space: Space) -> None:
        if space.is_empty() and self._spaces.get(space.name) is space:
            del self._spaces[space.name]
