"""What happens to accounts, keys and policy groups takes effect on open connections at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cloudstead.core.accounts.acting import Acting
from cloudstead.core.accounts.ends import AccountEnds
from cloudstead.core.accounts.enrolling import put_status
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.accounts.profile import FeaturePolicy
from cloudstead.core.accounts.registry import Accounts, ProfileChange
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.credentials.api_key_registry import ApiKeys, KeyChange
from cloudstead.core.credentials.key_uses import KeyUses
from cloudstead.core.ids import DomainId
from cloudstead.core.notifications.tidings import Tidings
from cloudstead.core.policygroups.members import GroupMembers
from cloudstead.core.policygroups.registry import PolicyGroups, Subjects
from factories.people import PostBox
from protocol.gateway.harness import update


@pytest.fixture
def groups(site):
    clock, ids = site.tenant.clock, site.tenant.ids
    return PolicyGroups(clock, ids, GroupMembers(clock))


@pytest.fixture
def keys(site, groups):
    return ApiKeys(site.tenant.clock, site.tenant.ids, groups, KeyUses(site.tenant.clock))


@pytest.fixture
def acting(site):
    return Acting(site.tenant.caller, site.tenant.account)


async def set_status(site, status):
    def write(unit):
        put_status(unit, unit.accounts.get(site.tenant.account.id), status)

    await site.tenant.database.write(write)


async def is_cut(client):
    async with asyncio.timeout(1):
        return await client.closed()


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.ENROLLING])
async def test_a_closed_account_cuts_devices_and_people_and_lets_nobody_in(site, status):
    thing = await site.add_thing("pump")
    token = await site.person_token("ReadWrite")
    _, text = await site.api_key("ReadWrite")
    device, person = await site.device(thing), await site.person(token, client_id="a")
    by_key = await site.person(text, client_id="b")
    await set_status(site, status)
    assert [await is_cut(client) for client in (device, person, by_key)] == [True, True, True]
    for credential in (token, text):
        again = await site.open_plain()
        assert await again.connect("c", user_name="token", password=credential.encode()) != 0
    again = await site.open_tls(site.client_context(await site.bundle(thing)))
    assert await again.connect("pump") != 0


async def test_in_a_restricted_account_devices_and_people_hear_but_change_nothing(site):
    thing = await site.add_thing("pump")
    token = await site.person_token("ReadWrite")
    first = await site.device(thing)
    await set_status(site, AccountStatus.RESTRICTED)
    assert await is_cut(first)
    device, person = await site.device(thing), await site.person(token)
    assert await person.subscribe("thing-update/#") == [1]
    await device.subscribe("$aws/things/pump/shadow/get/rejected")
    await device.acknowledgement(device.publish("$aws/things/pump/shadow/get", b""))
    assert (await device.message()).topic == "$aws/things/pump/shadow/get/rejected"
    device.publish("$aws/things/pump/shadow/update", update(t=1))
    person.publish("thing-update/pump", update(t=2))
    assert [await is_cut(client) for client in (device, person)] == [True, True]


async def test_a_reset_secret_cuts_who_came_in_with_the_old_one(site, keys, acting):
    key_id, text = await site.api_key("ReadWrite")
    person = await site.person(text)
    await site.tenant.database.write(lambda unit: keys.reset_secret(unit, acting, key_id, KeyChange()))
    assert await is_cut(person)


async def test_an_inactive_key_is_cut(site, keys, acting):
    key_id, text = await site.api_key("ReadWrite")
    person = await site.person(text)
    await site.tenant.database.write(lambda unit: keys.update(unit, acting, key_id, KeyChange(is_active=False)))
    assert await is_cut(person)


async def test_a_key_of_account_management_opens_the_gateway(site, keys, acting):
    shown = await site.tenant.database.write(lambda unit: keys.create(unit, acting, name="k"))
    person = await site.person(shown.text)
    assert await person.subscribe("thing-update/#") == [1]


async def test_whoever_leaves_a_group_hears_no_more_what_it_gave(site, groups, acting):
    await site.tenant.add_domain("sub1")
    await site.tenant.add_domain("sub2")
    token = await site.person_token("Read", "sub1")
    member = (await site.caller_of(token)).person_id
    group = await site.tenant.database.write(
        lambda unit: groups.create(
            unit,
            acting,
            name="Crew",
            grants=(Grant(DomainId("sub2"), "Read"),),
            members=Subjects(person_ids=(member,)),
        )
    )
    person, narrow = await site.person(token, client_id="a"), await site.person(token, client_id="b")
    assert await person.subscribe("thing-update/sub2/#") == [1]
    assert await narrow.subscribe("thing-update/sub1/#") == [1]
    await site.tenant.database.write(lambda unit: groups.take_people(unit, acting, group.group.id, [member]))
    assert await is_cut(person)
    await narrow.ping()


async def test_a_group_that_gives_less_is_heard_at_once(site, groups, acting):
    await site.tenant.add_domain("sub1")
    key_id, text = await site.api_key("Read", "sub1")
    group = await site.tenant.database.write(
        lambda unit: groups.create(
            unit,
            acting,
            name="Crew",
            grants=(Grant(DomainId("root"), "Read"),),
            members=Subjects(key_ids=(key_id,)),
        )
    )
    person = await site.person(text)
    assert await person.subscribe("thing-update/#") == [1]
    await site.tenant.database.write(lambda unit: groups.update(unit, acting, group.group.id, grants=()))
    assert await is_cut(person)


async def test_what_happens_to_another_account_cuts_nobody(site):
    other = await site.tenant.open_another_account()
    person = await site.person(await site.person_token("Read"))
    await site.tenant.database.write(lambda unit: put_status(unit, replace(other), AccountStatus.SUSPENDED))
    await person.ping()
    assert site.gateway.counters()["cut"] == 0


async def test_an_account_that_runs_out_cuts_devices_and_people_and_lets_nobody_in(site):
    tenant = site.tenant
    thing = await site.add_thing("pump")
    token = await site.person_token("ReadWrite")
    device, person = await site.device(thing), await site.person(token)

    def set_end(unit):
        profile = unit.accounts.profile(tenant.account.id)
        unit.accounts.put_profile(replace(profile, expires_at_ms=tenant.clock.millis()))

    await tenant.database.write(set_end)
    ends = AccountEnds(tenant.clock, tenant.ids, Tidings(tenant.clock, tenant.ids, PostBox()))
    await tenant.database.write(lambda unit: ends.tend(unit, tenant.account.id))
    assert [await is_cut(client) for client in (device, person)] == [True, True]
    again = await site.open_tls(site.client_context(await site.bundle(thing)))
    assert await again.connect("pump") != 0
    again = await site.open_plain()
    assert await again.connect("c", user_name="token", password=token.encode()) != 0


@pytest.fixture
async def parent(site):
    """An account above the site's."""
    tenant = site.tenant
    top = await tenant.open_another_account("top")
    await tenant.database.write(lambda unit: unit.accounts.replace(replace(tenant.account, parent_id=top.id)))
    return top


