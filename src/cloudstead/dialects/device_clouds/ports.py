"""What the handlers need from the rest of the house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.connecting import Connecting
    from cloudstead.core.clouds.devices import CloudDevices
    from cloudstead.core.clouds.listing import CloudFinder
    from cloudstead.core.clouds.provisioning import Provisioning
    from cloudstead.core.clouds.registry import Clouds
    from cloudstead.core.clouds.removing import Removing
    from cloudstead.core.clouds.service_tokens import ServiceTokens
    from cloudstead.core.clouds.stack_updates import StackUpdates
    from cloudstead.core.clouds.tokens import CloudTokens
    from cloudstead.core.clouds.usage import UsageBook
    from cloudstead.core.clouds.waiting import Waiting
    from cloudstead.core.unit import Database
    from cloudstead.dialects.device_clouds.auth import Callers


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The rooms behind this dialect. ``own_names`` are the host names of the installation itself."""

    clock: Clock
    database: Database
    callers: Callers
    clouds: Clouds
    finder: CloudFinder
    provisioning: Provisioning
    removing: Removing
    connecting: Connecting
    stack_updates: StackUpdates
    waiting: Waiting
    usage: UsageBook
    tokens: CloudTokens
    devices: CloudDevices
    service_tokens: ServiceTokens
    own_names: frozenset[str]
    log: FilteringBoundLogger
