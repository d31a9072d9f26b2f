"""Nobody gets more than was granted: not by a key of somebody mightier, and not by way of another account."""

from __future__ import annotations

import pytest

from cloudstead.core.accounts.acting import acting_in
from cloudstead.core.caller import Caller
from cloudstead.core.identityproviders.model import IdentityProvider
from cloudstead.core.people.errors import RoleTooHigh
from cloudstead.core.people.model import Membership
from cloudstead.core.people.profile import ProfileChange
from cloudstead.core.people.registry import PersonChange
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT, GroupKind


async def add_key(world, name, account, person, *, is_administrator=False):
    """Make a key in somebody's name, with a developer's rights or an administrator's."""
    keys = world.rooms.backend.api_keys
    group = await world.group(GroupKind.ADMINISTRATORS, account)

    def write(unit):
        caller = Caller(account.id, f"person:{person.id}", person.user_name, person.id, (ADMINISTRATOR_GRANT,))
        groups = [group] if is_administrator else []
        return keys.create(unit, acting_in(unit, caller), name=name, group_ids=groups)

    shown = await world.tenant.database.write(write)
    world.keys[name], world.key_ids[name] = shown.text, shown.key.id


async def make_member(world, account, person):
    await world.tenant.database.write(
        lambda unit: unit.people.put_membership(Membership(account.id, person.id, (ADMINISTRATOR_GRANT,)))
    )


# Keys


@pytest.mark.parametrize("body", [{"email": "thief@cloud.example"}, {"is_totp_enabled": True}])
async def test_a_key_with_fewer_rights_does_not_change_what_lets_its_owner_in(world, body):
    await add_key(world, "small", world.top, world.tenant.administrator)
    refused = await world.call("update_my_user", "small", body=body)
    assert refused.refused == (403, "access_denied")
    unchanged = (await world.call("get_my_user", "small")).body
    assert (unchanged["email"], unchanged["is_totp_enabled"]) == (world.tenant.administrator.email, False)
    assert (await world.call("update_my_user", "admin", body=body)).status == 200


async def test_a_key_with_fewer_rights_is_shown_no_scratch_codes_of_its_owner(world):
    await add_key(world, "small", world.top, world.tenant.administrator)
    await world.call("update_my_user", "admin", body={"is_totp_enabled": True})
    refused = await world.call("get_my_user", "small", query={"scratch_codes": "yes"})
    assert refused.refused == (403, "access_denied")
    assert (await world.call("get_my_user", "admin", query={"scratch_codes": "yes"})).status == 200


async def test_nobody_is_given_the_secret_of_a_key_that_may_do_more(world):
    await add_key(world, "small", world.top, world.tenant.administrator)
    await add_key(world, "second small", world.top, world.tenant.administrator)
    refused = await world.call("reset_api_key_secret", "small", apikey_id=world.key_ids["admin"])
    assert refused.refused == (403, "access_denied")
    assert (await world.call("get_my_api_key", "admin")).status == 200
    given = await world.call("reset_api_key_secret", "small", apikey_id=world.key_ids["second small"])
    assert given.status == 200


async def test_nobody_lets_a_key_work_again_that_may_do_more(world):
    await add_key(world, "small", world.top, world.tenant.administrator)
    body = {"name": "key of inactive", "status": "ACTIVE"}
    refused = await world.call("update_api_key", "small", body=body, apikey_id=world.key_ids["inactive"])
    assert refused.refused == (403, "access_denied")
    woken = await world.call("update_api_key", "admin", body=body, apikey_id=world.key_ids["inactive"])
    assert woken.body["status"] == "ACTIVE"


# Other accounts


async def test_a_tenants_key_in_the_name_of_its_parents_administrator_changes_nothing_of_that_person(world):
    administrator = world.tenant.administrator
    await make_member(world, world.below, administrator)
    made = await world.call(
        "create_api_key", "tenant_admin", body={"name": "theirs", "owner": administrator.id, "groups": []}
    )
    await world.call(
        "add_api_key_to_groups",
        "tenant_admin",
        apikey_id=made.body["id"],
        body=[await world.group(GroupKind.ADMINISTRATORS, world.below)],
    )
    refused = await world.call("update_my_user", made.body["key"], body={"email": "thief@cloud.example"})
    assert refused.refused == (403, "access_denied")
    kept = await world.call("get_user", user_id=administrator.id)
    assert kept.body["email"] == administrator.email


async def test_a_guests_session_changes_no_address_for_a_provider_of_the_account_may_have_vouched_for_it(world):
    tenant, administrator = world.tenant, world.tenant.administrator
    await make_member(world, world.below, administrator)
    token = world.rooms.tokens.issue_id_token(world.below, administrator)
    for body in ({"email": "thief@cloud.example"}, {"is_totp_enabled": True}):
        assert (await world.call("update_my_user", token, body=body)).refused == (403, "access_denied")
    assert (await world.call("update_my_user", token, body={"full_name": "Ada L."})).status == 200
    at_home = tenant.account
    token = world.rooms.tokens.issue_id_token(at_home, administrator)
    assert (await world.call("update_my_user", token, body={"email": "new@cloud.example"})).status == 200


async def test_an_account_with_a_provider_of_its_own_vouches_for_nobody_who_belongs_above_as_well(world):
    shared = world.people["tenant_admin"]
    await make_member(world, world.top, shared)
    body = {"email": "thief@cloud.example"}
    provider = IdentityProvider(id="9" * 32, account_id=world.below.id, name="Own", created_at_ms=1, updated_at_ms=1)
    await world.tenant.database.write(lambda unit: unit.identity_providers.add(provider))
    token = await world.token("tenant_admin")
    assert (await world.call("update_my_user", token, body=body)).refused == (403, "access_denied")
    await world.tenant.database.write(lambda unit: unit.identity_providers.remove(world.below.id, provider.id))
    assert (await world.call("update_my_user", token, body=body)).status == 200


@pytest.mark.parametrize("change", [{"password_hash": "another"}, {"profile": ProfileChange(email="e@cloud.example")}])
async def test_a_key_is_not_its_owner_when_what_opens_another_account_is_changed(world, change):
    shared = world.people["tenant_admin"]
    await make_member(world, world.top, shared)
    caller = await world.rooms.callers.of_api_key(world.keys["tenant_admin"])
    people = world.rooms.people.people
    asked = PersonChange(**change)
    with pytest.raises(RoleTooHigh):
        await world.tenant.database.write(
            lambda unit: people.update(unit, caller, user_name=shared.user_name, change=asked)
        )


async def test_a_key_with_fewer_rights_changes_no_address_by_its_owners_profile(world):
    administrator = world.tenant.administrator
    await add_key(world, "small", world.top, administrator)
    caller = await world.rooms.callers.of_api_key(world.keys["small"])
    people = world.rooms.people.people
    profile = ProfileChange(email="thief@cloud.example")
    with pytest.raises(RoleTooHigh):
        await world.tenant.database.write(
            lambda unit: people.update_profile(unit, caller, user_name=administrator.user_name, profile=profile)
        )


# Policies


async def test_whom_policies_take_something_from_gives_what_is_left(world):
    policies = [{"feature": "rule", "action": "create", "allow": False}]
    await world.call("update_account", body={"policies": policies})
    made = await world.call(
        "create_user", "tenant_admin", body={"email": "eve@cloud.example", "password": "long enough"}
    )
    administrators = await world.group(GroupKind.ADMINISTRATORS, world.below)
    joined = await world.call("add_user_to_groups", "tenant_admin", user_id=made.body["id"], body=[administrators])
    assert joined.status == 200
