from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.authority import Authority, create_authority, private_key_pem
from protocol.gateway.harness import update


@pytest.fixture
async def pump(site):
    return await site.add_thing("pump")


async def refused_in_the_handshake(site, context):
    """With TLS 1.3 a client learns what its certificate was worth with the first byte that it reads."""
    try:
        client = await site.open_tls(context)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)):
            await client.connect("pump")
    except (ConnectionError, ssl.SSLError):
        pass
    await site.until(lambda: site.gateway.counters()["handshakes_failed"] == 1)
    assert site.gateway.counters()["connections"] == 0


def written(site, certificate_pem, key_pem):
    certificate, key = site.folder / "other.cert.pem", site.folder / "other.key.pem"
    certificate.write_text(certificate_pem)
    key.write_text(key_pem)
    return certificate, key


async def test_a_client_without_a_certificate_fails_in_the_handshake(site):
    await refused_in_the_handshake(site, site.client_context(None))


async def test_a_certificate_of_another_authority_fails_in_the_handshake(site, pump):
    files = create_authority(SystemClock())
    other = Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=SystemClock()
    )
    issued = other.issue_thing_certificate(pump.account_id, pump.name, thing_uid=pump.uid)
    await refused_in_the_handshake(site, site.client_context(written(site, issued.pem, issued.private_key_pem)))


async def test_an_expired_certificate_fails_in_the_handshake(site, pump):
    issuer = x509.load_pem_x509_certificate(site.authority.chain_pem.encode())
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pump")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now - timedelta(days=1))
        .sign(load_pem_private_key(site.issuing_key, None), SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM).decode() + site.authority.chain_pem
    context = site.client_context(written(site, pem, private_key_pem(key).decode()))
    await refused_in_the_handshake(site, context)


async def refused_at_connect(site, context):
    client = await site.open_tls(context)
    assert await client.connect("pump") == 5  # MQTT 3.1.1, section 3.2.2.3: not authorised
    assert await client.closed()
    assert site.gateway.counters()["credentials_refused"] >= 1


async def test_a_genuine_certificate_that_nobody_registered_is_refused(site, pump):
    issued = site.authority.issue_thing_certificate(pump.account_id, pump.name, thing_uid=pump.uid)
    await refused_at_connect(site, site.client_context(written(site, issued.pem, issued.private_key_pem)))


async def test_a_revoked_certificate_is_refused(site, pump):
    context = site.client_context(await site.bundle(pump))
    await site.replace_certificate("pump")
    await refused_at_connect(site, context)


async def test_a_certificate_past_its_end_by_our_clock_is_refused(site, pump):
    context = site.client_context(await site.bundle(pump))
    site.tenant.clock.advance(timedelta(days=365 * 11))
    await refused_at_connect(site, context)


async def test_a_thing_of_a_suspended_account_is_refused(site, pump):
    context = site.client_context(await site.bundle(pump))
    closed = replace(site.tenant.account, status=AccountStatus.SUSPENDED)
    await site.tenant.database.write(lambda unit: unit.accounts.replace(closed))
    await refused_at_connect(site, context)


async def test_a_resumed_tls_session_opens_no_door_for_a_revoked_certificate(site, pump):
    context = site.client_context(await site.bundle(pump))
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # a client of the standard library can resume these by hand
    session, reused = await asyncio.to_thread(connect_once, site.tls_port, context, None)
    assert not reused
    await site.replace_certificate("pump")
    _, reused = await asyncio.to_thread(connect_once, site.tls_port, context, session)
    assert reused
    assert site.gateway.counters()["credentials_refused"] == 1


def connect_once(port, context, session):
    """Connect with a blocking socket; return the TLS session and whether it was a resumed one."""
    import socket

    from protocol.mqtt.harness import connect_packet

    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost", session=session) as tls,
    ):
        tls.sendall(connect_packet("pump"))
        assert tls.recv(4)[0] == 0x20
        return tls.session, tls.session_reused


@pytest.mark.parametrize("protocol", ["x-amzn-mqtt-ca", "mqtt", "h2"])
async def test_clients_may_name_the_protocol_as_aws_does(site, pump, protocol):
    context = site.client_context(await site.bundle(pump))
    context.set_alpn_protocols([protocol])
    client = await site.open_tls(context)
    assert await client.connect("pump") == 0
    tls = client.transport.get_extra_info("ssl_object")
    assert tls.selected_alpn_protocol() == (None if protocol == "h2" else protocol)


async def test_tls_1_1_is_not_spoken(site, pump):
    context = site.client_context(await site.bundle(pump))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    await refused_in_the_handshake(site, context)


async def test_nobody_gets_in_over_the_plain_listener_without_a_token(site):
    client = await site.open_plain()
    assert await client.connect("pump") == 5
    assert await client.closed()


@pytest.mark.parametrize("password", [b"", b"\xff", b"csk_x", b"a.b.c"])
async def test_a_bad_token_is_refused(site, password):
    client = await site.open_plain()
    assert await client.connect("tab", user_name="token", password=password) == 5


async def test_an_expired_token_is_refused(site):
    token = await site.person_token("Read")
    site.tenant.clock.advance(timedelta(hours=1))
    client = await site.open_plain()
    assert await client.connect("tab", user_name="token", password=token.encode()) == 5


async def test_a_disabled_persons_token_is_refused(site):
    token = await site.person_token("Read")
    caller = await site.caller_of(token)

    def disable(unit):
        unit.people.replace(replace(unit.people.get(caller.person_id), is_enabled=False))

    await site.tenant.database.write(disable)
    site.tenant.clock.advance(timedelta(seconds=6))  # longer than callers are remembered
    client = await site.open_plain()
    assert await client.connect("tab", user_name="token", password=token.encode()) == 5


async def test_an_api_key_opens_the_door_under_any_user_name(site):
    _, text = await site.api_key("Read")
    client = await site.open_plain()
    assert await client.connect("tab", user_name="whoever", password=text.encode()) == 0


async def test_a_store_that_cannot_be_read_keeps_clients_out_but_not_for_good(site, pump):
    context = site.client_context(await site.bundle(pump))
    site.door_database.fails = True
    client = await site.open_tls(context)
    assert await client.connect("pump") == 3  # server unavailable
    assert [what for what, _ in site.failures] == ["admission of an MQTT client"]
    site.failures.clear()
    site.door_database.fails = False
    await site.device(pump)


async def test_a_client_that_has_gone_before_it_was_let_in_leaves_nothing_behind(site, pump):
    context = site.client_context(await site.bundle(pump))
    for _ in range(5):
        client = await site.open_tls(context)
        client.send(b"\x10\x10\0\4MQTT\4\2\0\x3c\0\4pump")
        client.abort()
    await site.until(lambda: site.gateway.counters()["connections"] == 0)
    assert site.gateway.counters()["devices"] == site.gateway.counters()["sessions"] == 0
    device = await site.device(pump)
    await device.acknowledgement(device.publish("$aws/things/pump/shadow/update", update(t=1)))
