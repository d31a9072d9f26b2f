from dataclasses import replace

import pytest

from cloudstead.core.provisioning.model import ProvisionedDevice
from cloudstead.core.provisioning.ports import Order
from cloudstead.core.things.identities import IdentityKind, OutsideIdentity
from factories.rows import thing

pytestmark = pytest.mark.usefixtures("tenants")

NETWORK, DEVICE = IdentityKind.NETWORK, IdentityKind.PROVISION_DEVICE


def device(device_id="d1", *, account_id="a1", name=None, **more):
    given = {
        "id": device_id,
        "account_id": account_id,
        "region": "eu-west-1",
        "name": name or f"name of {device_id}",
        "description": "before",
        "networking": "{}",
        "tags": {"a": "1"},
        "domain_id": "root",
        "created_by": "ada",
        "created_at_ms": 5,
        "updated_at_ms": 6,
        "claim_id": f"claim of {device_id}",
        "claim_ends_at_ms": 7,
    }
    return ProvisionedDevice(**{**given, **more})


def made_thing(unit, uid="u1", **more):
    made = replace(thing(uid), **more)
    unit.things.add(made)
    return made


async def test_a_device_comes_back_as_it_was_added_and_changed(database):
    changed = device(claim_id=None, claimed_at_ms=8, connected_at_ms=9, last_contact_ms=10, has_failed=True, tags={})

    def write(unit):
        added = unit.provisioned_devices.add(device())
        first = unit.provisioned_devices.get("a1", "d1")
        unit.provisioned_devices.replace(changed)
        return added, first, unit.provisioned_devices.get("a1", "d1")

    assert await database.write(write) == (True, device(), changed)


async def test_a_name_is_taken_once_in_a_region_and_account(database):
    def write(unit):
        return [
            unit.provisioned_devices.add(each)
            for each in (
                device("d1", name="n"),
                device("d2", name="n"),
                device("d3", name="n", region="us-east-1"),
                device("d4", name="n", account_id="a2"),
            )
        ]

    assert await database.write(write) == [True, False, True, True]
    found = await database.read(lambda unit: unit.provisioned_devices.by_name("a1", "us-east-1", "n"))
    assert found.id == "d3"


async def test_another_account_finds_changes_and_removes_nothing(database):
    def write(unit):
        unit.provisioned_devices.add(device())
        unit.provisioned_devices.replace(device(account_id="a2", description="theirs"))
        unit.provisioned_devices.remove("a2", "d1")
        return unit.provisioned_devices.get("a2", "d1"), unit.provisioned_devices.get("a1", "d1")

    assert await database.write(write) == (None, device())


async def test_domain_and_description_are_those_of_the_thing_and_both_go_together(database):
    def write(unit):
        made_thing(unit, description="of the thing")
        unit.provisioned_devices.add(device(thing_uid="u1"))
        unit.outside_identities.add([OutsideIdentity("a1", DEVICE, "d1", "u1")])
        seen = unit.provisioned_devices.by_claim("claim of d1")
        unit.things.remove("a1", "u1")
        return (
            seen.description,
            unit.provisioned_devices.get("a1", "d1"),
            unit.outside_identities.of_values("a1", DEVICE, ["d1"]),
        )

    assert await database.write(write) == ("of the thing", None, [])


async def test_the_first_contact_is_noted_once_the_last_each_time(database):
    def write(unit):
        made_thing(unit)
        unit.provisioned_devices.add(device(thing_uid="u1"))
        firsts = [unit.provisioned_devices.touch(["u1", "unknown"], now_ms) for now_ms in (20, 30)]
        seen = unit.provisioned_devices.get("a1", "d1")
        return firsts, seen.connected_at_ms, seen.last_contact_ms

    assert await database.write(write) == ([[("a1", "d1")], []], 20, 30)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.DEVICE_ID, ["d1", "d2", "d3"]),
        (Order.NAME, ["d3", "d1", "d2"]),
        (Order.CREATED_TIME, ["d2", "d3", "d1"]),
    ],
)
@pytest.mark.parametrize("is_descending", [False, True])
async def test_pages_follow_one_another_in_either_direction(database, order, expected, is_descending):
    keys = {Order.DEVICE_ID: "id", Order.NAME: "name", Order.CREATED_TIME: "created_at_ms"}

    def write(unit):
        for device_id, name, created_at_ms in (("d1", "b", 3), ("d2", "c", 1), ("d3", "a", 2)):
            unit.provisioned_devices.add(device(device_id, name=name, created_at_ms=created_at_ms))
        unit.provisioned_devices.add(device("d4", region="us-east-1"))
        seen, last = [], None
        while page := unit.provisioned_devices.after(
            "a1", "eu-west-1", order=order, last=last, is_descending=is_descending, limit=2
        ):
            seen += [each.id for each in page]
            last = str(getattr(page[-1], keys[order])), page[-1].id
        return seen, unit.provisioned_devices.count("a1")

    seen, count = await database.write(write)
    assert seen == (expected[::-1] if is_descending else expected)
    assert count == 4


async def test_an_outside_identity_is_one_things_in_its_account_and_kind(database):
    first, second = OutsideIdentity("a1", NETWORK, "sigfox:1", "u1"), OutsideIdentity("a1", NETWORK, "sigfox:2", "u2")
    taken = replace(second, value="sigfox:1")

    def write(unit):
        made_thing(unit, "u1", name="t1")
        made_thing(unit, "u2", name="t2")
        refused = [unit.outside_identities.add([first]), unit.outside_identities.add([taken, second])]
        unit.outside_identities.add([OutsideIdentity("a1", DEVICE, "sigfox:1", "u2")])
        found = unit.outside_identities.of_values("a1", NETWORK, ["sigfox:1", "sigfox:2", "sigfox:3"])
        of_things = unit.outside_identities.of_things("a1", NETWORK, ["u2"])
        foreign = unit.outside_identities.of_values("a2", NETWORK, ["sigfox:1"])
        unit.outside_identities.remove("a1", NETWORK, ["sigfox:1"])
        return refused, set(found), of_things, foreign, unit.outside_identities.of_values("a1", NETWORK, ["sigfox:1"])

    assert await database.write(write) == ([[], [taken]], {first, second}, [second], [], [])
