from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from cloudstead.core.caller import Grant
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.credentials.certificates import Certificates
from cloudstead.core.credentials.errors import CertificateNotFound, CredentialExpired, CredentialRefused
from cloudstead.core.errors import NotPermitted, OutOfReach
from cloudstead.core.paging import PageRequest
from cloudstead.core.things.errors import ThingNotFound
from cloudstead.core.things.events import CertificatesRevoked


@pytest.fixture
def certificates(tenant):
    files = create_authority(tenant.clock)
    authority = Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=tenant.clock
    )
    return Certificates(authority, tenant.sealer, clock=tenant.clock, ids=tenant.ids)


@pytest.fixture
async def thing(tenant, certificates):
    await tenant.add_domain("sub1")
    thing = await tenant.add_thing("pump", domain_id="sub1")
    await tenant.database.write(lambda unit: certificates.create(unit, thing))
    return thing


async def live(tenant, thing):
    return await tenant.database.read(lambda unit: unit.certificates.live_of(thing.account_id, thing.uid))


async def recognised(tenant, certificates, certificate_id):
    now_ms = tenant.clock.millis()
    return await tenant.database.read(lambda unit: certificates.recognise(unit, certificate_id, now_ms=now_ms))


async def test_a_new_certificate_is_recognised_as_the_things(tenant, certificates, thing):
    (certificate,) = await live(tenant, thing)
    found = await recognised(tenant, certificates, certificate.id)
    assert (found.account_id, found.thing_uid) == (thing.account_id, thing.uid)


async def test_the_private_key_is_stored_sealed(tenant, certificates, thing):
    (certificate,) = await live(tenant, thing)
    assert b"PRIVATE KEY" not in certificate.sealed_private_key
    assert "PRIVATE KEY" not in certificate.pem


async def test_a_download_holds_what_belongs_together(tenant, certificates, thing):
    archive = await tenant.database.read(lambda unit: certificates.download(unit, tenant.caller, thing.name))
    with zipfile.ZipFile(io.BytesIO(archive)) as content:
        files = {name: content.read(name) for name in content.namelist()}
    assert sorted(files) == ["pump/ca.pem", "pump/cert.pem", "pump/privkey.pem", "pump/pubkey.pem"]
    (leaf,) = x509.load_pem_x509_certificates(files["pump/cert.pem"])
    private = load_pem_private_key(files["pump/privkey.pem"], None)
    assert private.public_key() == load_pem_public_key(files["pump/pubkey.pem"]) == leaf.public_key()
    issuers = x509.load_pem_x509_certificates(files["pump/ca.pem"])
    assert leaf.issuer in [authority.subject for authority in issuers]
    assert any(authority.subject == authority.issuer for authority in issuers)


async def test_replacing_revokes_what_was_and_gives_one_new(tenant, certificates, thing):
    (before,) = await live(tenant, thing)
    after = await tenant.database.write(lambda unit: certificates.replace(unit, tenant.caller, thing.name))
    assert [each.id for each in await live(tenant, thing)] == [after.id]
    assert await recognised(tenant, certificates, after.id) == after
    with pytest.raises(CredentialRefused):
        await recognised(tenant, certificates, before.id)
    assert tenant.events == [CertificatesRevoked((before.id,))]


async def test_replacing_is_audited_without_keys(tenant, certificates, thing):
    await tenant.database.write(lambda unit: certificates.replace(unit, tenant.caller, thing.name))
    page = await tenant.database.read(lambda unit: unit.audit.page(tenant.account.id, PageRequest()))
    (entry,) = page.items
    assert (entry.operation, entry.object_id) == ("thing.replace-certificate", "pump")
    assert "KEY" not in repr(entry)


async def test_a_certificate_is_refused_outside_of_its_dates(tenant, certificates, thing):
    (certificate,) = await live(tenant, thing)
    tenant.clock.advance(timedelta(hours=-2))
    with pytest.raises(CredentialRefused):
        await recognised(tenant, certificates, certificate.id)
    tenant.clock.advance(timedelta(days=11 * 365))
    with pytest.raises(CredentialExpired):
        await recognised(tenant, certificates, certificate.id)


async def test_an_unknown_certificate_is_refused(tenant, certificates):
    with pytest.raises(CredentialRefused):
        await recognised(tenant, certificates, "0" * 64)


async def test_a_thing_that_made_its_own_key_has_nothing_to_download(tenant, certificates, thing):
    (certificate,) = await live(tenant, thing)
    own = await tenant.add_thing("own-key")
    foreign = replace(certificate, id="1" * 64, serial="1", thing_uid=own.uid, sealed_private_key=None)
    await tenant.database.write(lambda unit: unit.certificates.add(foreign))
    with pytest.raises(CertificateNotFound):
        await tenant.database.read(lambda unit: certificates.download(unit, tenant.caller, own.name))


@pytest.mark.parametrize("verb", ["replace", "download"])
class TestWhoMay:
    async def run(self, tenant, certificates, verb, caller, name="pump"):
        return await tenant.database.write(lambda unit: getattr(certificates, verb)(unit, caller, name))

    async def test_a_writer_of_the_domain_may(self, tenant, certificates, thing, verb):
        await self.run(tenant, certificates, verb, tenant.caller_of(None, Grant("sub1", "ReadWrite")))

    async def test_nobody_else_may(self, tenant, certificates, thing, verb):
        await tenant.add_domain("sub2")
        with pytest.raises(OutOfReach):
            await self.run(tenant, certificates, verb, tenant.caller_of(None, Grant("sub2", "ReadWrite")))
        with pytest.raises(NotPermitted):
            await self.run(tenant, certificates, verb, tenant.caller_of(None))
        assert tenant.events == []

    async def test_an_unknown_thing_is_not_found(self, tenant, certificates, thing, verb):
        with pytest.raises(ThingNotFound):
            await self.run(tenant, certificates, verb, tenant.caller, "nothing")

    async def test_a_thing_of_another_account_is_not_found(self, tenant, certificates, thing, verb):
        other = await tenant.open_another_account()
        with pytest.raises(ThingNotFound):
            await self.run(tenant, certificates, verb, replace(tenant.caller, account_id=other.id))


async def test_a_reader_may_download_but_not_replace(tenant, certificates, thing):
    reader = tenant.caller_of(None, Grant("root", "Read"))
    await tenant.database.read(lambda unit: certificates.download(unit, reader, thing.name))
    with pytest.raises(NotPermitted):
        await tenant.database.write(lambda unit: certificates.replace(unit, reader, thing.name))
