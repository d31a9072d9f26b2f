from __future__ import annotations

import asyncio

from cloudstead.work.pauses import RealPauses


async def test_a_pause_ends_with_what_it_waits_for() -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(RealPauses().until(event, 3600))
    await asyncio.sleep(0)
    assert not waiting.done()

    event.set()

    await asyncio.wait_for(waiting, 10)


async def test_a_pause_ends_with_its_time() -> None:
    event = asyncio.Event()

    await RealPauses().until(event, 0.001)

    assert not event.is_set()
