"""When API keys were last used, written every few seconds and at the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from cloudstead.core.credentials.key_uses import KeyUses

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from cloudstead.app.tasks import Tasks
    from cloudstead.core.clock import Clock
    from cloudstead.storage.sql import Database

_EVERY_S: Final = 5.0


def follow_key_uses(stack: AsyncExitStack, *, clock: Clock, database: Database, tasks: Tasks) -> KeyUses:
    """Return where uses are noted; what was noted is written until the stack ends, and then once more."""
    uses = KeyUses(clock)

    async def write() -> None:
        try:
            await uses.write(database)
        except Exception as error:  # noqa: BLE001 - the writer's edge: reported, and tried again
            tasks.report("writing when API keys were used", error)

    async def write_now_and_then() -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            await write()

    tasks.keep(write_now_and_then())
    stack.push_async_callback(write)
    return uses