async def switch_off(site, account, *features):
    """Have the account's administrator switch features off for everybody."""
    tenant = site.tenant
    policies = tuple(FeaturePolicy(feature=each, allow=False) for each in features)
    grants = (Grant(DomainId("root"), "Administrator"),)
    caller = Caller(account.id, "person:boss", "boss", None, grants)

    def write(unit):
        acting = Acting(caller, unit.accounts.get(account.id))
        Accounts(tenant.clock, tenant.ids).update(unit, acting, ProfileChange(policies=policies))

    await tenant.database.write(write)


@pytest.mark.parametrize("whose", ["own", "parent"])
async def test_a_feature_that_is_switched_off_ends_what_was_granted_by_it(site, parent, whose):
    token = await site.person_token("ReadWrite")
    _, text = await site.api_key("ReadWrite")
    person, by_key = await site.person(token, client_id="a"), await site.person(text, client_id="b")
    idle = await site.person(token, client_id="c")
    for client in (person, by_key):
        assert await client.subscribe("thing-update/#") == [1]
    await switch_off(site, site.tenant.account if whose == "own" else parent, "rule")
    await person.ping()
    await switch_off(site, site.tenant.account if whose == "own" else parent, "event")
    assert [await is_cut(client) for client in (person, by_key)] == [True, True]
    await idle.ping()


@pytest.mark.parametrize("whose", ["own", "parent"])
async def test_a_will_that_could_not_be_left_any_more_ends_its_connection_and_is_void(site, parent, whose):
    thing = await site.add_thing("pump")
    token = await site.person_token("ReadWrite")
    will = ("thing-update/pump", b'{"state":{"reported":{"t":0}}}', 1, False)
    person, without = await site.person(token, client_id="a", will=will), await site.person(token, client_id="b")
    await switch_off(site, site.tenant.account if whose == "own" else parent, "thing-topic")
    assert await is_cut(person)
    await without.ping()
    device = await site.device(thing)
    await device.subscribe("$aws/things/pump/shadow/get/rejected")
    await device.acknowledgement(device.publish("$aws/things/pump/shadow/get", b""))
    assert (await device.message()).topic == "$aws/things/pump/shadow/get/rejected"


async def test_what_the_account_above_switches_off_cuts_nobody_of_another_account(site, parent):
    stranger = await site.tenant.open_another_account("stranger")
    person = await site.person(await site.person_token("Read"))
    assert await person.subscribe("thing-update/#") == [1]
    await switch_off(site, stranger, "event")
    await person.ping()
    assert site.gateway.counters()["cut"] == 0


async def test_devices_keep_their_own_topics_whatever_people_may_not(site, parent):
    thing = await site.add_thing("pump")
    device = await site.device(thing)
    await switch_off(site, parent, "thing-topic", "event", "shadow", "thing")
    await device.acknowledgement(device.publish("$aws/things/pump/shadow/update", update(t=1)))
    assert site.gateway.counters()["cut"] == 0
