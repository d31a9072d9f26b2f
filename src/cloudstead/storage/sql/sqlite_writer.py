"""The thread that writes to the SQLite file: jobs that wait are committed together, each undone alone when it fails."""

from __future__ import annotations

import sqlite3
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cloudstead.storage.sql.errors import StoreWriteFailed
from cloudstead.storage.sql.sqlite_transaction import SQLiteTransaction
from cloudstead.storage.sql.unit import SqlUnit

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from cloudstead.core.unit import Unit
    from cloudstead.storage.sql.trees import TreeCache

MAX_GROUP: Final = 256
"""Jobs in one commit: bounds how long the first of them waits for the last."""


class _Job(NamedTuple):
    work: Callable[[Unit], Any]
    result: asyncio.Future[Any]


class _Outcome(NamedTuple):
    result: asyncio.Future[Any]
    value: Any
    error: BaseException | None
    events: Sequence[object]


class SQLiteWriter:
    """Takes jobs in the order of their submission; a group is what waited while the group before was written."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        trees: TreeCache,
        *,
        deliver: Callable[..., None],
        on_events: Callable[[Sequence[object]], None],
    ) -> None:
        """Begin. ``deliver(callback, *arguments)`` has to call back on the loop's thread."""
        self._connection = connection
        self._trees = trees
        self._deliver = deliver
        self._on_events = on_events
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="state-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Unit], Any], result: asyncio.Future[Any]) -> None:
        """Queue a job; ``result`` is resolved on the loop's thread after the commit."""
        self._queue.put(_Job(work, result))

    def close(self) -> None:
        """Write what is queued, then end the thread; the connection stays with whoever opened it. Blocks."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            group = [job]
            goes_on = self._gather(group)
            self._deliver(self._settle, self._commit(group))
            if not goes_on:
                return

    def _gather(self, group: list[_Job]) -> bool:
        """Add what waits to the group; return whether more may come."""
        while len(group) < MAX_GROUP:
            try:
                job = self._queue.get_nowait()
            except Empty:
                return True
            if job is None:
                return False
            group.append(job)
        return True

    def _commit(self, group: Sequence[_Job]) -> Sequence[_Outcome]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._attempt(job) for job in group]
            self._connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 (whatever it was, the jobs that wait have to hear of it)
            return self._give_up(group, error)
        return outcomes

    def _attempt(self, job: _Job) -> _Outcome:
        unit = SqlUnit(SQLiteTransaction(self._connection), self._trees)
        self._connection.execute("SAVEPOINT job")
        try:
            value = job.work(unit)
        except Exception as error:  # noqa: BLE001 (it goes to whoever asked)
            # A full disk makes SQLite undo the whole transaction by itself; then this fails, and with it the group.
            self._connection.execute("ROLLBACK TO job")
            self._connection.execute("RELEASE job")
            return _Outcome(job.result, None, error, ())
        self._connection.execute("RELEASE job")
        return _Outcome(job.result, value, None, unit.events)

    def _give_up(self, group: Sequence[_Job], error: BaseException) -> Sequence[_Outcome]:
        failure = StoreWriteFailed(str(error))
        failure.__cause__ = error
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as second:
            # The thread has to live, so that the groups to come are told as well: each will fail at its BEGIN.
            failure.add_note(f"Nor could it be rolled back: {second}")
        self._trees.clear()  # a later job of the group may have kept a tree that an earlier one had changed
        return [_Outcome(job.result, None, failure, ()) for job in group]

    def _settle(self, outcomes: Sequence[_Outcome]) -> None:
        for result, value, error, events in outcomes:
            if events:
                self._on_events(events)
            if result.done():  # the caller was cancelled; what it asked for has happened all the same
                continue
            if error is None:
                result.set_result(value)
            else:
                result.set_exception(error)
