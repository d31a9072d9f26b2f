"""A receiver of webhooks that answers after a while: a process of its own, and a cheap one.

Usage: _slow_receiver.py SECONDS. Prints its port, and for each line of standard input how many it has answered.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final, cast

import uvloop

_ANSWER: Final = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
_LENGTH: Final = b"content-length:"


class Receiver(asyncio.Protocol):
    """Reads one request on each connection."""

    answered = 0

    def __init__(self, answer_after_s: float) -> None:
        self._answer_after_s = answer_after_s
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._request += data
        head, end, body = self._request.partition(b"\r\n\r\n")
        if not end:
            return
        length = next((line[len(_LENGTH) :] for line in head.lower().split(b"\r\n") if line.startswith(_LENGTH)), b"0")
        if len(body) >= int(length):
            asyncio.get_running_loop().call_later(self._answer_after_s, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(_ANSWER)
            self._transport.close()
            Receiver.answered += 1


async def serve(answer_after_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Receiver(answer_after_s), "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(Receiver.answered, flush=True)


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1])))
