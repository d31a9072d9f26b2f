from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from cloudstead.app.places import addresses_of, local_place
from cloudstead.app.settings import PublicSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Listen = Callable[[str], socket.socket]


@pytest.fixture
def listen() -> Iterator[Listen]:
    opened = []

    def open_one(host: str) -> socket.socket:
        opened.append(socket.create_server((host, 0)))
        return opened[-1]

    yield open_one
    for sock in opened:
        sock.close()


@pytest.mark.parametrize(
    ("hostname", "host", "shown"),
    [
        ("localhost", "127.0.0.1", "127.0.0.1"),
        ("localhost", "0.0.0.0", "localhost"),
        ("cloud.example", "127.0.0.1", "cloud.example"),
        ("cloud.example", "0.0.0.0", "cloud.example"),
        ("::1", "127.0.0.1", "[::1]"),
    ],
)
def test_the_name_that_the_operator_gave_wins(listen: Listen, hostname: str, host: str, shown: str) -> None:
    sock = listen(host)
    port = sock.getsockname()[1]
    sockets = {"http": sock, "https": sock, "mqtts": sock, "mqtt": None, "thing_event": None}
    found = addresses_of(Settings(public=PublicSettings(hostname=hostname)), sockets)

    assert (found.http, found.https) == (f"http://{shown}:{port}", f"https://{shown}:{port}")
    assert (found.mqtts, found.iot_host, found.thing_event) == (f"{shown}:{port}", f"{shown}:{port}", None)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_this_machine_finds_a_listener_without_any_name(listen: Listen, host: str) -> None:
    sock = listen(host)

    assert local_place(sock) == f"127.0.0.1:{sock.getsockname()[1]}"
