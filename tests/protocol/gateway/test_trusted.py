"""Devices with certificates of their account's own authority, over TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.ids import DomainId, ThingName
from cloudstead.core.paging import PageRequest
from cloudstead.core.thingtypes.model import ThingType
from cloudstead.core.trustedcertificates.admission import ENROLLED_TYPE
from cloudstead.core.trustedcertificates.model import TrustedStatus
from factories.authorities import Party, authority, device, name_of
from factories.trusting import trusting
from protocol.gateway.harness import MAX_DEVICES, close_site, open_site, update
from protocol.mqtt.harness import connect_packet

NOT_AUTHORIZED = 5
NOW = datetime.now(UTC)
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


class Refusals(list):
    """Hears the gateway, and keeps why somebody was refused."""

    def connected(self, role, *, space, source_address): ...

    def refused(self, *, reason, code, source_address):
        self.append(reason)

    def left(self, role, *, reason, code): ...


@pytest.fixture
def refusals():
    return Refusals()


@pytest.fixture
async def site(tmp_path, refusals):
    opened = await open_site(tmp_path, listener=refusals)
    yield opened
    await close_site(opened)
    assert opened.failures == []


@pytest.fixture
def trust(site):
    return trusting(site.tenant)


@pytest.fixture(scope="module")
def acme():
    return authority("Acme devices")


def context_of(site, party, *others, version=None):
    context = site.client_context(party.files(site.folder, *others))
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


async def connect(site, party, *others, client_id="some", context=None):
    """Return a client and the code of its CONNACK; the code is ``None`` where the handshake did not succeed."""
    try:
        client = await site.open_tls(context or context_of(site, party, *others))
        return client, await client.connect(client_id)
    except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
        return None, None


async def code_of(site, party, *others, **options):
    return (await connect(site, party, *others, **options))[1]


async def find(site, name, account_id=None):
    account_id = account_id or site.tenant.account.id
    return await site.tenant.database.read(lambda unit: unit.things.get(account_id, ThingName(name)))


@VERSIONS
async def test_a_device_of_the_accounts_own_authority_is_its_thing(site, trust, acme, version):
    await site.tenant.add_thing("pump")
    await trust.upload(acme)
    party = device("pump", acme)
    client, code = await connect(site, party, context=context_of(site, party, version=version))
    assert code == 0
    await client.subscribe("$aws/things/pump/shadow/update/accepted")
    client.publish("$aws/things/pump/shadow/update", update(t=1))
    assert (await client.message()).json["state"] == {"reported": {"t": 1}}


async def test_the_device_has_the_topics_of_its_own_thing_only(site, trust, acme):
    await site.tenant.add_thing("pump")
    await site.tenant.add_thing("valve")
    await trust.upload(acme)
    client, _ = await connect(site, device("pump", acme))
    client.publish("$aws/things/valve/shadow/update", update(t=1))
    assert await client.closed()


async def test_nobody_vouches_for_strangers(site, trust, acme):
    await trust.upload(acme, enrols=True)
    stranger = authority("Acme devices")  # the same name, another key
    assert await code_of(site, device("pump", stranger)) is None
    assert await code_of(site, device("pump", None)) is None
    assert await find(site, "pump") is None


async def test_a_device_without_a_thing_is_refused_and_told_so_in_the_log(site, trust, acme, refusals):
    await trust.upload(acme)
    assert await code_of(site, device("new", acme)) == NOT_AUTHORIZED
    await site.until(lambda: bool(refusals))
    assert refusals == ["There is no thing 'new', and the trusted certificate does not enrol."]
    assert await find(site, "new") is None


async def test_a_device_that_enrols_becomes_a_thing_at_the_root(site, trust, acme):
    trusted = await trust.upload(acme, enrols=True)
    client, code = await connect(site, device("new", acme))
    assert code == 0
    thing = await find(site, "new")
    assert (thing.domain_id, thing.thing_type, thing.label) == (DomainId("root"), "device", "new")
    assert thing.created_by == trusted.name
    client.publish("$aws/things/new/shadow/update", update(t=1))
    entries = (
        await site.tenant.database.read(lambda unit: unit.audit.page(site.tenant.account.id, PageRequest(1000)))
    ).items
    assert {"thing.enrol", "thing.recognise-certificate"} <= {each.operation for each in entries}
    assert {each.principal for each in entries if each.operation == "thing.enrol"} == {
        f"trusted-certificate:{trusted.id}"
    }


async def test_a_thing_type_that_is_not_for_the_root_lets_nobody_enrol(site, trust, acme, refusals):
    await site.tenant.add_domain("sub")
    theirs = ThingType(site.tenant.account.id, ENROLLED_TYPE, DomainId("sub"), "Theirs")
    await site.tenant.database.write(lambda unit: unit.thing_types.add(theirs))
    await trust.upload(acme, enrols=True)
    assert await code_of(site, device("new", acme)) == NOT_AUTHORIZED
    await site.until(lambda: bool(refusals))
    assert refusals == ["The thing type 'device' is not for things at the root."]


async def test_a_device_comes_back_to_the_same_thing(site, trust, acme):
    await trust.upload(acme, enrols=True)
    party = device("new", acme)
    first, _ = await connect(site, party)
    thing = await find(site, "new")
    await first.disconnect()
    assert await code_of(site, party) == 0
    assert await find(site, "new") == thing


async def test_many_connections_of_one_new_device_make_one_thing(site, trust, acme):
    await trust.upload(acme, enrols=True)
    context = context_of(site, device("new", acme))
    codes = await asyncio.gather(*(code_of(site, None, client_id=f"c{number}", context=context) for number in range(8)))
    assert codes == [0] * 8


@pytest.mark.parametrize("subject", [name_of("two words"), name_of("one", "two"), name_of("x" * 64, "y")])
async def test_a_device_whose_name_no_thing_can_have_is_called_by_its_fingerprint(site, trust, acme, subject):
    await trust.upload(acme, enrols=True)
    party = device(subject, acme)
    assert await code_of(site, party) == 0
    assert await find(site, party.id) is not None


async def test_an_account_lets_in_so_many_devices_and_no_more(site, trust, acme):
    await trust.upload(acme, enrols=True)
    parties = [device(f"new{number}", acme) for number in range(MAX_DEVICES + 1)]
    codes = [await code_of(site, party, client_id=party.id) for party in parties]
    assert codes == [0] * MAX_DEVICES + [NOT_AUTHORIZED]
    assert await code_of(site, parties[0], client_id="again") == 0


@VERSIONS
async def test_authorities_between_the_trusted_one_and_the_device_come_with_the_device(site, trust, acme, version):
    await trust.upload(acme, enrols=True)
    middle = authority("middle", acme)
    lower = authority("lower", middle)
    party = device("deep", lower)
    assert await code_of(site, party, context=context_of(site, party, version=version)) is None
    context = context_of(site, party, lower, middle, version=version)
    assert await code_of(site, party, context=context) == 0


async def test_an_authority_need_not_be_a_root(site, trust):
    root = authority("Acme root")
    middle = authority("Acme middle", root)
    await trust.upload(root, middle, enrols=True)
    assert await code_of(site, device("new", middle)) == 0
    assert await code_of(site, device("other", root)) is None


async def test_a_device_with_an_rsa_key_is_let_in(site, trust, acme):
    await trust.upload(acme, enrols=True)
    assert await code_of(site, device("new", acme, key=rsa.generate_private_key(65537, 2048))) == 0


async def test_the_certificate_of_an_authority_is_no_devices(site, trust, acme):
    await trust.upload(acme, enrols=True)
    assert await code_of(site, acme) == NOT_AUTHORIZED
    lower = authority("lower", acme)
    assert await code_of(site, lower) == NOT_AUTHORIZED


async def test_an_expired_device_is_refused(site, trust, acme):
    await trust.upload(acme, enrols=True)
    old = device("old", acme, begin=NOW - timedelta(days=2), end=NOW - timedelta(days=1))
    assert await code_of(site, old) is None


async def test_a_trusted_certificate_that_has_expired_since_lets_nobody_in(site, trust, acme):
    await trust.upload(acme, enrols=True)
    assert await code_of(site, device("new", acme)) == 0
    site.tenant.clock.advance(timedelta(days=400))
    assert await code_of(site, device("new", acme)) == NOT_AUTHORIZED
    assert await code_of(site, device("other", acme)) == NOT_AUTHORIZED


async def test_an_authority_that_has_not_begun_lets_nobody_in(site, trust):
    young = authority("young", begin=NOW + timedelta(days=1))
    await trust.upload(young, enrols=True)
    assert await code_of(site, device("new", young)) is None


async def end_by_status(trust, trusted):
    await trust.update(trusted, status=TrustedStatus.INACTIVE)


async def end_by_removal(trust, trusted):
    await trust.remove(trusted)


async def end_by_exchange(trust, trusted):
    await trust.update(trusted, certificate=authority("Acme next").pem)


@pytest.mark.parametrize("end", [end_by_status, end_by_removal, end_by_exchange])
async def test_what_ends_a_trusted_certificate_ends_its_connections_at_once(site, trust, acme, end):
    await site.tenant.add_thing("pump")
    own = await site.device(await site.add_thing("own"))
    other = authority("other")
    await trust.upload(other, enrols=True)
    trusted = await trust.upload(acme)
    party = device("pump", acme)
    client, _ = await connect(site, party)
    bystander, _ = await connect(site, device("bystander", other), client_id="bystander")
    await end(trust, trusted)
    assert await client.closed()
    # Whether the handshake still trusts it or not.
    assert await code_of(site, party) in {None, NOT_AUTHORIZED}
    await site.settled()
    assert await code_of(site, party) is None
    await bystander.ping()
    await own.ping()
    assert await code_of(site, device("late", other), client_id="late") == 0


async def test_an_inactive_one_lets_devices_in_again_when_it_is_active(site, trust, acme):
    trusted = await trust.upload(acme, enrols=True)
    party = device("new", acme)
    await trust.update(trusted, status=TrustedStatus.INACTIVE)
    await site.settled()
    assert await code_of(site, party) is None
    await trust.update(trusted, status=TrustedStatus.ACTIVE)
    assert await code_of(site, party) == 0


async def test_what_is_trusted_while_contexts_are_exchanged_is_not_lost(site, trust, acme):
    gone = await trust.upload(acme)
    others = [authority(f"other {number}") for number in range(4)]
    await asyncio.gather(trust.remove(gone), *(trust.upload(each, enrols=True) for each in others[:2]))
    await asyncio.gather(*(trust.upload(each, enrols=True) for each in others[2:]))
    codes = [
        await code_of(site, device(f"d{number}", each), client_id=str(number))
        for number, each in enumerate(others[:MAX_DEVICES])
    ]
    assert codes == [0] * MAX_DEVICES
    await site.settled()
    assert await code_of(site, device("d0", others[3]), client_id="x") == NOT_AUTHORIZED  # known, but for the limit


async def test_a_resumed_session_opens_no_door_that_was_closed_since(site, trust, acme):
    trusted = await trust.upload(acme, enrols=True)
    party = device("new", acme)
    context = context_of(site, party, version=ssl.TLSVersion.TLSv1_2)
    session = await asyncio.to_thread(connect_blocking, site, context, None)
    assert session[0] == 0
    assert (await asyncio.to_thread(connect_blocking, site, context, session[1]))[::2] == (0, True)
    await trust.update(trusted, status=TrustedStatus.INACTIVE)
    await site.settled()
    assert (await asyncio.to_thread(connect_blocking, site, context, session[1]))[::2] == (NOT_AUTHORIZED, True)


def connect_blocking(site, context, session):
    """Connect with a TLS session; return the code of CONNACK, the session, and whether it was resumed."""
    with (
        socket.create_connection(("127.0.0.1", site.tls_port), timeout=5) as sock,
        context.wrap_socket(sock, server_hostname="localhost", session=session) as tls,
    ):
        tls.sendall(connect_packet("resuming", level=4))
        answer = tls.recv(4)
        return answer[3], tls.session, tls.session_reused


async def test_a_device_that_is_unknown_and_resumes_a_session_must_not_unless_the_key_is_proven(site, trust, acme):
    trusted = await trust.upload(acme)
    party = device("new", acme)
    context = context_of(site, party, version=ssl.TLSVersion.TLSv1_2)
    code, session, _ = await asyncio.to_thread(connect_blocking, site, context, None)
    assert code == NOT_AUTHORIZED
    await trust.update(trusted, enrols=True)
    assert (await asyncio.to_thread(connect_blocking, site, context, session))[::2] == (NOT_AUTHORIZED, True)
    await trust.update(trusted, signature=acme.sign(site.tenant.account.id))
    assert (await asyncio.to_thread(connect_blocking, site, context, session))[::2] == (0, True)


async def test_a_replaced_certificate_lets_the_device_in_no_more(site, trust, acme):
    await trust.upload(acme, enrols=True)
    party = device("new", acme)
    client, _ = await connect(site, party)
    await site.replace_certificate("new")
    assert await client.closed()
    assert await code_of(site, party) == NOT_AUTHORIZED
    assert await code_of(site, device("new", acme)) == 0  # its authority may give it another one


async def test_a_removed_thing_does_not_come_back_by_itself(site, trust, acme):
    await trust.upload(acme, enrols=True)
    party = device("new", acme)
    client, _ = await connect(site, party)
    await site.tenant.database.write(lambda unit: site.things.remove(unit, site.tenant.caller, name=ThingName("new")))
    assert await client.closed()
    assert await code_of(site, party) == NOT_AUTHORIZED
    assert await find(site, "new") is None


async def test_a_suspended_account_lets_no_device_in(site, trust, acme):
    await trust.upload(acme, enrols=True)
    suspended = replace(site.tenant.account, status=AccountStatus.SUSPENDED)
    await site.tenant.database.write(lambda unit: unit.accounts.replace(suspended))
    assert await code_of(site, device("new", acme)) == NOT_AUTHORIZED
    assert await find(site, "new") is None


async def test_a_restricted_account_lets_in_whom_it_knows_and_nobody_new(site, trust, acme, refusals):
    await trust.upload(acme, enrols=True)
    known = device("known", acme)
    assert await code_of(site, known) == 0
    restricted = replace(site.tenant.account, status=AccountStatus.RESTRICTED)
    await site.tenant.database.write(lambda unit: unit.accounts.replace(restricted))
    assert await code_of(site, known) == 0
    assert await code_of(site, device("new", acme), client_id="new") == NOT_AUTHORIZED
    await site.until(lambda: bool(refusals))
    assert refusals == ["The account takes no new devices as long as it is not active."]


async def test_the_account_is_the_one_that_trusts_the_authority_whatever_the_device_says(site, trust, acme):
    other = await site.tenant.open_another_account()
    await site.tenant.add_thing("pump")
    await trust.upload(acme, account_id=other.id, enrols=True)
    assert await code_of(site, device("pump", acme), client_id=site.tenant.account.id) == 0
    assert (await find(site, "pump", other.id)).account_id == other.id
    assert site.gateway.counters()["devices"] == 1


async def test_proof_of_the_key_takes_devices_from_an_account_without(site, trust, acme):
    other = await site.tenant.open_another_account()
    await trust.upload(acme, account_id=other.id, enrols=True)
    party = device("pump", acme)
    client, _ = await connect(site, party)
    await trust.upload(acme, proven=True, enrols=True)
    assert await client.closed()
    assert await code_of(site, party) == 0
    assert (await find(site, "pump")).account_id == site.tenant.account.id


async def test_a_lower_authority_without_proof_takes_no_devices_from_the_upper_ones_account(site, trust, acme):
    other = await site.tenant.open_another_account()
    lower = authority("lower", acme)
    await trust.upload(acme, lower, account_id=other.id, enrols=True)
    await trust.upload(acme, enrols=True)
    party = device("pump", lower)
    assert await code_of(site, party, lower) == NOT_AUTHORIZED  # nobody has shown the key
    (upper,) = await site.tenant.database.read(
        lambda unit: unit.trusted_certificates.of_account(site.tenant.account.id)
    )
    await trust.update(upper, signature=acme.sign(site.tenant.account.id))
    assert await code_of(site, party, lower) == 0
    assert await find(site, "pump") is not None
    assert await find(site, "pump", other.id) is None


async def test_a_lower_authority_with_proof_has_its_own_devices(site, trust, acme):
    other = await site.tenant.open_another_account()
    lower = authority("lower", acme)
    await trust.upload(acme, proven=True, enrols=True)
    await trust.upload(acme, lower, account_id=other.id, proven=True, enrols=True)
    assert await code_of(site, device("pump", lower)) == 0
    assert await find(site, "pump", other.id) is not None


async def test_a_developer_certificate_is_one_thing_made_at_first_sight(site, trust):
    made = await trust.developer()
    files = site.folder / "dev.pem", site.folder / "dev.key"
    files[0].write_text(made.trusted.trusted.pem)
    files[1].write_text(made.private_key)
    for client_id in ("one", "two"):
        assert await code_of(site, None, client_id=client_id, context=site.client_context(files)) == 0
    assert await find(site, made.trusted.id) is not None


async def test_a_developer_certificate_vouches_for_nobody(site, trust):
    made = await trust.developer()
    await site.tenant.add_thing("pump")
    own = Party(
        x509.load_pem_x509_certificate(made.trusted.trusted.pem.encode()),
        load_pem_private_key(made.private_key.encode(), None),
    )
    assert await code_of(site, device("pump", own)) == NOT_AUTHORIZED


async def test_hundreds_of_authorities_are_not_named_in_the_handshake(site, trust):
    parties = [authority(f"authority number {number}") for number in range(300)]
    await with_room_for(site, len(parties))
    for party in parties:
        await trust.upload(party)
    process = await asyncio.create_subprocess_exec(
        "openssl",
        *("s_client", "-connect", f"127.0.0.1:{site.tls_port}", "-brief", "-msg"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    assert b"CertificateRequest" in told
    assert parties[7].certificate.subject.public_bytes()[-20:].hex(" ").encode() not in told
    assert await code_of(site, device("new", parties[299])) == NOT_AUTHORIZED
    await trust.remove((await _trusted(site))[0])
    await site.settled()
    assert await code_of(site, device("new", parties[299])) == NOT_AUTHORIZED


async def test_our_own_devices_are_let_in_as_before(site, trust, acme):
    await trust.remove(await trust.upload(acme))
    await site.settled()
    device_of_ours = await site.device(await site.add_thing("own"))
    await device_of_ours.ping()


async def test_what_the_device_shows_is_read_only_where_it_is_not_our_own(site, trust, acme):
    door = site.door

    def never():
        raise AssertionError("nobody asks")

    thing = await site.add_thing("own")
    (own,) = await site.tenant.database.read(lambda unit: unit.certificates.live_of(thing.account_id, thing.uid))
    assert (await door.open(own.id, never)).trusted_id is None


async def with_room_for(site, count):
    def write(unit):
        profile = unit.accounts.profile(site.tenant.account.id)
        unit.accounts.put_profile(replace(profile, limits={"cert-count": str(count)}))

    await site.tenant.database.write(write)


async def _trusted(site):
    return await site.tenant.database.read(lambda unit: unit.trusted_certificates.of_account(site.tenant.account.id))
