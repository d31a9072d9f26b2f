"""Socket.IO as an ASGI application: long polling and WebSockets around the sessions of ``protocols.socketio``."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.errors import CloudsteadError
from cloudstead.gateway.polling import (
    BAD_METHOD,
    BAD_REQUEST,
    FORBIDDEN,
    UNKNOWN_SESSION,
    UNKNOWN_TRANSPORT,
    UNSUPPORTED,
    Answer,
    Refused,
    body_of,
    header_of,
    packets_of,
    query_of,
)
from cloudstead.gateway.thing_events import Client
from cloudstead.protocols.socketio import (
    BadPacket,
    Event,
    Session,
    SessionOver,
    SocketIOError,
    Timing,
    encode_payload,
)
from cloudstead.protocols.socketio.session import PROBE, PROBED, UPGRADE

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from starlette.types import Receive, Scope, Send

    from cloudstead.gateway.thing_events import ThingEvents

PATH: Final = "/socket.io/"
MAX_UNDECIDED: Final = 32
"""Messages of one client that may wait to be decided on; one that sends more than it waits for loses its session."""

_TICK_S: Final = 5.0
_NORMAL: Final = 1000  # RFC 6455, section 7.4.1
_PROTOCOL_ERROR: Final = 1002
_TRY_AGAIN: Final = 1013
_CLOSED_BY_US: Final = "1"
_HTTP: Final = "http"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on how many clients there may be."""

    sessions: int = 10_000
    sessions_per_address: int = 200


@dataclass(slots=True, eq=False)
class _Peer:
    """A session, the client that it stands for, and what waits to be decided."""

    session: Session
    source_address: str | None
    client: Client = field(init=False)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    undecided: deque[Event] = field(default_factory=deque)
    is_working: bool = False
    is_polled: bool = False

    def __post_init__(self) -> None:
        self.client = Client(self._emit)

    def _emit(self, name: str, argument: object) -> None:
        self.session.emit(name, argument)
        self.news.set()


