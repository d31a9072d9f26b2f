from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.server import ServerState

from cloudstead.app.http_connection import MAX_HEAD_BYTES, MAX_HEAD_S, HttpConnection
from cloudstead.gateway.upgrade import LooseWebSocketProtocol
from unit.web.faces import Shop

if TYPE_CHECKING:
    from collections.abc import Callable

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
UPLOAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
UPGRADE = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"  # RFC 6455, section 1.3
)
FIELD = b"x: " + b"y" * 1000 + b"\r\n"


class Time:
    """The loop's time, which passes when it is told to; tasks run on the real loop."""

    def __init__(self) -> None:
        self._now_s = 100.0
        self._timers: list[tuple[float, asyncio.Handle]] = []
        self.create_task = asyncio.get_running_loop().create_task

    def time(self) -> float:
        return self._now_s

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.Handle:
        handle = asyncio.Handle(callback, (), asyncio.get_running_loop())
        self._timers.append((self._now_s + seconds, handle))
        return handle

    @property
    def is_awaited(self) -> bool:
        return any(not handle.cancelled() for _, handle in self._timers)

    def go_on(self, seconds: float) -> None:
        self._now_s += seconds
        due = [handle for when, handle in self._timers if when <= self._now_s]
        self._timers = [each for each in self._timers if each[0] > self._now_s]
        for handle in due:
            if not handle.cancelled():
                handle._run()


