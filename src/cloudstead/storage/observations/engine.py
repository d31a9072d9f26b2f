"""Connections to ClickHouse, each with a thread of its own.

A session is never shared between threads: chDB would queue its statements, and a server would refuse them. The embedded
engine must not be open across a fork, and one process alone may have its folder open.
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

import clickhouse_connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from clickhouse_connect.driver.client import Client

_T = TypeVar("_T")

_BEHIND: Final = 10  # nice(1)

Settings = dict[str, Any]


class Engine(Protocol):
    """Where the store is, and how to reach it."""

    @property
    def is_shared(self) -> bool:
        """Tell whether other processes may write to the store too."""
        ...

    def connect(self, settings: Mapping[str, Any]) -> Client:
        """Open a session with settings of its own."""
        ...


@dataclass(frozen=True, slots=True)
class EmbeddedEngine:
    """ClickHouse inside of this process, through chDB, over a local folder."""

    folder: Path

    @property
    def is_shared(self) -> bool:
        """Tell that this process alone has the folder open."""
        return False

    def connect(self, settings: Mapping[str, Any]) -> Client:
        """Open a session with settings of its own."""
        return clickhouse_connect.get_client(interface="chdb", path=str(self.folder), settings=dict(settings))


@dataclass(frozen=True, slots=True)
class ServerEngine:
    """A ClickHouse server, over HTTP."""

    host: str
    port: int
    database: str = "default"
    user: str = "default"
    password: str = ""
    secure: bool = False

    @classmethod
    def of_url(cls, url: str) -> ServerEngine:
        """Read ``http://user:password@host:8123/database``; with ``https`` the connection is secured."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("the address of a ClickHouse server begins with http:// or https:// and names a host")
        secure = parts.scheme == "https"
        return cls(
            parts.hostname,
            parts.port or (8443 if secure else 8123),
            database=parts.path.strip("/") or "default",
            user=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            secure=secure,
        )

    @property
    def is_shared(self) -> bool:
        """Tell that other processes may be connected as well."""
        return True

    def connect(self, settings: Mapping[str, Any]) -> Client:
        """Open a session with settings of its own."""
        return clickhouse_connect.get_client(
            interface="https" if self.secure else "http",
            host=self.host,
            port=self.port,
            database=self.database,
            username=self.user,
            password=self.password,
            settings=dict(settings),
            # Each thread has one connection and keeps nothing in a session: none can be locked by another.
            autogenerate_session_id=False,
        )


def step_back() -> None:
    """Let other threads go first where there is not processor time enough for all; for the calling thread alone.

    The threads that the embedded engine starts on its behalf inherit this. Nobody waits for what is written in the
    background, but devices wait for the event loop.
    """
    with suppress(OSError):  # a container may forbid it, and then everybody is equal
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BEHIND)


class Sessions:
    """Threads that each hold one session, and the work that is handed to them."""

    def __init__(
        self,
        engine: Engine,
        settings: Mapping[str, Any],
        *,
        threads: int,
        name: str,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        """``prepare`` is called in each thread before its first work."""
        self._engine = engine
        self._settings = settings
        self._local = threading.local()
        self._opened: list[Client] = []
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=prepare)

    async def run(self, work: Callable[[Client], _T]) -> _T:
        """Do a piece of work with the session of whichever thread is free."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._with_session, work)

    def _with_session(self, work: Callable[[Client], _T]) -> _T:
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            client = self._engine.connect(self._settings)
            self._local.client = client
            with self._lock:
                self._opened.append(client)
        return work(client)

    async def close(self) -> None:
        """Wait for work that was begun, then close every session."""
        await asyncio.to_thread(self._pool.shutdown)
        for client in self._opened:
            await asyncio.to_thread(client.close)
        self._opened.clear()
