from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from cloudstead.app.agent.backoff import Backoff
from cloudstead.app.agent.bundle import read_bundle
from cloudstead.app.agent.device import Device
from factories.small_cloud import make_bundle, small_cloud

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Counted:
    """A source whose figures say how often it was read."""

    def __init__(self) -> None:
        self.reads = 0

    def facts(self) -> dict[str, Any]:
        return {"host": {"name": "box"}, "clock": {"type": "clock"}}

    def figures(self) -> dict[str, Any]:
        self.reads += 1
        return {"reads": self.reads, "clock": {"ticks": self.reads}}


@dataclass
class Diary:
    """A log that tells the test's loop about every line."""

    loop: asyncio.AbstractEventLoop
    lines: asyncio.Queue[tuple[str, dict[str, Any]]] = field(default_factory=asyncio.Queue)
    seen: list[str] = field(default_factory=list)

    def info(self, event: str, **fields: Any) -> None:
        self.loop.call_soon_threadsafe(self.lines.put_nowait, (event, fields))

    warning = info

    async def wait_for(self, event: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                line, fields = await self.lines.get()
                self.seen.append(line)
                if line == event:
                    return fields


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_bundle(tmp_path)
    return tmp_path


@asynccontextmanager
async def running(folder: Path, port: int, *, interval_s: float = 0.2) -> AsyncIterator[Diary]:
    """Run a device in a thread, and end it."""
    diary = Diary(asyncio.get_running_loop())
    stop = threading.Event()
    device = Device(
        "lamp",
        host="127.0.0.1",
        port=port,
        tls=read_bundle(folder, "lamp").tls_context(None),
        source=Counted(),
        interval_s=interval_s,
        backoff=Backoff(first_s=0.01, most_s=0.02),
        log=diary,
        should_stop=stop.is_set,
    )
    task = asyncio.create_task(asyncio.to_thread(device.run))
    try:
        yield diary
    finally:
        stop.set()
        await task


async def test_the_first_report_has_the_facts_and_every_report_has_the_figures(folder: Path) -> None:
    async with small_cloud(folder) as cloud, running(folder, cloud.port):
        first, second = await cloud.next_report(), await cloud.next_report()

    assert first == {
        "host": {"name": "box"},
        "clock": {"type": "clock", "ticks": 1},
        "reads": 1,
        "interval_s": 0.2,
    }
    assert second == {"reads": 2, "clock": {"ticks": 2}, "interval_s": 0.2}


async def test_a_wished_interval_is_obeyed_and_reported_back_at_once(folder: Path) -> None:
    async with small_cloud(folder) as cloud, running(folder, cloud.port, interval_s=3600):
        await cloud.next_report()
        cloud.say("update/delta", {"state": {"interval_s": 1800}, "version": 2})
        answer = await cloud.next_report()

    assert answer["interval_s"] == 1800


async def test_a_wish_made_while_the_device_was_away_is_found_on_return(folder: Path) -> None:
    async with small_cloud(folder) as cloud, running(folder, cloud.port, interval_s=3600):
        await cloud.next_report()
        cloud.say("get/accepted", {"state": {"desired": {"interval_s": 900}, "delta": {"interval_s": 900}}})
        answer = await cloud.next_report()

    assert answer["interval_s"] == 900


async def test_an_impossible_wish_changes_nothing_and_is_told_once(folder: Path) -> None:
    async with small_cloud(folder) as cloud, running(folder, cloud.port, interval_s=3600) as diary:
        await cloud.next_report()
        for _ in range(3):
            cloud.say("update/delta", {"state": {"interval_s": -1}})
        await diary.wait_for("wish refused")
        cloud.say("update/delta", {"state": {"interval_s": 1800}})
        answer = await cloud.next_report()
        await diary.wait_for("wish granted")

    assert answer["interval_s"] == 1800
    assert "wish refused" not in diary.seen[diary.seen.index("wish refused") + 1 :]


async def test_a_rejection_is_told(folder: Path) -> None:
    async with small_cloud(folder) as cloud, running(folder, cloud.port) as diary:
        await cloud.next_report()
        cloud.say("update/rejected", {"code": 413, "message": "too large"})
        told = await diary.wait_for("report rejected")

    assert "too large" in told["answer"]


async def test_a_lost_connection_is_made_again_with_the_facts(folder: Path) -> None:
    async with small_cloud(folder) as cloud, running(folder, cloud.port) as diary:
        await cloud.next_report()
        cloud.drop_connections()
        await diary.wait_for("not connected")
        async with asyncio.timeout(10):
            while "host" not in await cloud.next_report():
                pass


async def test_a_cloud_that_is_not_there_is_tried_again(folder: Path) -> None:
    async with small_cloud(folder) as cloud:
        port = cloud.port
    async with running(folder, port) as diary:
        reasons = [(await diary.wait_for("not connected"))["reason"] for _ in range(3)]

    assert reasons == ["Connection refused"] * 3


async def test_a_refusal_is_told_with_its_reason(folder: Path) -> None:
    async with small_cloud(folder, refusing=True) as cloud, running(folder, cloud.port) as diary:
        told = await diary.wait_for("not connected")

    assert told["reason"] == "refused: Not authorized"


# The client library leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")
async def test_a_cloud_with_a_foreign_certificate_is_never_told_anything(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    make_bundle(tmp_path / "foreign")
    async with small_cloud(tmp_path / "foreign") as cloud, running(folder, cloud.port) as diary:
        told = await diary.wait_for("not connected")

    assert "CERTIFICATE_VERIFY_FAILED" in told["reason"]
    assert cloud.reports.empty()


async def test_a_stopped_device_says_good_bye(folder: Path) -> None:
    async with small_cloud(folder) as cloud:
        async with running(folder, cloud.port) as diary:
            await cloud.next_report()
        farewell = await asyncio.wait_for(cloud.farewells.get(), 10)
        await diary.wait_for("stopped")

    assert farewell.by_client