class Transport(asyncio.Transport):
    """Keeps what is written and tells how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.end = ""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return bool(self.end)

    def close(self) -> None:
        self.end = self.end or "closed"

    def abort(self) -> None:
        self.end = "aborted"

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def answer(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await PlainTextResponse("here")(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})


def connect(app: Any, **named: Any) -> HttpConnection:
    config = uvicorn.Config(app, ws=LooseWebSocketProtocol, lifespan="off", log_config=None, timeout_keep_alive=75)
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", b"Thu, 01 Jan 2026 00:00:00 GMT")]
    made = HttpConnection(config, state, {}, _loop=Time(), **named)
    made.connection_made(Transport())
    return made


@pytest.fixture
async def connection() -> HttpConnection:
    return connect(answer)


class Writes:
    """A shop on a connection, and each write that it answers with. Without ``whole`` it sends message by message."""

    def __init__(self, *, whole: bool) -> None:
        app = Shop().app

        async def in_messages(scope: Any, receive: Any, send: Any) -> None:
            async def pass_on(message: Any) -> None:
                await send(message)

            await app(scope, receive, pass_on)

        self.connection = connect(app if whole else in_messages)
        self.of: list[bytes] = []
        self.connection.transport.write = self.of.append

    async def ask(self, *requests: bytes) -> bytes:
        self.connection.data_received(b"".join(requests))
        await settle()
        return b"".join(self.of)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def wait(connection: HttpConnection, seconds: float) -> None:
    connection.loop.go_on(seconds)
    await settle()


@pytest.mark.parametrize("begun", [REQUEST, REQUEST + b"x: ", b"GET /", UPLOAD, UPLOAD + b"x: "])
async def test_what_is_never_whole_is_refused_before_it_fills_the_memory(
    connection: HttpConnection, begun: bytes
) -> None:
    connection.data_received(begun)
    more = b"y" * 1000 if begun.endswith((b" ", b"/")) else FIELD
    for _ in range(MAX_HEAD_BYTES // len(more)):
        connection.data_received(more)
        assert not connection.transport.is_closing()
    connection.data_received(more)
    connection.data_received(more)

    assert connection.transport.is_closing()
    assert b" 431 " in connection.transport.written


async def test_a_long_connection_of_small_requests_is_not_refused(connection: HttpConnection) -> None:
    for _ in range(MAX_HEAD_BYTES // 1000 * 2):
        connection.data_received(REQUEST + FIELD)
        connection.data_received(b"\r\n")
        await settle()

    assert not connection.transport.is_closing()
    assert connection.transport.written.count(b" 200 ") == MAX_HEAD_BYTES // 1000 * 2


async def test_a_large_body_is_not_refused(connection: HttpConnection) -> None:
    connection.data_received(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n")
    for _ in range(200):
        connection.data_received(b"y" * 1000)
    await settle()

    assert b" 200 " in connection.transport.written


@pytest.mark.parametrize("sent", [b"", REQUEST, REQUEST + b"\r\n" + REQUEST])
async def test_a_client_that_does_not_say_what_it_wants_is_ended(connection: HttpConnection, sent: bytes) -> None:
    if sent:
        connection.data_received(sent)
    await settle()
    await wait(connection, MAX_HEAD_S)
    await wait(connection, MAX_HEAD_S)

    assert connection.transport.end == "aborted"


async def test_a_client_that_comes_back_in_time_is_not_ended(connection: HttpConnection) -> None:
    for _ in range(5):
        connection.data_received(REQUEST + b"\r\n")
        await settle()
        await wait(connection, MAX_HEAD_S)

    assert not connection.transport.is_closing()


@pytest.mark.parametrize("upgrade", [UPGRADE, b""], ids=["WebSocket", "end"])
async def test_only_http_is_watched_and_only_while_it_lasts(connection: HttpConnection, upgrade: bytes) -> None:
    assert connection.loop.is_awaited
    if upgrade:
        connection.data_received(REQUEST + upgrade + b"\r\n")
        await settle()
        assert b" 101 " in connection.transport.written
    else:
        connection.connection_lost(None)

    assert not connection.loop.is_awaited


def ask_for(path: str, *fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "host: shop", "authorization: Bearer any", "x-request-id: r-1", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize(
    "requests",
    [
        [ask_for("/v1/items/lamp")],
        [ask_for("/v1/items/lamp", method="HEAD")],
        [ask_for("/v1/items/lamp", version="1.0")],
        [ask_for("/v1/items/lamp", "connection: close")],
        [ask_for("/v1/items/lamp"), ask_for("/v1/items"), ask_for("/v1/items/desk")],
    ],
    ids=["GET", "HEAD", "HTTP/1.0", "close", "pipelined"],
)
async def test_an_answer_sent_whole_has_the_bytes_of_one_sent_in_messages(requests: list[bytes]) -> None:
    whole, in_messages = Writes(whole=True), Writes(whole=False)

    assert await whole.ask(*requests) == await in_messages.ask(*requests)
    assert len(whole.of) == len(requests)
    assert whole.connection.transport.end == in_messages.connection.transport.end


async def test_only_what_comes_in_messages_is_written_in_parts() -> None:
    in_messages = Writes(whole=False)
    await in_messages.ask(ask_for("/v1/items/lamp"))

    assert len(in_messages.of) == 2


@pytest.mark.parametrize("parts", [1, 2, 40], ids=["with its head", "in two", "in many"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_body_is_the_same_however_it_arrives(parts: int, version: str) -> None:
    order = b'{"items":[{"name":"lamp","price":3}],"note":null}'
    sent = ask_for("/v1/orders", f"content-length: {len(order)}", method="POST", version=version)
    sent = sent.replace(b"Bearer any", b"Bearer order:place") + order
    shop = Writes(whole=True)
    step = -(-len(sent) // parts)
    for start in range(0, len(sent), step):
        await shop.ask(sent[start : start + step])

    assert b"".join(shop.of).startswith(b"HTTP/1.1 201 Created")
    assert b"".join(shop.of).endswith(order)


@pytest.mark.parametrize("size", [1001, 70_000])
async def test_a_body_that_is_there_is_bounded_like_one_that_is_read(size: int) -> None:
    sent = ask_for("/v1/orders", f"content-length: {size}", method="POST").replace(b"any", b"order:place") + b"x" * size

    assert await Writes(whole=True).ask(sent) == await Writes(whole=False).ask(sent)
    assert b"BodyTooLarge" in await Writes(whole=True).ask(sent)


async def test_a_pipelined_request_keeps_its_own_body() -> None:
    bodies = [b'{"items":[{"name":"%b","price":1}],"note":null}' % name for name in (b"lamp", b"desk", b"door")]
    heads = [ask_for("/v1/orders", f"content-length: {len(body)}", method="POST") for body in bodies]
    sent = [head.replace(b"any", b"order:place") + body for head, body in zip(heads, bodies, strict=True)]
    answered = await Writes(whole=True).ask(*sent)

    assert [answered.count(body) for body in bodies] == [1, 1, 1]
    assert answered.endswith(bodies[-1])


async def test_nothing_is_sent_whole_to_a_client_that_is_gone() -> None:
    whole = Writes(whole=True)
    whole.connection.data_received(ask_for("/v1/items/lamp"))
    whole.connection.connection_lost(None)
    await settle()

    assert whole.of == []


async def test_an_answer_waits_while_the_client_does_not_read() -> None:
    whole = Writes(whole=True)
    whole.connection.pause_writing()
    assert await whole.ask(ask_for("/v1/items/lamp")) == b""

    whole.connection.resume_writing()
    await settle()
    assert b"".join(whole.of).startswith(b"HTTP/1.1 200 OK")


async def test_a_connection_serves_on_after_an_answer_sent_whole() -> None:
    whole = Writes(whole=True)
    for _ in range(3):
        await whole.ask(ask_for("/v1/items/lamp"))

    assert [written.partition(b"\r\n")[0] for written in whole.of] == [b"HTTP/1.1 200 OK"] * 3
