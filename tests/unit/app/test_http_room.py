"""HTTP connections are bounded, all together and those of one address."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import uvloop
from starlette.responses import PlainTextResponse

from cloudstead.app.addresses import Address
from cloudstead.app.http_connection import MAX_FULL_S, HttpConnection
from cloudstead.app.http_room import HttpRoom
from cloudstead.app.http_server import HttpServer, bind
from unit.app.test_http_connection import REQUEST, UPGRADE, answer, connect, settle, wait


def pytest_asyncio_loop_factories(config: Any, item: Any) -> dict[str, Any]:
    return {"uvloop": uvloop.new_event_loop}


def come(room: HttpRoom) -> HttpConnection:
    return connect(answer, room=room)


async def ask(connection: HttpConnection) -> bytes:
    connection.data_received(REQUEST + b"\r\n")
    await settle()
    written: bytes = connection.transport.written
    return written


async def test_who_finds_no_room_is_told_so_and_ended() -> None:
    room = HttpRoom(2)
    first, second, third = come(room), come(room), come(room)
    assert (await ask(first)).startswith(b"HTTP/1.1 200 ")
    refusal = await ask(third)
    assert refusal.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nconnection: close\r\n" in refusal
    head, _, body = refusal.partition(b"\r\n\r\n")
    assert b"content-length: %d\r\n" % len(body) in head
    assert third.transport.end == "closed"
    assert not second.transport.is_closing()
    assert (room.open, room.turned_away) == (2, 1)


async def test_who_leaves_makes_room_and_who_was_turned_away_does_not() -> None:
    room = HttpRoom(1)
    first, second = come(room), come(room)
    second.connection_lost(None)
    assert room.open == 1
    first.connection_lost(None)
    assert room.open == 0
    assert (await ask(come(room))).startswith(b"HTTP/1.1 200 ")


async def test_a_websocket_is_no_http_connection_any_more() -> None:
    room = HttpRoom(1)
    connection = come(room)
    connection.data_received(REQUEST + UPGRADE + b"\r\n")
    await settle()
    assert b" 101 " in connection.transport.written
    assert room.open == 0


async def test_who_finds_no_room_and_says_nothing_is_ended_soon() -> None:
    room = HttpRoom(1)
    _kept, silent = come(room), come(room)
    await wait(silent, MAX_FULL_S)
    assert silent.transport.end == "aborted"


async def test_in_a_storm_nobody_is_told() -> None:
    room = HttpRoom(1)
    come(room)
    turned_away = [come(room) for _ in range(300)]
    assert [each.transport.end for each in turned_away[256:]] == ["aborted"] * 44
    assert turned_away[0].transport.end == ""
    turned_away[0].connection_lost(None)
    assert come(room).transport.end == ""


def test_one_address_does_not_take_all_the_room() -> None:
    room = HttpRoom(10, of_an_address=2)
    assert [room.take("a"), room.take("a"), room.take("a"), room.take("b"), room.take(None)] == [
        True,
        True,
        False,
        True,
        True,
    ]
    room.leave("a")
    assert room.take("a")


def test_without_a_bound_one_address_may_have_it_all() -> None:
    room = HttpRoom(3, of_an_address=0)
    assert [room.take("a") for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("limit", [3])
async def test_a_real_client_reads_why_it_is_turned_away(limit: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("here")(scope, receive, send)

    room = HttpRoom(limit)
    server = HttpServer(app, bind("http", Address("127.0.0.1", 0)), room=room)
    await server.start()

    def talk() -> list[bytes]:
        clients = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(limit + 1)]
        for client in clients[:limit]:
            client.sendall(REQUEST + b"\r\n")
        answers = [client.recv(12) for client in clients[:limit]]
        clients[limit].sendall(REQUEST + b"\r\n")
        answers.append(clients[limit].recv(12))
        for client in clients:
            client.close()
        return answers

    answers = await asyncio.to_thread(talk)
    await server.stop()
    assert answers == [b"HTTP/1.1 200"] * limit + [b"HTTP/1.1 503"]
    assert room.turned_away == 1
