"""Devices: registered, shown, configured, transferred, removed; and what a network hands in."""

from __future__ import annotations

import json

import pytest

from cloudstead.core.groups.devices import MOST_AT_ONCE
from cloudstead.storage.sql.unit import SqlUnit
from factories.coverage import covers
from factories.groups import NOBODY


def batch(world, *ids, group="farm", **more):
    return {"originalDevicesIds": list(ids), "groupId": world.id(group), "network": "sigfox", **more}


def bearer(world, group="farm"):
    return f"Bearer {world.groups[group]['token']}"


async def device(world, device_id, by="owner"):
    return await world.ok("getDevice", by, query={"deviceId": device_id})


async def devices_of(world, group="farm", by="owner"):
    return (await world.ok("listGroupDevices", by, query={"groupId": world.id(group)}))["items"]


@covers("createDevices", "success")
async def test_devices_are_things_with_the_name_by_which_their_network_knows_them(world):
    sent = batch(world, "1a2b3c", "FFEE01", type="meter", tags=["roof"])
    assert (await world.ok("createDevices", "installer", body=sent))["message"].startswith("2 devices were registered")
    first, second = await devices_of(world)
    assert (first["originalId"], first["network"], first["type"]) == ("1A2B3C", "sigfox", "meter")
    assert (first["name"], first["tags"], second["originalId"]) == ("sigfox-1A2B3C", ["roof"], "FFEE01")
    assert first["createdBy"] == world.people["installer"].id
    thing = await world.tenant.database.read(lambda unit: unit.things.get(world.tenant.account.id, "sigfox-1A2B3C"))
    assert (thing.uid, thing.domain_id) == (first["deviceId"], world.id("farm"))
    kind = await world.tenant.database.read(lambda unit: unit.thing_types.get(world.tenant.account.id, "meter"))
    assert (kind.domain_id, kind.label) == ("root", "meter")


async def test_without_a_type_devices_are_devices(world):
    (one,) = await world.register("A1")
    assert (await device(world, one))["type"] == "device"


async def test_a_batch_is_registered_whole_or_not_at_all(world):
    await world.register("A1")
    refused = await world.call("createDevices", body=batch(world, "A2", "a1", group="barn"))
    assert (refused.status, "'A1'" in refused.told) == (400, True)
    assert await devices_of(world, "barn") == []


@covers("createDevices", "refusal")
async def test_registering_needs_the_right(world):
    assert (await world.call("createDevices", "viewer", body=batch(world, "A1"))).status == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"originalDevicesIds": []}, "originalDevicesIds"),
        ({"originalDevicesIds": ["a b"]}, "originalDevicesIds"),
        ({"originalDevicesIds": ["x/y"]}, "originalDevicesIds"),
        ({"originalDevicesIds": [str(number) for number in range(MOST_AT_ONCE + 1)]}, "originalDevicesIds"),
        ({"network": "Sig Fox"}, "network"),
        ({"network": ""}, "network"),
        ({"type": "x" * 200}, "type"),
        ({"tags": ["\n"]}, "tags"),
    ],
)
async def test_a_batch_with_unfit_words_is_not_registered(world, change, field):
    refused = await world.call("createDevices", body={**batch(world, "A1"), **change})
    assert (refused.status, refused.told.partition(":")[0]) == (400, field)


class Counted:
    """A transaction that counts the statements it is asked for."""

    def __init__(self, transaction):
        self._transaction = transaction
        self.statements = 0

    def __getattr__(self, name):
        self.statements += 1
        return getattr(self._transaction, name)


@pytest.mark.parametrize("act", ["register", "retype", "transfer", "remove", "page"])
async def test_a_batch_costs_as_many_statements_as_one_device(world, act):
    caller = await world.callers.of_client(world.keys["owner"][0], secret_epoch=0)
    devices, farm, barn = world.backend.devices, world.id("farm"), world.id("barn")
    acts = {
        "register": lambda unit, names, _: devices.register(unit, caller, farm, original_ids=names, network="lab"),
        "retype": lambda unit, _, ids: devices.retype(unit, caller, farm, device_ids=ids, type_id="device"),
        "transfer": lambda unit, _, ids: devices.transfer(unit, caller, farm, device_ids=ids, to_group_id=barn),
        "remove": lambda unit, _, ids: devices.remove(unit, caller, farm, device_ids=ids),
        "page": lambda unit, _, ids: devices.page(unit, caller, farm, after="", limit=len(ids)),
    }

    async def cost(*names):
        ids = await world.register(*names)

        def write(unit):
            counted = Counted(unit._transaction)
            acts[act](SqlUnit(counted, unit._trees), names, ids)
            return counted.statements

        return await world.tenant.database.write(write)

    assert await cost("A1") == await cost(*(f"B{number}" for number in range(50)))


