from dataclasses import replace

import pytest

from cloudstead.core.caller import Grant
from cloudstead.core.credentials.model import CertificateState
from factories.rows import ROOT_READ, api_key, certificate, domain, person, refresh_token, thing

pytestmark = pytest.mark.usefixtures("tenants")


async def test_a_key_comes_back_with_its_grants_in_order(database):
    key = api_key("k1", Grant("sub", "ReadWrite"), ROOT_READ, owner_id="p1", is_active=False)

    def write(unit):
        unit.domains.add(domain("sub", parent_id="root"))
        unit.people.add(person())
        unit.api_keys.add(key)
        unit.api_keys.add(api_key("k2", ROOT_READ))

    await database.write(write)

    assert await database.read(lambda unit: unit.api_keys.get("k1")) == key
    assert await database.read(lambda unit: unit.api_keys.get("k3")) is None


async def test_a_key_may_have_no_grants(database):
    await database.write(lambda unit: unit.api_keys.add(api_key()))

    assert await database.read(lambda unit: unit.api_keys.get("k1")) == api_key()


async def test_a_key_is_removed_once_and_through_its_own_account_only(database):
    await database.write(lambda unit: unit.api_keys.add(api_key("k1", ROOT_READ)))

    def remove(unit):
        return [unit.api_keys.remove(account_id, "k1") for account_id in ("a2", "a1", "a1")]

    assert await database.write(remove) == [False, True, False]
    assert await database.read(lambda unit: unit.api_keys.get("k1")) is None


async def test_a_keys_grant_dies_with_its_domain(database):
    def write(unit):
        unit.domains.add(domain("sub", parent_id="root"))
        unit.api_keys.add(api_key("k1", Grant("sub", "Administrator"), ROOT_READ))
        unit.domains.remove("a1", ["sub"])
        unit.domains.add(domain("sub", parent_id="root"))

    await database.write(write)

    assert (await database.read(lambda unit: unit.api_keys.get("k1"))).grants == (ROOT_READ,)


async def test_a_refresh_token_is_found_by_its_hash_until_it_is_dropped(database):
    tokens = [refresh_token(bytes([number]) * 32, expires_at_ms=1000 + number) for number in range(3)]

    def write(unit):
        unit.people.add(person())
        for token in tokens:
            unit.refresh_tokens.add(token)
        return unit.refresh_tokens.drop_expired(1001)

    assert await database.write(write) == 1

    def look_up(unit):
        return [unit.refresh_tokens.get(token.token_hash) for token in tokens]

    assert await database.read(look_up) == [None, tokens[1], tokens[2]]


async def test_a_certificate_comes_back_as_it_was_added(database):
    everything = certificate(state=CertificateState.REVOKED, revoked_at_ms=5)
    without_key = certificate("c2", sealed_private_key=None)

    def write(unit):
        unit.things.add(thing())
        unit.certificates.add(everything)
        unit.certificates.add(without_key)

    await database.write(write)

    assert await database.read(lambda unit: unit.certificates.get("c1")) == everything
    assert await database.read(lambda unit: unit.certificates.get("c2")) == without_key
    assert await database.read(lambda unit: unit.certificates.get("c3")) is None


async def some_certificates(database):
    def write(unit):
        unit.things.add(thing("u1"))
        unit.things.add(thing("u2"))
        unit.certificates.add(certificate("old", created_at_ms=1, not_after_ms=500))
        unit.certificates.add(certificate("new", created_at_ms=2))
        unit.certificates.add(certificate("other", thing_uid="u2"))

    await database.write(write)


async def test_live_certificates_come_newest_first(database):
    await some_certificates(database)

    def live(unit):
        return [each.id for each in unit.certificates.live_of("a1", "u1")], list(unit.certificates.live_of("a2", "u1"))

    assert await database.read(live) == (["new", "old"], [])


async def test_revoking_covers_every_live_certificate_of_the_thing_and_no_other(database):
    await some_certificates(database)

    def revoke(unit):
        return [
            set(unit.certificates.revoke_all(account_id, "u1", now_ms))
            for account_id, now_ms in (("a2", 90), ("a1", 100), ("a1", 110))
        ]

    assert await database.write(revoke) == [set(), {"old", "new"}, set()]

    def look(unit):
        return unit.certificates.get("new"), list(unit.certificates.live_of("a1", "u1")), unit.certificates.get("other")

    revoked = certificate("new", created_at_ms=2, state=CertificateState.REVOKED, revoked_at_ms=100)
    assert await database.read(look) == (revoked, [], certificate("other", thing_uid="u2"))


async def test_a_revocation_is_listed_until_the_certificate_would_have_ended(database):
    await some_certificates(database)
    await database.write(lambda unit: unit.certificates.revoke_all("a1", "u1", 100))

    def listed(now_ms):
        return database.read(lambda unit: list(unit.certificates.revoked(now_ms)))

    assert await listed(500) == [("new-serial", 100), ("old-serial", 100)]
    assert await listed(501) == [("new-serial", 100)]
    assert await listed(10_001) == []


async def test_a_revocation_outlives_its_thing(database):
    await some_certificates(database)

    def remove(unit):
        unit.certificates.revoke_all("a1", "u1", 100)
        unit.things.remove("a1", "u1")

    await database.write(remove)

    assert [serial for serial, _ in await database.read(lambda unit: unit.certificates.revoked(200))] == [
        "new-serial",
        "old-serial",
    ]


async def test_a_certificate_added_as_revoked_is_not_live(database):
    def write(unit):
        unit.things.add(thing())
        unit.certificates.add(replace(certificate(), state=CertificateState.REVOKED, revoked_at_ms=1))
        return list(unit.certificates.live_of("a1", "u1"))

    assert await database.write(write) == []
