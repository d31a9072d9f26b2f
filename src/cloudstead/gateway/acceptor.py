"""A listening socket that lets a storm of devices queue up outside instead of drowning who is in already.

The event loop's own servers accept all that wait in one turn; a TLS handshake costs 1.3 ms of processor time, so five
thousand devices that come back at once would stop everybody else for seconds.
"""

from __future__ import annotations

import asyncio
import errno
from functools import partial
from typing import TYPE_CHECKING, Final

from cloudstead.gateway.tls import handshake_fault
from cloudstead.gateway.tls_stream import TlsStream

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Coroutine
    from typing import Any

    from cloudstead.gateway.counters import GatewayCounters
    from cloudstead.gateway.link import Link

_HANDSHAKE_S: Final = 10.0
_HANDSHAKES_AT_ONCE: Final = 32
# A handshake takes milliseconds here; the rest of it is waiting for the client, and costs nobody else anything. Whoever
# keeps us waiting gives the turn back, or 32 connections that say nothing would keep everybody out for ten seconds.
_TURN_S: Final = 0.1
_GREETINGS_KEPT: Final = 2048  # of clients that take their time; beyond that the one that was slow longest goes
_PAUSE_S: Final = 0.5
# accept(2): these concern one connection that went away again, not the listener.
_OF_THE_CLIENT: Final = frozenset({errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN, errno.ENETUNREACH, errno.EPERM})


class Acceptor:
    """Takes connections from one socket, a few per turn of the loop, and brings each through its handshake."""

    def __init__(
        self,
        sock: socket.socket,
        *,
        tls: ssl.SSLContext | None,
        make_link: Callable[[], Link],
        is_full: Callable[[], bool],
        per_turn: int,
        counters: GatewayCounters,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        report: Callable[[str, Exception], None],
        refused: Callable[[str, str], None],
    ) -> None:
        """``is_full`` tells whether connections have to be turned away; ``per_turn`` is how many are taken at once.

        ``refused`` is told what was wrong with a handshake, and from where it came.
        """
        self._socket = sock
        self._tls = tls
        self._make_link = make_link
        self._is_full = is_full
        self._per_turn = per_turn
        self._counters = counters
        self._spawn = spawn
        self._report = report
        self._refused = refused
        self._loop = asyncio.get_running_loop()
        self._greetings: dict[asyncio.Task[None], asyncio.TimerHandle] = {}
        self._turns: set[asyncio.Task[None]] = set()
        self._is_listening = False
        self._is_closed = False

    def start(self) -> None:
        """Begin to take connections."""
        self._socket.setblocking(False)
        self._listen()

    async def stop(self) -> None:
        """Take no more connections and give up those that have not finished their handshake."""
        self._is_closed = True
        self._deafen()
        self._socket.close()
        for task in self._greetings:
            task.cancel()
        await asyncio.gather(*self._greetings, return_exceptions=True)

    def _listen(self) -> None:
        if not self._is_listening and not self._is_closed:
            self._is_listening = True
            self._loop.add_reader(self._socket.fileno(), self._accept_some)

    def _deafen(self) -> None:
        if self._is_listening:
            self._is_listening = False
            self._loop.remove_reader(self._socket.fileno())

    def _accept_some(self) -> None:
        for _ in range(self._per_turn):
            if len(self._turns) >= _HANDSHAKES_AT_ONCE:
                self._deafen()
                return
            try:
                client, address = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._failed(error)
                return
            if self._is_full():
                self._counters.turned_away += 1
                client.close()
                continue
            if len(self._greetings) >= _GREETINGS_KEPT:
                self._counters.turned_away += 1
                next(iter(self._greetings)).cancel()
            task = self._spawn(self._greet(client, str(address[0])))
            self._turns.add(task)
            self._greetings[task] = self._loop.call_later(_TURN_S, self._end_turn, task)
            task.add_done_callback(partial(self._greeted, client))

    def _end_turn(self, task: asyncio.Task[None]) -> None:
        self._turns.discard(task)
        self._listen()

    def _failed(self, error: OSError) -> None:
        self._counters.accept_failures += 1
        if error.errno in _OF_THE_CLIENT:
            return
        # Out of files or memory: the connection stays in the queue, and asking again at once would only burn time.
        self._report("accept of a connection", error)
        self._deafen()
        self._loop.call_later(_PAUSE_S, self._listen)

    async def _greet(self, client: socket.socket, address: str) -> None:
        try:
            if self._tls is None:
                await self._loop.connect_accepted_socket(self._make_link, client)
            else:
                await self._shake_hands(client, self._tls)
        except OSError as error:
            # No or a foreign certificate, an old protocol, no TLS at all, nothing in time, gone again.
            self._counters.handshakes_failed += 1
            client.close()
            if fault := handshake_fault(error):
                self._refused(fault, address)

    async def _shake_hands(self, client: socket.socket, tls: ssl.SSLContext) -> None:
        stream = TlsStream(tls, self._make_link)
        try:
            async with asyncio.timeout(_HANDSHAKE_S):  # what it raises is an OSError
                await self._loop.connect_accepted_socket(lambda: stream, client)
                await stream.greeted
        except BaseException:
            stream.abort()
            raise

    def _greeted(self, client: socket.socket, task: asyncio.Task[None]) -> None:
        self._greetings.pop(task).cancel()
        if task.cancelled():
            client.close()
        self._end_turn(task)
