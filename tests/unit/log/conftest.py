from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloudstead.log import CommitLog, Log, MemoryLog


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def pass_time(self, span: timedelta) -> None:
        self.moment += span


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=["disk", "memory"])
def log(request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock) -> Iterator[Log]:
    """Each kind of log, with every batch in a segment of its own."""
    if request.param == "memory":
        yield MemoryLog(now=clock)
    else:
        with CommitLog.open(tmp_path / "log", segment_bytes=1, now=clock) as opened:
            yield opened


@pytest.fixture
def open_log(tmp_path: Path) -> Iterator[Callable[..., CommitLog]]:
    """Opens the log of this test, closing it first when it is open."""
    opened: list[CommitLog] = []

    def reopen(**options: object) -> CommitLog:
        for old in opened:
            old.close()
        opened.append(CommitLog.open(tmp_path / "log", **options))
        return opened[-1]

    yield reopen
    for old in opened:
        old.close()
