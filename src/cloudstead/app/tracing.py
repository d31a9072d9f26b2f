"""Following one message, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.trace.model import Keeping
from cloudstead.core.trace.tracing import Tracing

if TYPE_CHECKING:
    from cloudstead.app.cloud import Cloud


def tracing_of(cloud: Cloud) -> Tracing:
    """Return what follows messages through this cloud."""
    settings = cloud.settings
    return Tracing(
        clock=cloud.clock,
        database=cloud.database,
        things=cloud.things,
        spine=cloud.spine,
        index=cloud.index,
        log=cloud.log,
        archive=cloud.archive,
        objects=cloud.objects,
        keeping=Keeping(
            log_days=settings.log.keep_days,
            observation_days=settings.observations.keep_days,
            archive_days=settings.archive.keep_days if settings.archive.enabled else None,
        ),
    )
