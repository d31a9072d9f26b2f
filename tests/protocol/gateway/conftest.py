from __future__ import annotations

import pytest
import uvloop

from cloudstead.core.accounts.model import MqttProfile
from protocol.gateway.harness import close_site, open_site


def pytest_asyncio_loop_factories(config, item):
    # What the application runs on: its transports differ from asyncio's own in what they do when paused or closed.
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def site(tmp_path):
    opened = await open_site(tmp_path)
    yield opened
    await close_site(opened)
    assert opened.failures == []


@pytest.fixture
async def standard_site(tmp_path):
    """A gateway whose account has the profile ``standard``."""
    opened = await open_site(tmp_path, profile=MqttProfile.STANDARD)
    yield opened
    await close_site(opened)
    assert opened.failures == []
