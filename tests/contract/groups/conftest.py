import pytest

from factories.groups import build_group_world
from factories.tenants import tenant

__all__ = ["tenant"]


@pytest.fixture
async def world(tenant):
    world = await build_group_world(tenant)
    yield world
    await world.client.aclose()
    await world.life.crash()
