"""Whose access key opens what, and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.errors import AccessKeyNotFound
from cloudstead.core.domains.errors import DomainNotFound
from cloudstead.core.ids import DomainId
from cloudstead.core.people.credentials import set_password
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.links import Links
from cloudstead.core.people.model import Membership
from cloudstead.core.people.users import take_out

REFUSED = (403, "UnrecognizedClientException")
REMEMBERED = timedelta(seconds=6)


async def opens(world, by="ada"):
    """Return 200, or the refusal."""
    answer = await world.call("ListDevices", by)
    return 200 if answer.status == 200 else (answer.status, answer.kind)


async def owner(world, name="ada"):
    key_id = world.keys[name][0]

    def read(unit):
        key = unit.access_keys.get(key_id)
        return unit.people.get(key.person_id)

    return await world.tenant.database.read(read)


async def test_the_key_of_somebody_disabled_opens_nothing_until_enabled_again(world):
    person = await owner(world)
    assert await opens(world) == 200

    def put(is_enabled):
        def write(unit):
            unit.people.replace(replace(person, is_enabled=is_enabled))
            unit.emit(PersonChanged(world.tenant.account.id, person.id))

        return world.tenant.database.write(write)

    await put(False)
    assert await opens(world) == REFUSED
    await put(True)
    assert await opens(world) == 200


async def test_the_keys_of_somebody_who_was_taken_out_of_the_account_are_gone_for_good(world):
    person, account_id = await owner(world), world.tenant.account.id
    grants = (Grant(DomainId("root"), "Administrator"),)

    def join_elsewhere(unit):
        unit.people.put_membership(Membership(world.other.id, person.id, grants))

    await world.tenant.database.write(join_elsewhere)
    assert await opens(world) == 200
    await world.tenant.database.write(lambda unit: take_out(unit, account_id, person))
    assert await opens(world) == REFUSED
    await world.tenant.database.write(
        lambda unit: unit.people.put_membership(Membership(account_id, person.id, grants))
    )
    world.tenant.clock.advance(REMEMBERED)
    assert await opens(world) == REFUSED


async def test_a_key_outlives_a_change_of_password(world):
    person, tenant = await owner(world), world.tenant
    links = Links(tenant.clock, tenant.ids)
    await tenant.database.write(
        lambda unit: set_password(unit, person, "$argon2id$new", links=links, now_ms=tenant.clock.millis())
    )
    world.tenant.clock.advance(REMEMBERED)
    assert await opens(world) == 200


@pytest.mark.parametrize(
    ("status", "to_look", "to_change"),
    [
        (AccountStatus.SUSPENDED, 403, 403),
        (AccountStatus.RESTRICTED, 200, 403),
        (AccountStatus.ACTIVE, 200, 200),
    ],
)
async def test_a_key_does_what_its_account_may(world, status, to_look, to_change):
    await world.tenant.database.write(lambda unit: unit.accounts.replace(replace(world.tenant.account, status=status)))
    world.tenant.clock.advance(REMEMBERED)
    looked = await world.call("ListDevices")
    changed = await world.call("ProvisionDevice", body={"Name": "n"})
    assert (looked.status, changed.status) == (to_look, to_change)


@pytest.mark.parametrize("key_id", ["AKIA", "AKIA\x01" + "A" * 15, "AKIA" + "a" * 16, "AKIA" + "A" * 17])
async def test_what_is_no_id_of_a_key_is_not_looked_for(world, key_id):
    world.keys["nobody"] = (key_id, "x" * 40)
    assert await opens(world, "nobody") == REFUSED


async def test_a_key_that_is_named_in_the_query_is_read_with_care(world):
    for key_id in ("AKIA%00", "AKIA%FF%FE", "%F0%9F%94%91"):
        query = (
            f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={key_id}%2F20260101%2Feu-west-1%2Fpanorama%2F"
            f"aws4_request&X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature={'0' * 64}"
        )
        answer = await world.client.get(f"https://cloud.example/devices?{query}")
        assert answer.status_code == 403, answer.text


async def test_a_key_makes_things_where_its_person_may_see_and_nowhere_else(world):
    tenant, keys = world.tenant, world.backend.signers._keys
    person = await tenant.add_person("bert", Grant(DomainId("sub"), "ReadWrite"))
    caller = tenant.caller_of(person.id, Grant(DomainId("sub"), "ReadWrite"))
    for domain in ("beside", "root", "missing", "\x00"):
        with pytest.raises(DomainNotFound):
            await tenant.database.write(lambda unit, domain=domain: keys.create(unit, caller, domain_id=domain))
    made = await tenant.database.write(lambda unit: keys.create(unit, caller, domain_id=DomainId("sub")))
    assert made.key.domain_id == "sub"
    assert made.secret not in repr(made)


@pytest.mark.parametrize("key_id", ["AKIA\x00", "", "x" * 1000, "AKIA" + "B" * 16])
async def test_what_is_not_there_cannot_be_switched_or_removed(world, key_id):
    keys, caller = world.backend.signers._keys, world.tenant.caller
    for attempt in (
        lambda unit: keys.remove(unit, caller, key_id),
        lambda unit: keys.switch(unit, caller, key_id, is_active=False),
    ):
        with pytest.raises(AccessKeyNotFound):
            await world.tenant.database.write(attempt)
