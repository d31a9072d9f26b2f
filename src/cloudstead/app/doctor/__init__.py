"""The doctor: looks at a machine and a data folder, changes nothing there, and says what to do.

``finding``       what an examination finds
``machine``       disk, memory, open files, the column store's engine
``network``       whether the listeners answer, or could
``servers``       PostgreSQL and ClickHouse where the settings name them
``stores``        the state, the log, the clock that they were written by
``certificates``  how long they are good for, and whether the secrets are private and fit together
``report``        the findings for people and for programs
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cloudstead.app.data_folder import holder_of
from cloudstead.app.doctor import certificates, machine, network, stores
from cloudstead.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.app.doctor.finding import Finding
    from cloudstead.app.settings import Settings


def examine(settings: Settings) -> Sequence[Finding]:
    """Look at everything; takes about two seconds, most of it for loading the column store's engine once."""
    folder = Path(settings.data.folder).absolute()
    now = SystemClock().now()
    holder = holder_of(folder)
    return [
        *stores.examine(folder, settings, holder=holder, now=now),
        *certificates.examine(folder, settings, now=now),
        *network.examine(settings, is_running=holder is not None),
        *machine.examine(folder, settings),
    ]
