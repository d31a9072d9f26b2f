from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from contract.aws.installation import Installation, Server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def _served() -> Iterator[Installation]:
    installation = Installation()
    server = Server(installation)
    server.start()
    server.ready.wait()
    yield installation
    server.stop()


@pytest.fixture
def cloud(_served: Installation) -> Iterator[Installation]:
    """The installation, as it was before the test before."""
    yield _served
    _served.clock.shift = timedelta()
    _served.callers.disabled.clear()
    _served.runtime.runs.clear()
    _served.shadows.documents.clear()
    _served.topics.published.clear()
    _served.lines.entries.clear()