class SocketIO:
    """Serves ``/socket.io/`` and nothing else."""

    def __init__(
        self,
        events: ThingEvents,
        *,
        new_id: Callable[[], str],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        report: Callable[[str, Exception], None],
        limits: Limits | None = None,
        timing: Timing | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``new_id`` makes ids that nobody can guess: whoever knows one may read what waits for the session."""
        self._events = events
        self._new_id = new_id
        self._spawn = spawn
        self._report = report
        self._limits = limits or Limits()
        self._timing = timing or Timing()
        self._monotonic = monotonic
        self._peers: dict[str, _Peer] = {}
        self._addresses: Counter[str | None] = Counter()

    @property
    def session_count(self) -> int:
        """How many clients there are."""
        return len(self._peers)

    async def run(self) -> None:
        """End the sessions of clients that have gone without a word, until cancelled."""
        while True:
            await asyncio.sleep(_TICK_S)
            self.tick()

    def tick(self) -> None:
        """End the sessions of clients that are silent for too long."""
        now = self._monotonic()
        for peer in list(self._peers.values()):
            if peer.session.is_gone(now):
                self._end(peer)

    def stop(self) -> None:
        """End every session."""
        for peer in list(self._peers.values()):
            self._end(peer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one WebSocket (ASGI 3.0)."""
        query = query_of(scope)
        if scope["type"] == _HTTP:
            await self._serve_http(scope, query, receive, send)
        elif scope["type"] == "websocket":
            await self._serve_websocket(scope, query, receive, send)

    # Polling

    async def _serve_http(self, scope: Scope, query: Mapping[str, str], receive: Receive, send: Send) -> None:
        answer = Answer(scope, send)
        try:
            await self._route(scope, query, answer, receive)
        except Refused as refused:
            await answer.refuse(refused)

    async def _route(self, scope: Scope, query: Mapping[str, str], answer: Answer, receive: Receive) -> None:
        if scope["path"] not in (PATH, PATH.rstrip("/")):
            raise Refused((BAD_REQUEST[0], f"This is a Socket.IO service; its path is {PATH}."), status=404)
        if scope["method"] == "OPTIONS":
            await answer.preflight()
            return
        if query.get("EIO") != "3":
            raise Refused(UNSUPPORTED)
        if query.get("transport") != "polling" or "j" in query:
            raise Refused(UNKNOWN_TRANSPORT)
        if "sid" not in query:
            await self._greet(scope, answer)
        elif scope["method"] == "GET":
            await self._poll(self._known(query), answer, receive)
        elif scope["method"] == "POST":
            await self._take(self._known(query), scope, answer, receive)
        else:
            raise Refused(BAD_METHOD)

    async def _greet(self, scope: Scope, answer: Answer) -> None:
        if scope["method"] != "GET":
            raise Refused(BAD_METHOD)
        peer = self._open(scope, may_upgrade=True)
        if peer is None:
            raise Refused(FORBIDDEN, status=503)
        await answer.text(encode_payload(peer.session.take()))

    async def _poll(self, peer: _Peer, answer: Answer, receive: Receive) -> None:
        """Hold the request until there is something to tell."""
        if peer.is_polled or peer.session.is_on_websocket:
            self._end(peer)
            raise Refused(BAD_REQUEST)
        peer.is_polled = True
        try:
            if not await self._has_news(peer, receive):
                return
            await answer.text(encode_payload(peer.session.take() or [_CLOSED_BY_US]))
        finally:
            peer.is_polled = False
            self._forget_if_over(peer)

    async def _has_news(self, peer: _Peer, receive: Receive) -> bool:
        """Wait for something to tell; ``False`` when the client has gone away meanwhile."""
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            while not peer.session.has_news:
                peer.news.clear()
                told = asyncio.ensure_future(peer.news.wait())
                await asyncio.wait({told, gone}, return_when=asyncio.FIRST_COMPLETED)
                told.cancel()
                if gone.done():
                    return False
            return True
        finally:
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone

    async def _take(self, peer: _Peer, scope: Scope, answer: Answer, receive: Receive) -> None:
        body = await body_of(receive)
        try:
            for packet in packets_of(body, header_of(scope, b"content-type")):
                self._receive(peer, packet)
        except SocketIOError:
            self._end(peer)
            raise Refused(BAD_REQUEST) from None
        await answer.html("ok")
        self._forget_if_over(peer)

    # WebSocket

    async def _serve_websocket(self, scope: Scope, query: Mapping[str, str], receive: Receive, send: Send) -> None:
        await receive()
        is_ours = scope["path"] in (PATH, PATH.rstrip("/")) and query.get("EIO") == "3"
        peer = self._peers.get(query["sid"]) if "sid" in query else None
        if not is_ours or ("sid" in query and (peer is None or peer.session.is_on_websocket)):
            await send({"type": "websocket.close", "code": _NORMAL})
            return
        await send({"type": "websocket.accept"})
        if peer is None:
            peer = self._open(scope, may_upgrade=False)
            if peer is None:
                await send({"type": "websocket.close", "code": _TRY_AGAIN})
                return
        elif not await self._upgrade(peer, receive, send):
            return
        await self._carry(peer, receive, send)

    async def _upgrade(self, peer: _Peer, receive: Receive, send: Send) -> bool:
        """Take the session over from polling; tell whether that came about."""
        session = peer.session
        try:
            while not session.is_on_websocket:
                packet = await _frame(receive)
                if packet is None:
                    session.give_up_upgrade()
                    return False
                if packet == PROBE:
                    await send({"type": "websocket.send", "text": PROBED})
                    session.begin_upgrade(self._monotonic())
                elif packet == UPGRADE:
                    session.finish_upgrade(self._monotonic())
                else:
                    await send({"type": "websocket.close", "code": _PROTOCOL_ERROR})
                    return False
                peer.news.set()
        except (BadPacket, SessionOver):
            await send({"type": "websocket.close", "code": _PROTOCOL_ERROR})
            return False
        return True

    async def _carry(self, peer: _Peer, receive: Receive, send: Send) -> None:
        """Move packets both ways until one side ends."""
        tasks = [
            asyncio.ensure_future(self._receive_frames(peer, receive)),
            asyncio.ensure_future(_sendpackets_of(peer, send)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._end(peer)
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        code = _PROTOCOL_ERROR if isinstance(results[0], SocketIOError) else _NORMAL
        with contextlib.suppress(OSError, RuntimeError):  # the client may be gone
            await send({"type": "websocket.close", "code": code})
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, SocketIOError | OSError):
                raise result

    async def _receive_frames(self, peer: _Peer, receive: Receive) -> None:
        while not peer.session.is_over:
            packet = await _frame(receive)
            if packet is None:
                return
            self._receive(peer, packet)

    # Sessions

    def _open(self, scope: Scope, *, may_upgrade: bool) -> _Peer | None:
        """Begin a session; ``None`` when there is no room."""
        address = scope["client"][0] if scope.get("client") else None
        limits = self._limits
        if len(self._peers) >= limits.sessions or self._addresses[address] >= limits.sessions_per_address:
            return None
        session = Session(self._new_id(), now=self._monotonic(), timing=self._timing, may_upgrade=may_upgrade)
        peer = self._peers[session.id] = _Peer(session, address)
        self._addresses[address] += 1
        return peer

    def _known(self, query: Mapping[str, str]) -> _Peer:
        peer = self._peers.get(query["sid"])
        if peer is None:
            raise Refused(UNKNOWN_SESSION)
        return peer

    def _end(self, peer: _Peer) -> None:
        peer.session.close()
        peer.news.set()
        if self._peers.pop(peer.session.id, None) is not None:
            self._addresses[peer.source_address] -= 1
            if not self._addresses[peer.source_address]:
                del self._addresses[peer.source_address]
            self._events.left(peer.client)

    def _forget_if_over(self, peer: _Peer) -> None:
        if peer.session.is_over:
            self._end(peer)

    def _receive(self, peer: _Peer, packet: str) -> None:
        event = peer.session.receive(packet, self._monotonic())
        if event is not None:
            if len(peer.undecided) >= MAX_UNDECIDED:
                raise BadPacket("more messages than may wait")
            peer.undecided.append(event)
            if not peer.is_working:
                peer.is_working = True
                self._spawn(self._work(peer))
        peer.news.set()

    async def _work(self, peer: _Peer) -> None:
        """Decide on a client's messages one after another."""
        try:
            while peer.undecided and not peer.session.is_over:
                event = peer.undecided.popleft()
                peer.session.acknowledge(event, await self._decide(peer, event))
                peer.news.set()
        finally:
            peer.is_working = False
        if peer.session.is_over:  # it may have ended while a subscription was being decided on
            self._events.left(peer.client)

    async def _decide(self, peer: _Peer, event: Event) -> object:
        message = event.arguments[0] if event.arguments else None
        try:
            if event.name == "subscribe":
                await self._events.subscribe(peer.client, message, source_address=peer.source_address)
            elif event.name == "publish":
                await self._events.publish(message, source_address=peer.source_address)
            else:
                return {"error": f"The event {event.name[:100]!r} is not known."}
        except CloudsteadError as error:
            return {"error": str(error)}
        except Exception as error:  # noqa: BLE001 - the connection's edge: reported, and the client may try again
            self._report("a message to the Thing Event service", error)
            return {"error": "Something went wrong inside the cloud. It was logged."}
        return {}


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _frame(receive: Receive) -> str | None:
    """Return the next packet; ``None`` when the client is gone."""
    message = await receive()
    if message["type"] == "websocket.disconnect":
        return None
    text = message.get("text")
    if text is None:
        raise BadPacket("binary packets are not served")
    read: str = text
    return read


async def _sendpackets_of(peer: _Peer, send: Send) -> None:
    while True:
        for packet in peer.session.take():
            await send({"type": "websocket.send", "text": packet})
        if peer.session.is_over:
            return
        peer.news.clear()
        if not peer.session.has_news:
            await peer.news.wait()
