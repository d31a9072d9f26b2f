from concurrent.futures import ThreadPoolExecutor

import pytest

from factories.account_management import build_account_world
from factories.tenants import tenant

__all__ = ["tenant"]


@pytest.fixture(scope="session")
def hashing_thread():
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


@pytest.fixture
async def world(tenant, hashing_thread):
    world = await build_account_world(tenant, hashing_thread)
    yield world
    await world.client.aclose()
    await world.rooms.people.settled()
