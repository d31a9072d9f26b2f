"""The archive beside the spine: begun before it, fed by it, ended after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.archive.archive import Archive

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack

    from cloudstead.app.settings import Settings
    from cloudstead.app.tasks import Tasks
    from cloudstead.core.clock import Clock
    from cloudstead.core.files.ports import ObjectStore
    from cloudstead.core.spine.intake import Intake
    from cloudstead.core.spine.requests import ShadowRequest
    from cloudstead.core.unit import Database
    from cloudstead.log import CommitLog


async def start_archive(
    settings: Settings,
    stack: AsyncExitStack,
    *,
    clock: Clock,
    database: Database,
    objects: ObjectStore,
    log: CommitLog,
    tasks: Tasks,
) -> Archive | None:
    """Start the archive, ``None`` when it is off; raise ``LogBehindStore``. It catches up in the background."""
    if not settings.archive.enabled:
        return None
    archive = Archive(clock=clock, database=database, objects=objects, log=log, report=tasks.report)
    await archive.start()
    running = tasks.keep(archive.run())

    async def stop() -> None:
        archive.stop()
        await running

    stack.push_async_callback(stop)
    return archive


def on_commit(intake: Intake, archive: Archive | None) -> Callable[[int, list[ShadowRequest]], None]:
    """Return whom the log writer tells of each batch: the devices first."""
    if archive is None:
        return intake.committed

    def committed(first_offset: int, batch: list[ShadowRequest]) -> None:
        intake.committed(first_offset, batch)
        archive.committed(first_offset, batch)

    return committed
