import pytest

from factories.device_clouds import build_cloud_world
from factories.tenants import tenant

__all__ = ["tenant"]


@pytest.fixture
async def world(tenant):
    world = await build_cloud_world(tenant)
    yield world
    await world.client.aclose()
