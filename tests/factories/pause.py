"""A unit of work held in its middle, so that a test decides what happens beside it."""

from __future__ import annotations

import asyncio
import threading

from sqlalchemy.util import await_only

from cloudstead.storage.sql.sqlite_database import SQLiteDatabase


class Pause:
    """Where a unit of work waits: on SQLite in its thread, on PostgreSQL in its greenlet of the loop."""

    def __init__(self, database):
        self._is_threaded = isinstance(database, SQLiteDatabase)
        self._loop = asyncio.get_running_loop()
        self._reached = asyncio.Event()
        self._go_on = threading.Event() if self._is_threaded else asyncio.Event()

    def here(self):
        self._loop.call_soon_threadsafe(self._reached.set)
        if self._is_threaded:
            assert self._go_on.wait(10)
        else:
            await_only(self._go_on.wait())

    async def reached(self):
        await self._reached.wait()

    def end(self):
        self._go_on.set()
