"""Accounts: the own one, tenants, and what their attributes do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudstead.core.accounts.events import AccountStatusChanged
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.credentials.errors import AccountClosed
from cloudstead.core.people.profile import ProfileChange
from cloudstead.core.policygroups.model import DEVELOPER_GRANT
from factories.account_management import NOBODY
from factories.coverage import covers, covers_each

COMMERCIAL = {
    "address_line1": "1 Harbour Street",
    "city": "Bergen",
    "country": "Norway",
    "company": "Fjord AS",
    "contact": "K. Nansen",
    "email": "office@fjord.example",
}
SERVED = ["get_my_account", "update_my_account", "list_accounts", "create_account", "get_account", "update_account"]
UPPER = ["list_accounts", "create_account", "get_account", "update_account"]
BODY = {"create_account": {"end_market": "IoT"}, "update_account": {}, "update_my_account": {}}


async def created(world, by="admin", *, action="create", **body):
    wanted = {"end_market": "IoT", "admin_email": "boss@tenant.example", "admin_name": "boss", **body}
    return await world.call("create_account", by, body=wanted, query={"action": action})


# The own account


@covers("get_my_account", "success")
async def test_everybody_sees_the_own_account(world):
    for by in ("admin", "developer", await world.token("developer")):
        shown = await world.call("get_my_account", by)
        assert (shown.status, shown.body["id"], shown.body["status"]) == (200, world.top.id, "ACTIVE")
        assert not {"limits", "policies", "sub_accounts"} & set(shown.body)


async def test_extras_are_shown_when_asked_for_and_tenants_not_to_developers(world):
    query = {"include": "limits, policies,sub_accounts"}
    shown = (await world.call("get_my_account", query=query)).body
    assert shown["limits"]["cert-count"] == "50"
    assert shown["policies"] == []
    assert [each["id"] for each in shown["sub_accounts"]] == [world.below.id]
    assert "sub_accounts" not in (await world.call("get_my_account", "developer", query=query)).body
    assert "sub_accounts" not in (await world.call("get_my_account", "tenant_admin", query=query)).body


@covers("update_my_account", "success")
async def test_what_is_sent_is_stored_null_clears_and_the_rest_stays(world):
    first = {
        **COMMERCIAL,
        "display_name": "Fjord",
        "aliases": ["fjord-cloud", "Fjord.Example"],
        "custom_fields": {"colour": "red", "size": "XL"},
        "notification_emails": ["ops@fjord.example"],
        "idle_timeout": "30",
        "expiration_warning_threshold": 14,
        "mfa_status": "enforced",
        "password_policy": {"minimum_length": 12},
        "password_recovery_expiration": 20,
        "unknown": "ignored",
    }
    changed = (await world.call("update_my_account", body=first)).body
    assert (changed["etag"], changed["idle_timeout"], changed["password_policy"]) == ("2", 30, {"minimum_length": 12})
    assert changed["aliases"] == first["aliases"]
    assert {name: changed[name] for name in COMMERCIAL} == COMMERCIAL
    second = {"display_name": None, "idle_timeout": None, "aliases": None, "custom_fields": None, "mfa_status": None}
    changed = (await world.call("update_my_account", body=second)).body
    assert (changed["etag"], changed["aliases"], changed["custom_fields"]) == ("3", [], {})
    assert not {"display_name", "idle_timeout", "mfa_status"} & set(changed)
    assert (changed["city"], changed["password_policy"]) == ("Bergen", {"minimum_length": 12})
    unchanged = (await world.call("update_my_account", body={"city": "Bergen", "password_policy": {}})).body
    assert (unchanged["etag"], unchanged["updated_at"]) == ("3", changed["updated_at"])
    changed = (await world.call("update_my_account", body={"password_policy": {"minimum_length": "14"}})).body
    assert changed["password_policy"] == {"minimum_length": 14}


async def test_one_property_of_the_custom_fields_is_shown_when_asked_for(world):
    await world.call("update_my_account", body={"custom_fields": {"a": "1", "b": "2"}})
    assert (await world.call("get_my_account", query={"properties": "b"})).body["custom_fields"] == {"b": "2"}
    assert (await world.call("get_my_account", query={"properties": "c"})).body["custom_fields"] == {}


@covers("update_my_account", "refusal")
async def test_only_administrators_change_the_own_account(world):
    assert (await world.call("update_my_account", "developer", body={})).refused == (403, "access_denied")


async def test_an_alias_is_a_host_name_of_the_account_and_belongs_to_one_alone(world):
    async def owner(host):
        account = await world.tenant.database.read(lambda unit: unit.accounts.by_host(host))
        return None if account is None else account.id

    await world.call("update_my_account", body={"aliases": ["Fjord-Cloud"]})
    assert await owner("fjord-cloud") == world.top.id
    taken = await world.call("update_my_account", "stranger", body={"aliases": ["fjord-cloud"]})
    assert (taken.status, taken.body["type"], list(taken.fields)) == (409, "duplicate", ["aliases"])
    await world.call("update_my_account", body={"aliases": []})
    assert await owner("fjord-cloud") is None
    for name in ("127.0.0.1", "localhost", "cloud.operator.example", "cloud.example"):
        refused = await world.call("update_my_account", body={"aliases": [name]})
        assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), ["aliases"]), name


@covers("update_my_account", "malformed")
@covers("update_account", "malformed")
async def test_an_account_that_cannot_be_is_refused(world):
    for body, field in (
        ({"display_name": "x" * 101}, "display_name"),
        ({"city": "a\nb"}, "city"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b@c d"}, "email"),
        ({"aliases": ["short"]}, "aliases[0]"),
        ({"aliases": ["has blank inside"]}, "aliases[0]"),
        ({"aliases": ["twice-is-bad", "Twice-Is-Bad"]}, "aliases"),
        ({"aliases": [f"alias-{number:03}" for number in range(11)]}, "aliases"),
        ({"custom_fields": {str(number): "" for number in range(11)}}, "custom_fields"),
        ({"custom_fields": {"a": "x" * 1001}}, "custom_fields[...]"),
        ({"custom_fields": {"a": 1}}, "custom_fields[...]"),
        ({"notification_emails": ["x"]}, "notification_emails[0]"),
        ({"idle_timeout": 0}, "idle_timeout"),
        ({"idle_timeout": "121"}, "idle_timeout"),
        ({"idle_timeout": "soon"}, "idle_timeout"),
        ({"expiration_warning_threshold": 181}, "expiration_warning_threshold"),
        ({"mfa_status": "maybe"}, "mfa_status"),
        ({"password_policy": {"minimum_length": 7}}, "password_policy.minimum_length"),
        ({"password_policy": {"minimum_length": "513"}}, "password_policy.minimum_length"),
        ({"password_recovery_expiration": 46}, "password_recovery_expiration"),
    ):
        for name in ("update_my_account", "update_account"):
            refused = await world.call(name, body=body)
            assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), [field]), (name, body)
    assert (await world.call("get_my_account")).body["etag"] == "1"
    for body in (b"", b"{", b"[]", b"\xff"):
        assert (await world.call("update_my_account", body=body)).status == 400


async def test_a_commercial_account_keeps_what_it_has_to_tell(world):
    await world.call("update_my_account", body=COMMERCIAL)
    refused = await world.call("update_my_account", body={"contact": None})
    assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), ["contact"])


# Tenants


@covers("create_account", "success")
async def test_a_new_tenant_works_at_once_and_its_secrets_are_shown_this_once(world):
    answer = await created(
        world, admin_password="correct horse battery", admin_full_name="Bo S. Smith", aliases=["tenant-one"]
    )
    new = answer.body
    assert (answer.status, new["status"], new["tier"], new["parent_id"]) == (201, "ACTIVE", "0", world.top.id)
    assert (new["admin_name"], new["admin_full_name"]) == ("boss", "Bo S. Smith")
    assert (new["admin_email"], new["admin_password"]) == ("boss@tenant.example", "correct horse battery")
    assert new["password_policy"] == {"minimum_length": 8}
    mine = (await world.call("get_my_account", new["admin_key"])).body
    assert (mine["id"], mine["admin_id"]) == (new["id"], new["admin_id"])
    assert mine["parent_account"] == {"id": world.top.id}
    assert not {"admin_name", "admin_email", "admin_password", "admin_key"} & set(mine)
    groups = (await world.call("list_groups", new["admin_key"])).body["data"]
    assert [(each["name"], each["user_count"], each["apikey_count"]) for each in groups] == [
        ("Administrators", 1, 1),
        ("Developers", 0, 0),
    ]
    assert (await world.call("list_account_api_keys", account_id=new["id"])).body["total_count"] == 1


async def test_a_tenant_that_tells_everything_is_commercial_and_one_that_does_so_later_becomes_it(world):
    paid = (await created(world, **COMMERCIAL)).body
    assert (paid["tier"], paid["created_at"]) == ("1", paid["upgraded_at"])
    free = (await created(world, admin_name="boss2", admin_email="two@tenant.example")).body
    assert "upgraded_at" not in free
    grown = (await world.call("update_account", account_id=free["id"], body=COMMERCIAL)).body
    assert (grown["tier"], "upgraded_at" in grown) == ("1", True)


async def test_a_generated_password_has_to_be_changed_and_the_key_works_all_the_same(world):
    new = (await created(world)).body
    person = await world.tenant.database.read(lambda unit: unit.people.get(new["admin_id"]))
    assert (person.must_set_password, len(new["admin_password"]) > 15) == (True, True)
    assert (await world.call("get_my_account", new["admin_key"])).status == 200


async def test_an_enrolling_tenant_opens_when_its_administrator_has_followed_the_mailed_link(world):
    new = (await created(world, action="enroll")).body
    assert new["status"] == "ENROLLING"
    assert (await world.call("get_my_account", new["admin_key"])).status == 401
    people = world.rooms.people
    token = people.post.last_token()
    await people.recovery.set_password(token, "correct horse battery")
    assert (await world.call("get_account", account_id=new["id"])).body["status"] == "ACTIVE"
    assert (await world.call("get_my_account", new["admin_key"])).status == 200


async def test_an_enrolment_is_finished_by_nobody_but_the_administrator(world):
    new = (await created(world, action="enroll")).body
    others = {"account_id": new["id"]}
    body = {"email": "early@tenant.example", "password": "correct horse battery"}
    early = (await world.call("create_account_user", body=body, **others)).body
    await world.call("update_account_user", body={"status": "RESET"}, user_id=early["id"], **others)
    people = world.rooms.people
    await people.recovery.set_password(people.post.last_token(), "another horse battery")
    assert (await world.call("get_account", account_id=new["id"])).body["status"] == "ENROLLING"


async def test_somebody_known_keeps_the_password_and_administers_both(world):
    known = world.people["developer"]
    new = (await created(world, admin_email=known.email.upper())).body
    assert (new["admin_id"], "admin_password" in new) == (known.id, False)
    assert (await world.call("get_my_account", new["admin_key"])).body["id"] == new["id"]
    oneself = (await created(world, admin_email=None, admin_name=None)).body
    assert oneself["admin_id"] == world.people["admin"].id


async def test_somebody_known_is_told_of_the_account_that_enrols_and_has_nothing_to_follow(world):
    known, post = world.people["developer"], world.rooms.people.post
    new = (await created(world, action="enroll", admin_email=known.email.upper(), display_name="Fjord")).body
    assert (new["admin_id"], new["status"], "admin_password" in new) == (known.id, "ACTIVE", False)
    [letter] = post.letters
    assert (letter.to, letter.subject) == (known.email, "You administer Fjord")
    assert f"user name is still {known.user_name}" in letter.text
    assert post.links() == []
    users = (await world.call("list_account_users", account_id=new["id"])).body["data"]
    assert [(each["id"], each["status"]) for each in users] == [(known.id, "ACTIVE")]
    await created(world, action="create", admin_email=known.email)
    assert len(post.letters) == 1


async def test_an_address_that_nobody_has_proven_leads_to_nobody_of_another_account(world):
    waiting = world.people["tenant_developer"]
    await world.call("update_account_user", body={"username": waiting.email}, user_id=waiting.id)
    made = (await created(world, admin_email=waiting.email, admin_name=None)).body
    assert made["admin_id"] != waiting.id
    assert made["admin_name"] != waiting.email
    proven = world.people["tenant_admin"]
    await world.call("validate_account_user_email", user_id=proven.id)
    await world.rooms.people.recovery.confirm(world.rooms.people.post.last_token())
    assert (await created(world, admin_email=proven.email)).body["admin_id"] == proven.id


async def test_whoever_has_only_signed_up_waits_for_no_tenant(world):
    recovery = world.rooms.people.recovery
    profile = ProfileChange(email="ceo@customer.example")
    thief = await recovery.sign_up(world.top, user_name="thief", password="correct horse", profile=profile)
    assert (await created(world, admin_email="ceo@customer.example")).body["admin_id"] != thief.id


async def test_people_of_other_accounts_with_the_same_address_hide_nobody(world):
    for account in (world.other, world.below):
        await world.add_person(f"squatter of {account.name}", account, DEVELOPER_GRANT)
    squatters = [world.people[f"squatter of {each.name}"] for each in (world.other, world.below)]
    known = await world.add_person("late", world.top, DEVELOPER_GRANT)
    await world.tenant.database.write(
        lambda unit: [unit.people.replace(replace(each, email=known.email)) for each in squatters]
    )
    assert (await created(world, admin_email=known.email)).body["admin_id"] == known.id


@covers("create_account", "malformed")
async def test_a_tenant_that_cannot_be_leaves_nothing_behind(world):
    for body, field in (
        ({"end_market": ""}, "end_market"),
        ({"end_market": None}, "end_market"),
        ({"admin_name": "x"}, "admin_name"),
        ({"admin_name": "has blank"}, "admin_name"),
        ({"admin_name": "ada", "admin_email": "new@tenant.example"}, "admin_name"),
        ({"admin_name": "developer", "admin_email": "new@tenant.example"}, "admin_name"),
        ({"admin_email": None}, "admin_email"),
        ({"admin_email": "no address@"}, "admin_email"),
        ({"admin_password": "short"}, "admin_password"),
        ({"aliases": ["cloud.example"]}, "aliases"),
    ):
        refused = await created(world, **body)
        if field == "aliases":
            assert refused.status == 409
        else:
            assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), [field]), body
    assert (await created(world, action="adopt")).refused == (400, "validation_error")
    assert (await world.call("list_accounts")).body["total_count"] == 1


@covers("list_accounts", "success")
async def test_tenants_are_listed_filtered_and_paged(world):
    made = [
        (await created(world, admin_name=f"boss{number}", admin_email=f"{number}@t.example", **more)).body["id"]
        for number, more in enumerate(({"country": "Ireland", "end_market": "Sea"}, {"country": "NORWAY"}, COMMERCIAL))
    ]
    everything = (await world.call("list_accounts")).body
    assert [each["id"] for each in everything["data"]] == [world.below.id, *made]
    assert (everything["limit"], everything["total_count"]) == (1000, 4)
    for query, found in (
        ({"country__like": "LAND"}, made[:1]),
        ({"country__like": "norway"}, made[1:]),
        ({"country__like": "%"}, []),
        ({"end_market__eq": "Sea"}, made[:1]),
        ({"tier__eq": "1"}, [world.below.id, made[2]]),
        ({"tier__eq": "1", "country__like": "nor"}, made[2:]),
        ({"status__eq": "SUSPENDED"}, []),
        ({"status__in": "ACTIVE, SUSPENDED", "limit": 2}, [world.below.id, made[0]]),
        ({"status__nin": "ACTIVE"}, []),
        ({"parent__eq": world.top.id, "after": made[1]}, made[2:]),
        ({"parent__eq": world.other.id}, []),
        ({"order": "DESC", "limit": 2}, made[:0:-1]),
    ):
        assert [each["id"] for each in (await world.call("list_accounts", query=query)).body["data"]] == found, query
    shown = (
        await world.call("list_accounts", query={"include": "limits,policies,sub_accounts", "format": "breakdown"})
    ).body
    assert (shown["data"][1]["limits"]["cert-count"], shown["data"][1]["sub_accounts"]) == ("10", [])


@covers("list_accounts", "malformed")
@covers("get_account", "malformed")
@covers("get_my_account", "malformed")
async def test_a_question_that_cannot_be_is_refused(world):
    for query, field in (
        ({"tier__eq": "9"}, "tier__eq"),
        ({"status__in": "ACTIVE,ASLEEP"}, "status__in"),
        ({"status__like": "A"}, "status__like"),
        ({"format": "pdf"}, "format"),
        ({"limit": 1}, "limit"),
    ):
        refused = await world.call("list_accounts", query=query)
        assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), [field])
    for name in ("list_accounts", "get_account", "get_my_account"):
        refused = await world.call(name, query={"include": "secrets"})
        assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), ["include"])


@covers("get_account", "success")
@covers("update_account", "success")
async def test_what_only_the_parent_decides_is_hidden_from_the_tenant(world):
    secret = {"contract_number": "1NX", "customer_number": "1NC", "sales_contact": "sales@cloud.example"}
    changed = (await world.call("update_account", body=secret)).body
    assert {name: changed[name] for name in secret} == secret
    assert set(secret) <= set((await world.call("get_account")).body)
    assert not set(secret) & set((await world.call("get_my_account", "tenant_admin")).body)
    await world.call("update_my_account", "tenant_admin", body={"contract_number": "none"})
    assert (await world.call("get_account")).body["contract_number"] == "1NX"


async def test_a_parent_sees_itself_under_its_own_id_and_cannot_change_its_own_status(world):
    path = {"account_id": world.top.id}
    assert (await world.call("get_account", **path)).body["id"] == world.top.id
    assert (await world.call("update_account", **path, body={"city": "Oslo"})).body["city"] == "Oslo"
    assert (await world.call("update_account", **path, body={"status": "SUSPENDED"})).refused == (403, "access_denied")


@covers_each(UPPER, "refusal")
async def test_only_the_parents_administrators_see_and_make_tenants(world):
    for name in UPPER:
        body = BODY.get(name)
        assert (await world.call(name, "developer", body=body)).refused == (403, "access_denied")
        assert (await world.call(name, "tenant_admin", body=body)).refused == (403, "access_denied")
    for name in ("get_account", "update_account"):
        for account_id in (NOBODY, world.other.id, "x", "%00"):
            answer = await world.call(name, account_id=account_id, body=BODY.get(name))
            assert answer.refused == (404, "not_found")
        upwards = await world.call(name, "tenant_admin", account_id=world.top.id, body=BODY.get(name))
        assert upwards.refused == (404, "not_found")


@covers("get_my_account", "refusal")
async def test_without_a_good_credential_nothing_is_answered(world):
    for name in SERVED:
        for credential in (None, "inactive", "deleted", "nonsense"):
            assert (await world.call(name, credential, body=BODY.get(name))).refused == (401, "invalid_auth")


# What the attributes do


async def test_a_suspended_account_lets_nobody_in_and_one_that_is_active_again_does(world):
    world.tenant.events.clear()
    assert (await world.call("get_my_account", "tenant_admin")).status == 200
    changed = await world.call("update_account", body={"status": "SUSPENDED", "reason": "Not paid."})
    assert (changed.body["status"], changed.body["reason"]) == ("SUSPENDED", "Not paid.")
    assert AccountStatusChanged(world.below.id, AccountStatus.SUSPENDED) in world.tenant.events
    token = await world.token("tenant_admin")
    for by in ("tenant_admin", token):
        assert (await world.call("get_my_account", by)).refused == (403, "access_denied")
    with pytest.raises(AccountClosed):
        await world.rooms.callers.of_api_key(world.keys["tenant_admin"])
    await world.call("update_account", body={"status": "ACTIVE"})
    assert (await world.call("get_my_account", "tenant_admin")).status == 200


async def test_in_a_restricted_account_everything_can_be_read_and_nothing_changed(world):
    await world.call("update_account", body={"status": "RESTRICTED"})
    for name in ("get_my_account", "list_api_keys", "list_groups", "get_my_api_key"):
        assert (await world.call(name, "tenant_admin")).status == 200, name
    for name, body in (("update_my_account", {}), ("create_api_key", {"name": "k"}), ("create_group", {"name": "g"})):
        assert (await world.call(name, "tenant_admin", body=body)).refused == (403, "access_denied"), name
    caller = await world.rooms.callers.of_api_key(world.keys["tenant_admin"])
    assert (caller.may("thing:read"), caller.may("thing:create"), caller.may("shadow:write")) == (True, False, False)
    assert (await world.call("create_account_group", body={"name": "g"})).status == 201


async def test_a_limit_that_is_reached_is_told_by_name(world):
    await world.call("update_account", body={"limits": {"api-key-count": "2", "policy-group-count": "2"}})
    refused = await world.call("create_api_key", "tenant_admin", body={"name": "k"})
    assert (refused.refused, refused.fields) == ((403, "account_limit_exceeded"), {"api-key-count": "2"})
    refused = await world.call("create_group", "tenant_admin", body={"name": "g"})
    assert (refused.refused, refused.fields) == ((403, "account_limit_exceeded"), {"policy-group-count": "2"})
    own = {"account_id": world.top.id, "body": {"limits": {"tenant-count": "1"}}}
    assert (await world.call("update_account", **own)).status == 200
    assert (await created(world)).fields == {"tenant-count": "1"}
    shown = (await world.call("get_account", query={"include": "limits"})).body["limits"]
    assert (shown["api-key-count"], shown["user-count"]) == ("2", "100000")


async def test_a_policy_takes_a_feature_away_from_everybody_at_once(world):
    assert (await world.call("list_groups", "tenant_admin")).status == 200
    switched = {
        "policies": [
            {"feature": "policy-group", "action": "administer", "allow": False},
            {"feature": "rule", "allow": False},
        ]
    }
    await world.call("update_account", body=switched)
    refused = await world.call("create_group", "tenant_admin", body={"name": "g"})
    assert (refused.refused, list(refused.fields)) == ((403, "access_denied"), ["policy"])
    assert (await world.call("list_groups", "tenant_admin")).status == 200
    caller = await world.rooms.callers.of_api_key(world.keys["tenant_admin"])
    assert (caller.may("rule:read"), caller.may("rule:create"), caller.may("thing:create")) == (False, False, True)
    shown = (await world.call("get_my_account", "tenant_admin", query={"include": "policies"})).body["policies"]
    assert [(each["feature"], each["action"], each["allow"], each["inherited"]) for each in shown] == [
        ("policy-group", "administer", False, False),
        ("rule", "", False, False),
    ]


async def test_what_a_parent_has_not_its_tenants_have_not_either(world):
    assert (await world.rooms.callers.of_api_key(world.keys["tenant_admin"])).may("rule:create")
    own = {"policies": [{"feature": "rule", "allow": True}]}
    await world.call("update_account", body=own)
    switched = {"policies": [{"feature": "rule", "allow": False}]}
    await world.call("update_account", account_id=world.top.id, body=switched)
    for name in ("admin", "tenant_admin"):
        assert not (await world.rooms.callers.of_api_key(world.keys[name])).may("rule:create")
    shown = (await world.call("get_my_account", "tenant_admin", query={"include": "policies"})).body["policies"]
    assert [(each["allow"], each["inherited"]) for each in shown] == [(True, False), (False, True)]
