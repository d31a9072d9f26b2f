"""What keeps the service from doing all of its work at this moment."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudstead.app.cloud import Cloud

_FAILURE_COUNTS_MS: Final = 60_000
_LEAST_FREE_BYTES: Final = 64 << 20  # one segment of the log


async def troubles_of(cloud: Cloud) -> list[str]:
    """Return what is wrong, in words for an operator; empty when nothing is."""
    troubles = []
    spine = cloud.spine
    # The next record that is stored clears it; where nothing is sent, it counts for a minute.
    since_failure_ms = cloud.clock.millis() - spine.intake.last_failure_ms
    if spine.intake.last_failure is not None and since_failure_ms < _FAILURE_COUNTS_MS:
        troubles.append(f"The log cannot be written: {spine.intake.last_failure}")
    if spine.applier.last_failure is not None:
        troubles.append(f"Shadows cannot be read: {spine.applier.last_failure}")
    if spine.projector.last_failure is not None:
        troubles.append(f"Shadows cannot be written: {spine.projector.last_failure}")
    if spine.projector.index_failure is not None:
        troubles.append(f"The index fails, and everything else goes on: {spine.projector.index_failure}")
    if spine.projector.behind:
        troubles.append(f"Searches lack {spine.projector.behind} messages that are still to be indexed.")
    if cloud.archive is not None and cloud.archive.last_failure is not None:
        troubles.append(f"The archive cannot be written: {cloud.archive.last_failure}")
    if spine.is_full:
        troubles.append("More arrives than can be stored: devices have to wait.")
    if cloud.tasks.failed:
        troubles.append(f"Background work has failed, the log says why: {', '.join(cloud.tasks.failed)}")
    if cloud.outgoing.worker.last_failure is not None:
        troubles.append(f"Jobs cannot be claimed: {cloud.outgoing.worker.last_failure}")
    try:
        await cloud.database.health()
    except Exception as error:  # noqa: BLE001 - whatever the store's trouble is, it is the answer
        troubles.append(f"The state store does not answer: {error}")
    try:
        await cloud.index.ping()
    except Exception as error:  # noqa: BLE001 - whatever the store's trouble is, it is the answer
        troubles.append(f"The observation store does not answer: {error}")
    if cloud.index.detached_parts:
        troubles.append(
            f"{cloud.index.detached_parts} parts of the observation store are broken and were set aside: their "
            "observations cannot be found."
        )
    free = shutil.disk_usage(cloud.folder.path).free
    if free < _LEAST_FREE_BYTES:
        troubles.append(f"Only {free >> 20} MiB are free where the data lies.")
    return troubles
