import asyncio
import queue
import threading

import pytest

from cloudstead.log import GroupCommitWriter, LogClosed, LogWriteFailed, MemoryLog, RecordTooLarge
from cloudstead.log.frames import MAX_RECORD_BYTES

AN_HOUR = 3600.0


class HeldLog(MemoryLog):
    """A log whose disk waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.let_go = threading.Event()

    def append(self, payloads):
        self.reached.set()
        self.let_go.wait()
        return super().append(payloads)


class Outcomes:
    """Collects callbacks in the writer's own thread."""

    def __init__(self) -> None:
        self.commits: list[tuple[int, list[str]]] = []
        self.failures: list[tuple[list[str], Exception]] = []
        self.arrived: queue.SimpleQueue[None] = queue.SimpleQueue()

    def deliver(self, callback, *args):
        callback(*args)
        self.arrived.put(None)

    def on_commit(self, first_offset, entries):
        self.commits.append((first_offset, entries))

    def on_failure(self, entries, error):
        self.failures.append((entries, error))


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


@pytest.fixture
def start(outcomes):
    """Starts a writer whose clock stands still, so that a window never ends by itself."""
    writers: list[GroupCommitWriter[str]] = []

    def start(log, **options):
        options = {"window_s": AN_HOUR, "clock": lambda: 0.0} | options
        writer = GroupCommitWriter[str](
            log,
            deliver=outcomes.deliver,
            on_commit=outcomes.on_commit,
            on_failure=outcomes.on_failure,
            **options,
        )
        writers.append(writer)
        return writer

    yield start
    for writer in writers:
        writer.close()


def test_the_first_record_after_a_pause_is_written_at_once(start, outcomes):
    start(MemoryLog()).submit("a", b"A")
    outcomes.arrived.get(timeout=10)
    assert outcomes.commits == [(1, ["a"])]


def test_records_of_one_window_share_a_commit(start, outcomes):
    writer = start(MemoryLog())
    writer.submit("a", b"A")
    outcomes.arrived.get(timeout=10)
    for entry in "bcd":
        writer.submit(entry, entry.upper().encode())
    writer.flush()
    assert outcomes.commits == [(1, ["a"]), (2, ["b", "c", "d"])]


def test_a_window_ends_by_time(start, outcomes):
    moments = iter([0.0, 0.0, 0.0])
    writer = start(MemoryLog(), window_s=0.001, clock=lambda: next(moments, 1.0))
    for entry in "ab":
        writer.submit(entry, b"x")
        outcomes.arrived.get(timeout=10)
    assert outcomes.commits == [(1, ["a"]), (2, ["b"])]


def test_a_full_batch_does_not_wait_for_its_window(start, outcomes):
    log = HeldLog()
    writer = start(log, max_records=3)
    writer.submit("a", b"x")
    log.reached.wait(timeout=10)
    for entry in "bcdefg":
        writer.submit(entry, b"x")
    log.let_go.set()
    for _ in range(3):
        outcomes.arrived.get(timeout=10)
    assert outcomes.commits == [(1, ["a"]), (2, ["b", "c", "d"]), (5, ["e", "f", "g"])]


def test_large_records_do_not_gather_into_one_huge_write(start, outcomes):
    log = HeldLog()
    writer = start(log)
    writer.submit("a", b"x")
    log.reached.wait(timeout=10)
    for entry in "bcd":
        writer.submit(entry, bytes(3 << 20))
    log.let_go.set()
    writer.flush()
    assert [entries for _, entries in outcomes.commits] == [["a"], ["b", "c"], ["d"]]


def test_what_was_submitted_is_in_the_log_in_that_order(start):
    log = MemoryLog()
    writer = start(log)
    for i in range(2000):
        writer.submit("", b"%d" % i)
    writer.flush()
    assert log.read(1, max_records=5000, max_bytes=1 << 20) == [(i + 1, b"%d" % i) for i in range(2000)]


def test_depth_counts_what_is_not_yet_durable(start):
    log = HeldLog()
    writer = start(log)
    writer.submit("a", b"four")
    log.reached.wait(timeout=10)
    writer.submit("b", b"five!")
    assert (writer.depth, writer.depth_bytes) == (2, 9)
    log.let_go.set()
    writer.flush()
    assert (writer.depth, writer.depth_bytes) == (0, 0)


def test_a_batch_that_failed_is_reported_whole_and_the_next_may_succeed(start, outcomes):
    log = MemoryLog(capacity_bytes=10)
    writer = start(log)
    writer.submit("a", bytes(8))
    outcomes.arrived.get(timeout=10)
    writer.submit("b", bytes(1))
    writer.submit("c", bytes(8))
    writer.flush()
    writer.submit("d", bytes(2))
    writer.flush()
    assert outcomes.commits == [(1, ["a"]), (2, ["d"])]
    [(entries, error)] = outcomes.failures
    assert entries == ["b", "c"]
    assert isinstance(error, LogWriteFailed)
    assert writer.depth == 0


def test_a_log_that_was_closed_below_fails_its_batches(start, outcomes):
    log = MemoryLog()
    writer = start(log)
    log.close()
    writer.submit("a", b"A")
    writer.flush()
    assert [(entries, type(error)) for entries, error in outcomes.failures] == [(["a"], LogClosed)]


def test_closing_writes_all_that_was_submitted(start, outcomes):
    writer = start(MemoryLog(), max_records=2)
    for entry in "abcde":
        writer.submit(entry, b"x")
    writer.close()
    assert [entry for _, entries in outcomes.commits for entry in entries] == list("abcde")


def test_a_closed_writer_takes_nothing(start):
    writer = start(MemoryLog())
    writer.close()
    writer.close()
    with pytest.raises(LogClosed):
        writer.submit("a", b"A")
    with pytest.raises(LogClosed):
        writer.flush()


def test_an_oversized_record_is_refused_before_it_can_spoil_a_batch(start):
    writer = start(MemoryLog())
    with pytest.raises(RecordTooLarge):
        writer.submit("a", bytes(MAX_RECORD_BYTES + 1))
    assert writer.depth == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_ever_when_the_loop_was_closed_first():
    def loop_is_closed(*_: object) -> None:
        raise RuntimeError("Event loop is closed")

    writer = GroupCommitWriter[str](
        MemoryLog(), deliver=loop_is_closed, on_commit=lambda *_: None, on_failure=lambda *_: None
    )
    writer.submit("a", b"A")
    with pytest.raises(LogClosed):
        writer.flush()
    with pytest.raises(LogClosed):
        writer.submit("b", b"B")


async def test_commits_arrive_on_the_event_loop():
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[int, list[str], int]] = loop.create_future()
    writer = GroupCommitWriter[str](
        MemoryLog(),
        deliver=loop.call_soon_threadsafe,
        on_commit=lambda first, entries: done.set_result((first, entries, threading.get_ident())),
        on_failure=lambda *_: None,
    )
    writer.submit("a", b"A")
    assert await done == (1, ["a"], threading.get_ident())
    writer.close()
