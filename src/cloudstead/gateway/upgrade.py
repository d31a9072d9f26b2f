"""The WebSocket handshake for clients that keep the letter of RFC 6455 loosely; everything else is uvicorn's.

Given to uvicorn as ``ws=LooseWebSocketProtocol``. The AWS IoT SDK for Python of 2017 sends a key of 128 bytes where the
RFC (section 4.1) has 16, and looks for the answer's ``sec-websocket-accept`` in lower case.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.utils import accept_key

_KEY: Final = "Sec-WebSocket-Key"
_ACCEPT: Final = "Sec-WebSocket-Accept"
_LONGEST_KEY: Final = 256
_USUAL_KEY: Final = base64.b64encode(bytes(16)).decode()


class _LooseServerProtocol(ServerProtocol):
    """Accepts keys of any length."""

    def process_request(self, request: Request) -> tuple[str, str | None, str | None]:
        keys = request.headers.get_all(_KEY)
        if len(keys) != 1 or not _is_long_key(keys[0]):
            return super().process_request(request)
        headers = request.headers.copy()
        del headers[_KEY]
        headers[_KEY] = _USUAL_KEY
        _, extensions, subprotocol = super().process_request(Request(request.path, headers))
        return accept_key(keys[0]), extensions, subprotocol


class LooseWebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket connection with the looser handshake."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Take what uvicorn gives."""
        super().__init__(*arguments, **named)
        strict = self.conn
        self.conn = _LooseServerProtocol(
            extensions=strict.available_extensions, max_size=self.config.ws_max_size, logger=strict.logger
        )

    def handle_connect(self, event: Request) -> None:
        """Write the header that such clients look for in the letters that they look for."""
        super().handle_connect(event)
        headers = self.response.headers
        accept = headers.get(_ACCEPT)
        if accept is not None:
            del headers[_ACCEPT]
            headers[_ACCEPT.lower()] = accept


def _is_long_key(key: str) -> bool:
    if len(key) > _LONGEST_KEY:
        return False
    try:
        return len(base64.b64decode(key.encode(), validate=True)) > 16
    except (binascii.Error, UnicodeEncodeError):
        return False
