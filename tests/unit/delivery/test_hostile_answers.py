"""Answers that nobody should send: each ends in an error of our own or in what was right of it, soon and small."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import ssl

import pytest
import uvloop
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudstead.core.clock import ManualClock
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.ids import Uuid7Source
from cloudstead.core.jobs.model import Done, Failed
from cloudstead.core.webhooks.calls import WebhookCalls
from cloudstead.core.webhooks.model import Webhook
from cloudstead.delivery.exchange import MAX_HEAD_BYTES, AnswerBroken, Exchange
from cloudstead.delivery.reach import CheckedConnector, Reach
from cloudstead.delivery.webhooks import MAX_EXCERPT_BYTES, WebhookPerformer
from factories.jobs import eventually
from factories.webhook_receiver import receiving

CLOCK = ManualClock()
CALLS = WebhookCalls(Sealer(InstallationKey(bytes(32))), clock=CLOCK, ids=Uuid7Source(CLOCK))
LOOPBACK = Reach(allow=[ipaddress.ip_network("127.0.0.0/8")])
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]

PARTS = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 200\r\n",
    b"HTTP/1.1 204 No\r\n",
    b"HTTP/1.1 304 No\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    b"HTTP/1.1 302 Away\r\nLocation: /\xff\r\n",
    b"HTTP/1.1 302 Away\r\nLocation: http://[\r\n",
    b"HTTP/1.1 503 No\r\nRetry-After: 99999999999999999999\r\n",
    b"HTTP/1.1 99 x\r\n",
    b"HTTP/9.9 200 OK\r\n",
    b"HTTP/2.0 200 OK\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: -5\r\n",
    b"Content-Length: 99999999999999999999999\r\n",
    b"Content-Length: 5, 6\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Connection: keep-alive, close\r\n",
    b" folded: \0\r\n",
    b"No colon\r\n",
    b": no name\r\n",
    b"X: " + b"y" * 9000 + b"\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"5\r\nhello\r\n",
    b'5;ext="\r\nhello\r\n',
    b"ffffffffffffffffff\r\n",
    b"-1\r\n",
    b"0\r\n",
    b"0\r\nTrailer: x\r\n\r\n",
    b"hello",
    b"x" * 5000,
]
answers = st.lists(st.sampled_from(PARTS) | st.binary(max_size=40), max_size=12).map(b"".join)
begun = st.builds(
    lambda first, rest: first + rest,
    st.sampled_from([b"", *(part for part in PARTS if part.startswith(b"HTTP"))]),
    answers,
)


class Line(asyncio.Transport):
    """A connection of which only the near end is there."""

    def write(self, data):
        pass

    def pause_reading(self):
        pass

    def abort(self):
        pass


def on_a_loop(work, loop_factory=asyncio.new_event_loop):
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(work)


async def performed(url, *, time_limit_s=5.0, trust=None):
    async def resolve(host, port):
        return ["127.0.0.1"]

    performer = WebhookPerformer(
        CALLS,
        CheckedConnector(LOOPBACK, resolve),
        trust=trust or ssl.create_default_context(),
        clock=CLOCK,
        user_agent="cloudstead/test",
        time_limit_s=time_limit_s,
    )
    return await performer.perform(CALLS.job("a1", Webhook(url=url)))


async def told(reply, **how):
    """Return what becomes of a webhook that is answered like this, and then nothing more is said."""

    async def say(writer):
        writer.write(reply)
        writer.close()

    async with receiving() as receiver:
        receiver.reply = lambda _: say
        return await performed(receiver.url(), **how)


@given(begun, st.lists(st.integers(1, 60), max_size=40), st.integers(0, 100))
@settings(max_examples=400)
def test_whatever_comes_and_however_it_is_cut_there_is_an_answer_or_our_own_error(stream, cuts, most):
    async def feed():
        exchange = Exchange(b"", max_body_bytes=most)
        exchange.connection_made(Line())
        rest = stream
        for cut in cuts:
            piece, rest = rest[:cut], rest[cut:]
            exchange.data_received(piece)
        exchange.data_received(rest)
        exchange.connection_lost(None)
        try:
            async with asyncio.timeout(5):
                await exchange.answer()
        except AnswerBroken:
            pass
        else:
            assert exchange.status >= 200 or exchange.status == 101
        body = await exchange.body(asyncio.get_running_loop().time() + 5)
        assert len(body) <= most
        assert sum(len(name) + len(value) for name, value in exchange.headers) <= len(stream)
        exchange.abandon()

    on_a_loop(feed())


@pytest.mark.parametrize("loop_factory", LOOPS, ids=["asyncio", "uvloop"])
@given(stream=begun)
@example(stream=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
@settings(max_examples=40)
def test_whatever_a_receiver_says_a_webhook_is_done_or_has_failed(loop_factory, stream):
    result = on_a_loop(told(stream), loop_factory)

    assert isinstance(result, Done | Failed)
    assert len(result.response) <= MAX_EXCERPT_BYTES
    assert "127.0.0.1" not in result.detail


ENDLESS = {
    "a status line": (b"HTTP/1.1 200 ", b"x" * 4096),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n" * 700),
    "one header": (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 4096),
    "the name of a header": (b"HTTP/1.1 200 OK\r\n", b"x" * 4096),
    "interim answers": (b"", b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" * 100),
    "line ends": (b"", b"\r\n" * 2048),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: 1\r\n" * 700),
    "one trailer": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"x" * 4096),
    "an extension of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"x" * 4096),
    "the size of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 4096),
}


@pytest.mark.parametrize("what", ENDLESS)
@pytest.mark.parametrize("loop_factory", LOOPS, ids=["asyncio", "uvloop"])
def test_what_never_ends_is_not_taken_in_for_long(what, loop_factory):
    begin, more = ENDLESS[what]
    sent = 0

    async def pour(writer):
        nonlocal sent
        writer.write(begin)
        while True:
            writer.write(more)
            sent += len(more)
            await writer.drain()

    async def talk():
        async with receiving() as receiver:
            receiver.reply = lambda _: pour
            result = await performed(receiver.url(), time_limit_s=4)
            await eventually(lambda: not receiver.at_once)
            return result

    result = on_a_loop(talk(), loop_factory)

    assert isinstance(result, Done | Failed)
    assert isinstance(result, Done) == (begin.endswith((b"0\r\n", b"X: ", b"5;", b"\r\n\r\n")) and b"chunked" in begin)
    assert sent < 20_000_000  # what the kernel keeps on loopback, and not what two seconds can carry


@pytest.mark.parametrize("what", ["one trailer", "one header"])
async def test_no_more_is_parsed_than_is_allowed_around_a_body(what):
    begin, more = ENDLESS[what]
    exchange = Exchange(b"", max_body_bytes=10)
    exchange.connection_made(Line())
    exchange.data_received(begin)
    for _ in range(2 * MAX_HEAD_BYTES // len(more) + 2):
        exchange.data_received(more)

    async with asyncio.timeout(5):
        assert await exchange.body(asyncio.get_running_loop().time() + 60) == b""
    exchange.abandon()


@pytest.mark.parametrize(
    ("reply", "excerpt"),
    [
        (b"Content-Length: 2\r\n\r\nokay", b"ok"),
        (b"Content-Length: 9\r\n\r\nok", b"ok"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Late: 1\r\nX-Later: 2\r\n\r\n", b"ok"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n9\r\nno", b"okno"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n", b"ok"),
        (b"\r\nok", b"ok"),
        (b"Content-Length: 0\r\n\r\nok", b""),
    ],
)
async def test_of_a_body_that_is_not_as_long_as_it_says_the_beginning_counts(reply, excerpt):
    result = await told(b"HTTP/1.1 200 OK\r\n" + reply)

    assert (type(result), result.response) == (Done, excerpt)


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK\r\nX: 1", b"HTTP/1.1 100 Go on\r\n\r\n"])
async def test_a_head_that_breaks_off_is_tried_again(reply):
    assert await told(reply) == Failed(
        detail="The answer is no HTTP: the connection was closed before it was complete."
    )


async def test_what_is_packed_is_kept_as_it_came():
    packed = gzip.compress(bytes(10_000_000))[:3000]  # would unpack to a thousand times as much
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)

    assert (await told(head + packed)).response == packed


@pytest.mark.parametrize("loop_factory", LOOPS, ids=["asyncio", "uvloop"])
def test_a_handshake_that_never_ends_leaves_no_connection_behind(loop_factory):
    async def talk():
        has_ended = asyncio.Event()

        async def listen(reader, writer):
            while await reader.read(65536):
                pass
            writer.close()
            has_ended.set()

        async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            result = await performed(f"https://inside.example:{port}/", time_limit_s=0.2)
            async with asyncio.timeout(10):
                await has_ended.wait()
            return result

    assert on_a_loop(talk(), loop_factory) == Failed(detail="There was no answer within 0.2 seconds.")
