"""What is withdrawn ends open connections at once: each of these waits for the close no longer than a second."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cloudstead.core.caller import Grant
from cloudstead.core.credentials import api_keys
from cloudstead.core.domains.events import DomainMoved
from cloudstead.core.ids import DomainId
from cloudstead.core.people.credentials import set_password
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.links import Links
from cloudstead.core.people.model import Membership
from cloudstead.core.roles.events import RoleChanged
from cloudstead.core.roles.model import GroupRole
from protocol.gateway.harness import update


async def is_cut(client):
    async with asyncio.timeout(1):
        return await client.closed()


async def change_person(site, caller, *grants, is_enabled=True):
    def write(unit):
        unit.people.replace(replace(unit.people.get(caller.person_id), is_enabled=is_enabled))
        unit.people.put_membership(Membership(caller.account_id, caller.person_id, grants))
        unit.emit(PersonChanged(caller.account_id, caller.person_id))

    await site.tenant.database.write(write)


async def test_replacing_a_certificate_cuts_the_connection_that_used_it(site):
    pump, valve = await site.add_thing("pump"), await site.add_thing("valve")
    first, second, other = await site.device(pump), await site.device(pump, client_id="b"), await site.device(valve)
    await site.replace_certificate("pump")
    assert await is_cut(first)
    assert await is_cut(second)
    await other.ping()
    assert site.gateway.counters()["cut"] == 2


async def test_an_mqtt_5_client_is_told_that_it_was_cut(site):
    device = await site.device(await site.add_thing("pump"), level=5)
    await site.replace_certificate("pump")
    assert await is_cut(device)
    assert device.farewell == 0x98


async def test_removing_a_thing_cuts_its_connection(site):
    pump = await site.add_thing("pump")
    device = await site.device(pump)
    await site.tenant.database.write(lambda unit: site.things.remove(unit, site.tenant.caller, name=pump.name))
    assert await is_cut(device)
    await site.until(lambda: site.gateway.counters()["devices"] == 0)


async def test_a_revocation_during_admission_keeps_the_device_out(site):
    """The door has said yes, and before the device is in, its certificate is withdrawn."""
    pump = await site.add_thing("pump")
    certificate = await site.bundle(pump)
    client = await site.open_tls(site.client_context(certificate))
    site.door_database.before_answer = lambda: site.replace_certificate("pump")
    assert await client.connect("pump") == 5


async def test_disabling_a_person_cuts_the_connection(site):
    token = await site.person_token("Read")
    person, other = await site.person(token), await site.person(await site.person_token("Read", user_name="b"))
    caller = await site.caller_of(token)
    await change_person(site, caller, *caller.grants, is_enabled=False)
    assert await is_cut(person)
    await other.ping()


async def test_a_new_password_cuts_what_the_old_one_opened(site):
    token = await site.person_token("Read")
    person, other = await site.person(token), await site.person(await site.person_token("Read", user_name="b"))
    caller = await site.caller_of(token)
    links = Links(site.tenant.clock, site.tenant.ids)
    await site.tenant.database.write(
        lambda unit: set_password(unit, unit.people.get(caller.person_id), "another hash", links=links, now_ms=1)
    )
    assert await is_cut(person)
    await other.ping()


async def test_removing_a_person_cuts_the_connections_by_token_and_by_key(site):
    token = await site.person_token("Read")
    caller = await site.caller_of(token)
    tenant = site.tenant
    key = await tenant.database.write(
        lambda unit: api_keys.make_api_key(
            unit,
            tenant.caller,
            clock=tenant.clock,
            ids=tenant.ids,
            name="own",
            grants=caller.grants,
            owner_id=caller.person_id,
        )
    )
    by_token, by_key = await site.person(token, client_id="a"), await site.person(key.text, client_id="b")

    def remove(unit):
        unit.people.remove([caller.person_id])
        unit.emit(PersonChanged(caller.account_id, caller.person_id))

    await tenant.database.write(remove)
    assert await is_cut(by_token)
    assert await is_cut(by_key)


async def test_withdrawing_an_api_key_cuts_the_connection(site):
    key_id, text = await site.api_key("ReadWrite")
    person = await site.person(text)
    tenant = site.tenant
    await tenant.database.write(
        lambda unit: api_keys.withdraw(unit, tenant.caller, key_id, clock=tenant.clock, ids=tenant.ids)
    )
    assert await is_cut(person)


async def test_a_smaller_reach_cuts_who_hears_more(site):
    await site.tenant.add_domain("sub1")
    token = await site.person_token("Read")
    wide, narrow = await site.person(token, client_id="a"), await site.person(token, client_id="b")
    await wide.subscribe("thing-update/#")
    await narrow.subscribe("thing-update/sub1/#")
    await change_person(site, await site.caller_of(token), Grant(DomainId("sub1"), "Read"))
    assert await is_cut(wide)
    await narrow.ping()


async def test_a_role_of_a_group_that_holds_less_than_before_cuts_who_hears_more(site):
    role = GroupRole(
        id="r" * 32,
        account_id=site.tenant.account.id,
        domain_id=DomainId("root"),
        name="Listener",
        description="",
        words=("device:view",),
        created_at_ms=0,
        created_by=None,
        updated_at_ms=0,
    )
    await site.tenant.database.write(lambda unit: unit.roles.add(role))
    person = await site.person(await site.person_token(role.id))
    await person.subscribe("thing-update/#")

    def narrow(unit):
        unit.roles.replace(replace(role, words=("group:view",)))
        unit.emit(RoleChanged(role.account_id))

    await site.tenant.database.write(narrow)
    assert await is_cut(person)


async def test_a_smaller_role_takes_effect_on_the_open_connection(site):
    await site.add_thing("pump")
    token = await site.person_token("ReadWrite")
    person = await site.person(token)
    await person.acknowledgement(person.publish("thing-update/pump", update(t=1)))
    await change_person(site, await site.caller_of(token), Grant(DomainId("root"), "Read"))
    person.publish("thing-update/pump", update(t=2))
    assert await is_cut(person)


async def test_a_moved_domain_cuts_who_hears_it_under_its_old_path(site):
    await site.tenant.add_domain("sub1")
    await site.tenant.add_domain("other")
    member = await site.person(await site.person_token("Read", "sub1"))
    await member.subscribe("thing-update/sub1/#")
    above = await site.person(await site.person_token("Read"))
    await above.subscribe("thing-update/#")
    await site.move_domain("sub1", below="other")
    assert await is_cut(member)
    await above.ping()


async def test_what_happens_in_another_account_cuts_nobody(site):
    await site.tenant.add_domain("sub1")
    person = await site.person(await site.person_token("Read", "sub1"))
    await person.subscribe("thing-update/sub1/#")
    other = await site.tenant.open_another_account()
    site.tenant.bus.publish(DomainMoved(other.id, DomainId("sub1"), ("root", "sub1")))
    await person.ping()
    assert site.gateway.counters()["cut"] == 0


@pytest.mark.parametrize("is_enabled", [True, False])
async def test_a_persons_will_counts_only_while_the_person_may_publish(site, is_enabled):
    await site.add_thing("pump")
    listener = await site.person(await site.person_token("Read", user_name="listener"))
    await listener.subscribe("thing-update/#")
    token = await site.person_token("ReadWrite")
    person = await site.person(token, will=("thing-update/pump", b'{"state":{"reported":{"t":0}}}', 1, False))
    caller = await site.caller_of(token)
    await change_person(site, caller, *caller.grants, is_enabled=is_enabled)
    if is_enabled:
        person.abort()
        assert (await listener.message()).topic == "thing-update/pump"
    else:
        assert await is_cut(person)
        await listener.ping()
        assert listener.messages == []


async def test_a_session_that_heard_more_than_is_allowed_now_is_not_resumed(standard_site):
    site = standard_site
    pump = await site.add_thing("pump")
    await site.tenant.add_domain("sub1")
    token = await site.person_token("Read")
    away = await site.person(token, clean=False)
    await away.subscribe("thing-update/#")
    await away.close()
    await site.until(lambda: site.gateway.counters()["connections"] == 0)
    await change_person(site, await site.caller_of(token), Grant(DomainId("sub1"), "Read"))
    device = await site.device(pump)
    await device.acknowledgement(device.publish("$aws/things/pump/shadow/update", update(t=1)))
    back = await site.person(token, clean=False)
    await back.ping()
    await device.acknowledgement(device.publish("$aws/things/pump/shadow/update", update(t=2)))
    await back.ping()
    assert (back.connack[0], back.messages) == (0, [])


async def test_a_thing_that_was_removed_leaves_nothing_to_a_namesake(standard_site):
    site = standard_site
    topic = "$aws/things/pump/shadow/update/accepted"

    async def remove():
        await site.tenant.database.write(lambda unit: site.things.remove(unit, site.tenant.caller, name="pump"))

    pump = await site.add_thing("pump")
    device = await site.device(pump, clean=False, will=("$aws/things/pump/shadow/gone", b"x", 1, True))
    await device.subscribe(topic)
    device.abort()
    await site.until(lambda: site.gateway.counters()["retained"] == 1)
    again = await site.device(pump, client_id="b", clean=False)
    assert site.gateway.counters()["sessions"] == 2
    await remove()
    assert await is_cut(again)
    await site.until(lambda: (site.gateway.counters()["sessions"], site.gateway.counters()["retained"]) == (0, 0))
    namesake = await site.device(await site.add_thing("pump"))
    assert await namesake.subscribe("$aws/things/pump/shadow/gone") == [1]
    await namesake.ping()
    assert not namesake.messages
