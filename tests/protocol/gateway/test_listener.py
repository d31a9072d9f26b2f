"""The gateway tells who comes and goes."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest

from protocol.gateway.harness import close_site, open_site


class Heard:
    def __init__(self):
        self.lines = []
        self.reasons = []

    def connected(self, role, *, space, source_address):
        self.lines.append(("connected", role.principal, space, source_address))

    def refused(self, *, reason, code, source_address):
        self.lines.append(("refused", code, source_address))
        self.reasons.append(reason)

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


async def knocks(site, context=None, *, says=b""):
    """Come to the devices' listener, say something, and wait until it is over."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.tls_port, ssl=context)
        writer.write(says)
        await reader.read()
        writer.close()
    except (ConnectionError, ssl.SSLError):
        pass
    await site.until(lambda: site.gateway.counters()["handshakes_failed"] == 1)


def trusting(site):
    context = ssl.create_default_context(cadata=site.authority.root_pem)
    context.check_hostname = False
    return context


async def test_a_client_without_a_certificate_is_told_in_words(site, heard):
    await knocks(site, trusting(site))
    assert heard.reasons == ["The client showed no certificate."]
    assert heard.lines == [("refused", 135, "127.0.0.1")]


async def test_a_client_that_does_not_trust_us_is_told_what_it_lacks(site, heard):
    def greet():  # the event loop's own client breaks off without the alert that says why
        context = ssl.create_default_context()
        with socket.create_connection(("127.0.0.1", site.tls_port)) as line, pytest.raises(ssl.SSLError):
            context.wrap_socket(line, server_hostname="localhost")

    await asyncio.to_thread(greet)
    await site.until(lambda: heard.reasons != [])
    assert len(heard.reasons) == 1
    assert "ca.pem" in heard.reasons[0]


async def test_a_client_that_speaks_no_tls_is_told_so(site, heard):
    await knocks(site, says=b"GET / HTTP/1.1\r\n\r\n")
    assert heard.reasons == ["The client spoke no TLS."]


async def test_a_certificate_of_somebody_else_is_told_with_the_doubt(site, heard, tmp_path_factory):
    other = await open_site(tmp_path_factory.mktemp("other"))
    stranger = await other.bundle(await other.add_thing("pump"))
    await close_site(other)
    context = trusting(site)
    context.load_cert_chain(*stranger)
    await knocks(site, context)
    assert len(heard.reasons) == 1
    assert heard.reasons[0].startswith("The client's certificate was not believed: ")


async def test_whoever_only_looks_at_the_port_is_not_told(site, heard):
    _, writer = await asyncio.open_connection("127.0.0.1", site.tls_port)
    writer.close()
    await site.until(lambda: site.gateway.counters()["handshakes_failed"] == 1)
    assert heard.reasons == []


async def test_a_publish_that_ends_a_connection_is_told_with_its_topic(site, heard):
    device = await site.device(await site.add_thing("pump"))
    device.publish("v1/devices/me/telemetry", b"{}", qos=1)
    await site.until(lambda: len(heard.lines) == 2)
    assert heard.lines[1] == ("left", "thing:pump", "publish is not allowed: v1/devices/me/telemetry")
