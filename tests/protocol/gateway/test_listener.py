"""The gateway tells who comes and goes."""

from __future__ import annotations

import pytest

from protocol.gateway.harness import close_site, open_site


class Heard:
    def __init__(self):
        self.lines = []

    def connected(self, role, *, space, source_address):
        self.lines.append(("connected", role.principal, space, source_address))

    def refused(self, *, reason, code, source_address):
        self.lines.append(("refused", code, source_address))

    def left(self, role, *, reason, code):
        self.lines.append(("left", role.principal, reason))


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
async def site(tmp_path, heard):
    opened = await open_site(tmp_path, listener=heard)
    yield opened
    await close_site(opened)


async def test_a_device_that_comes_and_goes_is_told(site, heard):
    device = await site.device(await site.add_thing("pump"))
    assert heard.lines == [("connected", "thing:pump", site.tenant.account.id, "127.0.0.1")]
    await device.disconnect()
    await site.until(lambda: len(heard.lines) == 2)
    assert heard.lines[1][:2] == ("left", "thing:pump")


async def test_a_client_that_is_refused_is_told_and_not_as_one_that_left(site, heard):
    client = await site.open_plain()
    assert await client.connect("x", user_name="token", password=b"guess") == 5
    await site.until(lambda: heard.lines != [])
    assert [line[0] for line in heard.lines] == ["refused"]
    assert heard.lines[0][2] == "127.0.0.1"
