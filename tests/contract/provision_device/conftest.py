import pytest

from factories.provisioning import build_world
from factories.tenants import tenant

__all__ = ["tenant"]


@pytest.fixture
async def world(tenant):
    world = await build_world(tenant)
    yield world
    await world.client.aclose()
