"""Devices on the IoT data plane: known by the certificate that the TLS handshake has checked."""

from __future__ import annotations

import httpx2
import pytest

from contract.aws.installation import Devices

SHADOW = "/things/lamp/shadow"
KEY = {"authorization": "Bearer csk_anna_secret"}


@pytest.fixture
def device(cloud):
    """Return a client whose connection shows a certificate, as the listener with TLS tells it."""

    def connected(certificate: bytes = Devices.CERTIFICATE) -> httpx2.AsyncClient:
        async def certified(scope, receive, send):
            scope["state"] = {"peer_certificate": certificate}
            await cloud.app(scope, receive, send)

        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=certified), base_url="https://127.0.0.1")

    return connected


async def test_a_device_reads_and_writes_its_own_shadow(device):
    async with device() as client:
        state = b'{"state":{"reported":{"on":true}}}'
        assert (await client.post(SHADOW, content=state)).content == state
        assert (await client.get(SHADOW)).content == state
        assert (await client.delete(SHADOW)).status_code == 200
        assert (await client.get(SHADOW)).status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_device_cannot_touch_another_thing(device, method):
    async with device() as client:
        answer = await client.request(method, "/things/door/shadow")
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, "ForbiddenException")


async def test_a_device_publishes_to_its_own_topics_only(cloud, device):
    async with device() as client:
        accepted = await client.post("/topics/$aws/things/lamp/shadow/update?qos=1", content=b"{}")
        refused = await client.post("/topics/thing-update/lamp", content=b"{}")
    assert accepted.status_code == 200
    assert refused.status_code == 403
    assert cloud.topics.published == [("lamp", "$aws/things/lamp/shadow/update", b"{}", 1)]


async def test_a_certificate_that_opens_no_door_is_refused(device):
    async with device(b"revoked") as client:
        answer = await client.get(SHADOW)
    assert answer.status_code == 403


async def test_a_token_says_more_than_the_certificate_of_the_connection(cloud, device):
    async with device() as client:
        await client.post("/things/door/shadow", content=b"{}", headers=KEY)
    assert (cloud.home.id, "door") in cloud.shadows.documents
