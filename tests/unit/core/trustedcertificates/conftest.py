from __future__ import annotations

from datetime import UTC, datetime

import pytest

from factories.tenants import open_tenant
from factories.trusting import trusting


@pytest.fixture
async def tenant(tmp_path):
    opened = await open_tenant(tmp_path)
    opened.clock.advance(datetime.now(UTC) - opened.clock.now())  # the certificates of tests begin an hour ago
    yield opened
    await opened.database.close()


@pytest.fixture
def trust(tenant):
    return trusting(tenant)
