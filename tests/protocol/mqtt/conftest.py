import pytest

from protocol.mqtt.harness import World


@pytest.fixture
def world() -> World:
    return World()
