from dataclasses import replace

import pytest

from cloudstead.core.trustedcertificates.model import Service, TrustedStatus
from factories.rows import certificate, thing, trusted_certificate, vouched_certificate

pytestmark = pytest.mark.usefixtures("tenants")

FULL = trusted_certificate(
    description="ours",
    service=Service.BOOTSTRAP,
    status=TrustedStatus.INACTIVE,
    enrols=True,
    is_proven=True,
    owner_id="p1",
    sealed_private_key=b"sealed",
    version=3,
    updated_at_ms=9,
)


def with_marks(certificate_id, account_id="a1", **marks):
    made = trusted_certificate(certificate_id, account_id=account_id)
    return replace(made, trusted=replace(made.trusted, **marks))


async def test_a_trusted_certificate_comes_back_as_it_was_added(database):
    def write(unit):
        unit.trusted_certificates.add(FULL)
        unit.trusted_certificates.add(trusted_certificate("t2"))

    await database.write(write)

    def read(unit):
        return [unit.trusted_certificates.get(each) for each in ("t1", "t2", "t3")]

    first, second, missing = await database.read(read)
    assert (first, second, missing) == (FULL, trusted_certificate("t2"), None)
    assert first.enrols is True
    assert second.is_proven is False


async def test_a_trusted_certificate_is_replaced_whole_and_in_its_own_account_only(database):
    def write(unit):
        unit.trusted_certificates.add(trusted_certificate())
        unit.trusted_certificates.replace(replace(FULL, account_id="a2"))
        untouched = unit.trusted_certificates.get("t1")
        unit.trusted_certificates.replace(FULL)
        return untouched, unit.trusted_certificates.get("t1")

    assert await database.write(write) == (trusted_certificate(), FULL)


async def test_those_of_an_account_come_in_the_order_of_their_ids(database):
    def write(unit):
        for certificate_id, account_id in (("t2", "a1"), ("t1", "a1"), ("t3", "a2")):
            unit.trusted_certificates.add(trusted_certificate(certificate_id, account_id=account_id))
        return [each.id for each in unit.trusted_certificates.of_account("a1")]

    assert await database.write(write) == ["t1", "t2"]


async def test_subject_and_key_are_looked_for_in_all_accounts(database):
    def write(unit):
        unit.trusted_certificates.add(with_marks("t1", subject_hash="s", key_hash="k"))
        unit.trusted_certificates.add(with_marks("t2", "a2", subject_hash="s", key_hash="k"))
        unit.trusted_certificates.add(with_marks("t3", "a2"))
        stores = unit.trusted_certificates
        return [each.id for each in stores.by_subject("s")], [each.id for each in stores.by_key("k")]

    assert await database.write(write) == (["t1", "t2"], ["t1", "t2"])


async def test_the_handshake_is_told_of_active_ones_without_what_stands_above_them(database):
    def write(unit):
        unit.trusted_certificates.add(FULL)
        unit.trusted_certificates.add(trusted_certificate("t2", account_id="a2"))
        return unit.trusted_certificates.active_authorities()

    assert list(await database.write(write)) == ["-----BEGIN t2"]


async def test_what_a_trusted_certificate_vouches_for_goes_with_it(database):
    def write(unit):
        unit.trusted_certificates.add(trusted_certificate())
        unit.vouched_certificates.put(vouched_certificate())
        unit.trusted_certificates.remove("a2", "t1")
        kept = unit.vouched_certificates.get("v1")
        unit.trusted_certificates.remove("a1", "t1")
        return kept, unit.trusted_certificates.get("t1"), unit.vouched_certificates.get("v1")

    assert await database.write(write) == (vouched_certificate(), None, None)


async def some_devices(database):
    def write(unit):
        unit.things.add(thing("u1"))
        unit.things.add(thing("u2"))
        unit.certificates.add(certificate("c1"))
        unit.trusted_certificates.add(trusted_certificate())
        unit.trusted_certificates.add(trusted_certificate("t2", account_id="a2"))
        unit.vouched_certificates.put(vouched_certificate("v1", not_after_ms=500))
        unit.vouched_certificates.put(vouched_certificate("v2", thing_uid="u2"))
        unit.vouched_certificates.put(vouched_certificate("v3", account_id="a2", trusted_certificate_id="t2"))

    await database.write(write)


async def test_a_vouched_certificate_may_be_put_again(database):
    await some_devices(database)
    again = vouched_certificate("v1", thing_uid="u2", revoked_at_ms=7)
    await database.write(lambda unit: unit.vouched_certificates.put(again))
    assert await database.read(lambda unit: unit.vouched_certificates.get("v1")) == again


async def test_vouched_certificates_are_counted_and_forgotten_for_one_account(database):
    await some_devices(database)

    def look(unit):
        return [unit.vouched_certificates.count(account_id) for account_id in ("a1", "a2", "a3")]

    assert await database.read(look) == [2, 1, 0]
    assert await database.write(lambda unit: unit.vouched_certificates.forget("t1")) == 2
    assert await database.read(look) == [0, 1, 0]


async def test_expired_ones_are_dropped(database):
    await some_devices(database)
    dropped = [
        await database.write(lambda unit, now=now: unit.vouched_certificates.drop_expired(now)) for now in (500, 501)
    ]
    assert dropped == [0, 1]


async def test_revoking_a_things_certificates_covers_those_that_are_vouched_for(database):
    await some_devices(database)

    def revoke(unit):
        return [set(unit.certificates.revoke_all(account_id, "u1", 90)) for account_id in ("a1", "a1")]

    assert await database.write(revoke) == [{"c1", "v1"}, set()]

    def look(unit):
        return [unit.vouched_certificates.get(each).revoked_at_ms for each in ("v1", "v2", "v3")]

    assert await database.read(look) == [90, None, None]
    # The list of revocations names serials of our own authority only.
    assert await database.read(lambda unit: unit.certificates.revoked(100)) == [("c1-serial", 90)]


async def test_a_revoked_one_outlives_its_thing(database):
    await some_devices(database)

    def remove(unit):
        unit.certificates.revoke_all("a1", "u1", 90)
        unit.things.remove("a1", "u1")
        return unit.vouched_certificates.get("v1")

    assert (await database.write(remove)).revoked_at_ms == 90
