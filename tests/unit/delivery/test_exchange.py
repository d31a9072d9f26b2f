from __future__ import annotations

import asyncio

import pytest

from cloudstead.delivery.exchange import MAX_HEAD_BYTES, AnswerBroken, Exchange, request_bytes


class Line(asyncio.Transport):
    """A connection of which only the near end is there."""

    def __init__(self):
        super().__init__()
        self.sent = b""
        self.is_read = True
        self.is_open = True

    def write(self, data):
        self.sent += data

    def pause_reading(self):
        self.is_read = False

    def abort(self):
        self.is_open = False


def connected(*pieces, most=100):
    line, exchange = Line(), Exchange(b"GET / HTTP/1.1\r\n\r\n", max_body_bytes=most)
    exchange.connection_made(line)
    for piece in pieces:
        exchange.data_received(piece)
    return line, exchange


async def body_of(exchange):
    return await exchange.body(asyncio.get_running_loop().time() + 10)


async def test_the_request_goes_out_as_soon_as_there_is_a_connection():
    line, _ = connected()
    assert line.sent == b"GET / HTTP/1.1\r\n\r\n"


async def test_an_answer_is_the_same_however_it_is_cut():
    whole = b"HTTP/1.1 200 OK\r\nX-Own: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    for pieces in ([whole], [whole[at : at + 1] for at in range(len(whole))]):
        _, exchange = connected(*pieces)
        await exchange.answer()
        assert (exchange.status, exchange.header(b"x-own"), await body_of(exchange)) == (200, "a", b"abcde")


async def test_an_interim_answer_is_not_the_answer():
    hints = b"HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
    _, exchange = connected(hints)
    asked = asyncio.ensure_future(exchange.answer())
    await asyncio.sleep(0)
    assert not asked.done()

    exchange.data_received(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")

    await asked
    assert (exchange.status, exchange.header(b"retry-after")) == (503, "")


async def test_what_follows_the_answer_changes_nothing_of_it():
    answer = b"HTTP/1.1 200 OK\r\nX-Own: a\r\nContent-Length: 2\r\n\r\nok"
    _, exchange = connected(answer + b"HTTP/1.1 500 No\r\nX-Own: b\r\nContent-Length: 3\r\n\r\nbad")
    await exchange.answer()
    assert (exchange.status, exchange.header(b"x-own"), await body_of(exchange)) == (200, "a", b"ok")


async def test_another_protocol_that_nobody_asked_for_is_told_by_its_status():
    _, exchange = connected(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n\x01\x02")
    await exchange.answer()
    assert (exchange.status, await body_of(exchange)) == (101, b"")


async def test_no_more_is_kept_or_read_than_was_asked_for():
    line, exchange = connected(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"x" * 60, b"y" * 60, most=80)
    assert await body_of(exchange) == b"x" * 60 + b"y" * 20
    assert not line.is_read


async def test_a_body_without_a_length_ends_with_the_connection():
    _, exchange = connected(b"HTTP/1.1 200 OK\r\n\r\nall")
    exchange.connection_lost(None)
    assert await body_of(exchange) == b"all"


async def test_a_connection_that_breaks_behind_the_head_leaves_the_answer_as_it_is():
    _, exchange = connected(b"HTTP/1.1 204 OK\r\nContent-Length: 9\r\n\r\n")
    exchange.connection_lost(ConnectionResetError())
    await exchange.answer()
    assert exchange.status == 204


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
async def test_a_connection_that_ends_before_the_head_is_told(error):
    _, exchange = connected(b"HTTP/1.1 200 OK\r\n")
    exchange.connection_lost(error)
    with pytest.raises(AnswerBroken, match="the connection"):
        await exchange.answer()


async def test_a_head_that_never_ends_is_not_waited_for():
    _, exchange = connected(b"HTTP/1.1 200 OK\r\n", *[b"X-Drip: 1\r\n"] * (MAX_HEAD_BYTES // 10))
    with pytest.raises(AnswerBroken, match="longer than"):
        await exchange.answer()


async def test_what_was_abandoned_is_closed_and_takes_nothing_in():
    line, exchange = connected(b"HTTP/1.1 200 OK\r\n")
    exchange.abandon()
    exchange.data_received(b"X: 1\r\n\r\n")
    exchange.connection_lost(None)
    assert not line.is_open
    assert exchange.status == 0


def test_a_request_is_written_in_latin_1_with_the_length_of_its_body():
    written = request_bytes("PUT", "/x?y", [("Host", "h"), ("X-Own", "\xe4")], b"hi")
    assert written == b"PUT /x?y HTTP/1.1\r\nHost: h\r\nX-Own: \xe4\r\nContent-Length: 2\r\n\r\nhi"


def test_a_request_that_asks_for_something_may_have_no_body():
    assert request_bytes("GET", "/", [], None) == b"GET / HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize("smuggled", ["a\r\nX: 1", "a\nX: 1", "a\rX", "a\0"])
def test_nothing_in_a_request_ends_a_line_early(smuggled):
    for target, headers in ((smuggled, []), ("/", [(smuggled, "1")]), ("/", [("X", smuggled)])):
        with pytest.raises(ValueError, match="holds another"):
            request_bytes("GET", target, headers, None)
