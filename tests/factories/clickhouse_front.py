"""A small HTTP front before chDB: enough of ClickHouse's HTTP interface for its own client to work through it.

It lives in the process that has the engine open, because one process alone may have it.
"""

from __future__ import annotations

import re
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import chdb

if TYPE_CHECKING:
    from pathlib import Path

# What the client puts among the parameters for the server itself rather than for the statement.
_TRANSPORT = {"query", "database", "query_id", "session_id", "client_protocol_version", "wait_end_of_query", "compress"}
_TRANSPORT |= {
    "buffer_size",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
    "cancel_http_readonly_queries_on_client_close",
}
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ClickHouseFront

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/ping":
            self._send(200, b"Ok.\n", {})
            return
        parameters = dict(parse_qsl(parts.query))
        statement = parameters.get("query", "")
        data = body if statement else b""
        statement = statement or body.decode()
        settings = {name: value for name, value in parameters.items() if name not in _TRANSPORT}
        token = settings.pop("insert_deduplication_token", None)
        if token is not None:
            statement = statement.replace(" FORMAT ", f" SETTINGS insert_deduplication_token = '{token}' FORMAT ")
        self.server.seen.append(statement)
        try:
            found, written = self.server.run(statement, data, settings)
        except Exception as error:  # noqa: BLE001 (a server answers whatever happens)
            text = str(error)
            code = _CODE.search(text)
            self._send(500, text.encode(), {"X-ClickHouse-Exception-Code": code[1] if code else "0"})
            return
        self._send(200, found, {"X-ClickHouse-Format": written, "X-ClickHouse-Timezone": "UTC"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (the base class names it so)
        """Say nothing."""


class ClickHouseFront(ThreadingHTTPServer):
    """Listens on a free port of loopback until closed; `seen` holds every statement that came in."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._folder = str(folder)
        self.seen: list[str] = []
        self._lock = threading.Lock()
        self._connections: dict[tuple[tuple[str, str], ...], chdb.Connection] = {}
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/default"

    def run(self, statement: str, data: bytes, settings: dict[str, str]) -> tuple[bytes, str]:
        named = _FORMAT.search(statement)
        written = named[1] if named else "TabSeparated"
        with self._lock:
            connection = self._connection(settings)
            if not data:
                return connection.query(statement, written).bytes() or b"", written
            with tempfile.NamedTemporaryFile() as block:
                block.write(data)
                block.flush()
                head = statement[: named.start()] if named else statement
                values, _, settings_clause = head.partition(" SETTINGS ")
                tail = f" SETTINGS {settings_clause}" if settings_clause else ""
                connection.query(f"{values} FROM INFILE '{block.name}'{tail} FORMAT {written}")
            return b"", written

    def _connection(self, settings: dict[str, str]) -> chdb.Connection:
        """Sessions without an id have no memory, so requests with the same settings may share a connection."""
        key = tuple(sorted(settings.items()))
        if key not in self._connections:
            connection = chdb.connect(self._folder)
            # A read-only session could not be given the rest.
            for name, value in sorted(key, key=lambda setting: setting[0] == "readonly"):
                escaped = value.replace("\\", "\\\\").replace("'", "\\'")
                connection.query(f"SET {name} = '{escaped}'")
            self._connections[key] = connection
        return self._connections[key]

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()
        for connection in self._connections.values():
            connection.close()