@covers("listGroupDevices", "success")
async def test_the_devices_of_a_group_are_those_directly_in_it_in_pages(world):
    await world.register("A1", "A2", "A3")
    await world.register("B1", group="barn")
    query = {"groupId": world.id("farm"), "limit": 2}
    first = await world.ok("listGroupDevices", "viewer", query=query)
    rest = await world.ok("listGroupDevices", "viewer", query={**query, "nextToken": first["nextToken"]})
    assert [each["originalId"] for each in first["items"] + rest["items"]] == ["A1", "A2", "A3"]
    assert "nextToken" not in rest


@covers("listGroupDevices", "refusal")
async def test_a_thing_that_was_made_elsewhere_is_a_device(world):
    await world.tenant.add_thing("pump", domain_id=world.id("farm"))
    (shown,) = await devices_of(world)
    assert (shown["name"], shown["network"], shown["originalId"], shown["tags"]) == ("pump", "mqtt", "pump", [])


@covers("getDevice", "success")
async def test_a_device_shows_what_it_reported_and_what_it_is_wished_to_be(world):
    (one,) = await world.register("A1")
    bare = await device(world, one, "viewer")
    assert (bare["information"], bare["configuration"], "seenAt" in bare, "battery" in bare) == (
        "{}",
        "{}",
        False,
        False,
    )
    await world.ok(
        "updateDevices", body={"groupId": world.id("farm"), "devicesIds": [one], "configuration": '{"a": 1}'}
    )
    await world.ok("takeSigfoxStatus", bearer(world), body={"device": "a1", "batt": "3.1", "temp": 20.5, "time": "7"})
    told = await device(world, one, "viewer")
    assert json.loads(told["configuration"]) == {"a": 1}
    assert json.loads(told["information"]) == {"battery": 3.1, "temperature": 20.5, "time": 7}
    assert (told["battery"], told["seenAt"]) == ("3.1", world.tenant.clock.millis() // 1000)


@covers("getDevice", "refusal")
async def test_a_device_of_a_group_that_one_is_not_in_looks_like_none(world):
    (one,) = await world.register("A1")
    for by in ("outsider", "stranger"):
        hidden = await world.call("getDevice", by, query={"deviceId": one})
        missing = await world.call("getDevice", by, query={"deviceId": NOBODY})
        assert (hidden.status, hidden.told.replace(one, "")) == (400, missing.told.replace(NOBODY, ""))


@covers("updateDevices", "success")
async def test_type_and_configuration_are_changed_of_many_at_once(world):
    ids = await world.register("A1", "A2")
    sent = {"groupId": world.id("farm"), "devicesIds": ids, "type": "valve", "configuration": '{"open": true}'}
    assert (await world.ok("updateDevices", "installer", body=sent))["message"] == "2 devices were changed."
    for one in ids:
        shown = await device(world, one)
        assert (shown["type"], shown["configuration"]) == ("valve", '{"open":true}')
        assert shown["updatedBy"] == world.people["installer"].id


@covers("updateDevices", "refusal")
async def test_configuring_and_editing_are_two_rights(world):
    ids = await world.register("A1")
    sent = {"groupId": world.id("farm"), "name": "r", "permissions": ["device:configure"]}
    role = await world.ok("createRole", body=sent)
    await world.let_in("outsider", role=role["id"])
    named = {"groupId": world.id("farm"), "devicesIds": ids}
    assert (await world.call("updateDevices", "outsider", body={**named, "configuration": "{}"})).status == 200
    assert (await world.call("updateDevices", "outsider", body={**named, "type": "x"})).status == 403
    assert (await world.call("updateDevices", "viewer", body={**named, "configuration": "{}"})).status == 403


@pytest.mark.parametrize("configuration", ["", "[]", "{", '"x"', "é", '{"a": NaN}', '{"a":"' + "x" * 9000 + '"}'])
async def test_a_configuration_is_the_text_of_a_json_object_that_a_shadow_takes(world, configuration):
    ids = await world.register("A1")
    sent = {"groupId": world.id("farm"), "devicesIds": ids, "configuration": configuration}
    refused = await world.call("updateDevices", body=sent)
    assert (refused.status, refused.told.partition(":")[0]) == (400, "configuration")


async def test_nothing_to_change_is_refused(world):
    ids = await world.register("A1")
    assert (await world.call("updateDevices", body={"groupId": world.id("farm"), "devicesIds": ids})).status == 400


@covers("transferDevices", "success")
async def test_devices_move_whole_batches_with_the_right_in_both_groups(world):
    ids = await world.register("A1", "A2")
    sent = {"deviceIds": ids, "groupId": world.id("farm"), "toGroupId": world.id("barn")}
    assert (await world.ok("transferDevices", "second", body=sent))[
        "message"
    ] == "2 devices were moved to the group 'barn'."
    assert [each["deviceId"] for each in await devices_of(world, "barn")] == ids
    again = await world.call("transferDevices", body=sent)
    assert (again.status, again.told.partition(":")[0]) == (400, "deviceIds")


@covers("transferDevices", "refusal")
async def test_an_installer_transfers_nothing_and_nobody_into_a_group_without_the_right_there(world):
    ids = await world.register("A1")
    sent = {"deviceIds": ids, "groupId": world.id("farm"), "toGroupId": world.id("barn")}
    assert (await world.call("transferDevices", "installer", body=sent)).status == 403
    yard = await world.add_group("yard", "outsider")
    await world.let_in("owner", "yard", "viewer", by="outsider")
    assert (await world.call("transferDevices", body={**sent, "toGroupId": yard})).status == 403
    for group in ("elsewhere", "yard"):
        hidden = await world.call("transferDevices", "second", body={**sent, "toGroupId": world.id(group)})
        assert (hidden.status, hidden.told.partition(":")[0]) == (400, "toGroupId")


@covers("deleteDevices", "success")
async def test_a_removed_device_is_gone_with_its_name_in_the_network(world):
    ids = await world.register("A1", "A2")
    gone = await world.ok("deleteDevices", "installer", body={"groupId": world.id("farm"), "deviceIds": ids})
    assert gone["message"] == "2 devices were removed."
    assert (await world.call("getDevice", query={"deviceId": ids[0]})).status == 400
    assert (await world.call("takeSigfoxData", bearer(world), body={"device": "A1", "data": "00"})).status == 400
    await world.register("A1")


@covers("deleteDevices", "refusal")
async def test_of_a_batch_with_one_foreign_device_none_is_removed(world):
    ids = await world.register("A1")
    (foreign,) = await world.register("B1", group="elsewhere", by="stranger")
    (below,) = await world.register("C1", group="barn")
    for other in (foreign, below, NOBODY, "é"):
        refused = await world.call("deleteDevices", body={"groupId": world.id("farm"), "deviceIds": [*ids, other]})
        assert (refused.status, refused.told.partition(":")[0]) == (400, "deviceIds")
    assert (
        await world.call("deleteDevices", "viewer", body={"groupId": world.id("farm"), "deviceIds": ids})
    ).status == 403
    assert len(await devices_of(world)) == 1


async def test_one_device_can_be_followed_through_the_trail(world):
    (one,) = await world.register("A1")
    await world.ok(
        "transferDevices", body={"deviceIds": [one], "groupId": world.id("farm"), "toGroupId": world.id("barn")}
    )
    await world.ok("deleteDevices", body={"groupId": world.id("barn"), "deviceIds": [one]})
    assert [operation for operation, subject in await world.trail() if subject == "sigfox-A1"] == [
        "thing.create",
        "thing.update",
        "thing.remove",
    ]


# What networks hand in


async def test_a_message_that_the_network_sends_again_is_taken_once(world):
    [device] = await world.register("A1")
    sent = {"device": "A1", "data": "00ff", "time": "1790000000", "seqNumber": "12", "ack": "true"}

    async def version_after(**change):
        assert "A1" in await world.ok("takeSigfoxData", bearer(world), body={**sent, **change})
        return (await world.backend.shadows.current_each(world.tenant.account.id, [device]))[device].version

    first = await version_after()
    assert await version_after() == first
    later = [await version_after(**each) for each in ({"seqNumber": "13"}, {"data": "01"}, {"time": "1790000001"}, {})]
    assert later == [first + 1, first + 2, first + 3, first + 4]
    assert await version_after(seqNumber=None, time=None) == first + 5


@covers("takeSigfoxData", "success")
async def test_an_uplink_goes_down_the_spine_as_a_message_of_the_device(world):
    (one,) = await world.register("A1")
    sent = {"device": "A1", "data": "00FF", "time": "1790000000", "seqNumber": "12", "rssi": "-90.5", "station": "S"}
    assert await world.ok("takeSigfoxData", bearer(world), body=sent) == {}
    information = json.loads((await device(world, one))["information"])
    assert information == {
        "data": "00ff",
        "time": 1790000000,
        "seqNumber": 12,
        "link": {"rssi": -90.5, "station": "S"},
    }
    topics = [topic for topic in world.life.audience.topics if "sigfox-A1" in topic]
    assert topics[0] == "$aws/things/sigfox-A1/shadow/update"
    assert f"thing-update-accepted/{world.id('farm')}/sigfox-A1" in topics


@pytest.mark.parametrize(
    ("ack", "is_asked"), [("true", True), (True, True), ("1", True), ("false", False), (None, False)]
)
async def test_a_downlink_is_answered_when_it_is_asked_for_and_the_configuration_holds_one(world, ack, is_asked):
    (one,) = await world.register("A1")
    sent = {"device": "a1", "data": "01", "ack": ack}
    nothing = await world.ok("takeSigfoxData", bearer(world), body=sent)
    assert nothing == ({"A1": {"noData": True}} if is_asked else {})
    wish = {"groupId": world.id("farm"), "devicesIds": [one], "configuration": '{"downlink":"01020304050607FF"}'}
    await world.ok("updateDevices", body=wish)
    answered = await world.ok("takeSigfoxData", bearer(world), body=sent)
    assert answered == ({"A1": {"downlinkData": "01020304050607ff"}} if is_asked else {})


@pytest.mark.parametrize("held", ['"0102"', '"zz"', "5", '"01020304050607ff00"', "{}"])
async def test_a_configuration_that_is_no_downlink_is_not_sent(world, held):
    (one,) = await world.register("A1")
    wish = {"groupId": world.id("farm"), "devicesIds": [one], "configuration": f'{{"downlink":{held}}}'}
    await world.ok("updateDevices", body=wish)
    answered = await world.ok("takeSigfoxData", bearer(world), body={"device": "A1", "data": "", "ack": True})
    assert answered == {"A1": {"noData": True}}


@covers("takeSigfoxStatus", "success")
@covers("takeSigfoxAcknowledge", "success")
@covers("takeSigfoxLocation", "success")
async def test_status_acknowledgement_and_location_are_reported_too(world):
    (one,) = await world.register("A1")
    for call, sent in (
        ("takeSigfoxStatus", {"batt": "2.9"}),
        ("takeSigfoxAcknowledge", {"downlinkAck": "true", "infoCode": "0", "infoMessage": "Acked"}),
        ("takeSigfoxLocation", {"lat": "48.1", "lng": 2.5, "radius": 300}),
    ):
        await world.ok(call, bearer(world), body={"device": "A1", **sent})
    assert json.loads((await device(world, one))["information"]) == {
        "battery": 2.9,
        "lastDownlink": {"acknowledged": True, "code": 0, "message": "Acked"},
        "position": {"lat": 48.1, "lng": 2.5, "radius": 300},
    }


@covers("takeActilityData", "success")
async def test_another_network_hands_in_the_same_way(world):
    sent = batch(world, "20635F01", network="actility")
    await world.ok("createDevices", body=sent)
    uplink = {
        "DevEUI": "20635f01",
        "payload_hex": "0A",
        "FCntUp": "3",
        "FPort": 2,
        "Time": "2026-03-01T10:00:00.5+01:00",
    }
    await world.ok("takeActilityData", bearer(world), body={"DevEUI_uplink": {**uplink, "LrrRSSI": "-70"}})
    (shown,) = await devices_of(world)
    assert json.loads(shown["information"]) == {
        "data": "0a",
        "time": 1772355600,
        "seqNumber": 3,
        "port": 2,
        "link": {"rssi": -70},
    }
    late = {"DevEUI_uplink": {**uplink, "Time": "yesterday"}}
    assert (await world.call("takeActilityData", bearer(world), body=late)).told.startswith("DevEUI_uplink.Time")


async def test_a_token_opens_the_devices_of_its_group_and_of_those_below_and_no_others(world):
    await world.register("B1", group="barn")
    await world.register("C1", group="elsewhere", by="stranger")
    sent = {"data": "00"}
    assert (await world.call("takeSigfoxData", bearer(world), body={"device": "B1", **sent})).status == 200
    assert (await world.call("takeSigfoxData", bearer(world, "barn"), body={"device": "B1", **sent})).status == 200
    await world.register("A1")
    for group, name in (("barn", "A1"), ("farm", "C1"), ("elsewhere", "A1"), ("farm", "X1"), ("farm", "")):
        refused = await world.call("takeSigfoxData", bearer(world, group), body={"device": name, **sent})
        assert (refused.status, refused.told.partition(":")[0]) == (400, "device")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"data": "0"}, "data"),
        ({"data": "zz"}, "data"),
        ({"data": "00" * 600}, "data"),
        ({"data": None}, "data"),
        ({"time": "noon"}, "time"),
        ({"seqNumber": "x"}, "seqNumber"),
        ({"rssi": "nan"}, "rssi"),
    ],
)
async def test_an_uplink_with_unfit_values_is_refused(world, change, field):
    await world.register("A1")
    refused = await world.call("takeSigfoxData", bearer(world), body={"device": "A1", "data": "00", **change})
    assert (refused.status, refused.told.startswith(field)) == (400, True)
