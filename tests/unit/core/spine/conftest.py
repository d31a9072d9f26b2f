from __future__ import annotations

import pytest

from factories.spine import World
from factories.tenants import tenant

__all__ = ["tenant"]


@pytest.fixture
async def world(tenant):
    await tenant.add_domain("sub1")
    await tenant.add_thing("lamp", domain_id="sub1")
    await tenant.add_thing("pump")
    made = World(tenant)
    yield made
    for life in made.lives:
        await life.crash()


@pytest.fixture
async def life(world):
    return await world.live()
