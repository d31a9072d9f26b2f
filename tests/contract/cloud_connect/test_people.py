"""UserLambda, where it succeeds, and what it keeps people from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudstead.core.caller import Grant
from cloudstead.core.ids import DomainId
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.model import Membership
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT
from cloudstead.core.roles.model import GroupRole
from factories.contract import require_output
from factories.coverage import covers
from factories.tenants import PASSWORD

NEW = {
    "userName": "carl",
    "password": "demo",
    "firstName": "Carl",
    "lastName": "Nord",
    "email": "carl@cloud.example",
    "phone": "+4631123456",
    "company": "Demo AB",
    "address": "Street 1",
    "zip": "12345",
    "city": "BigCity",
    "country": "Sweden",
    "roleName": "ReadWrite",
    "domainName": "north",
}
SHOWN = {name: value for name, value in NEW.items() if name != "password"}


async def create(world, **others):
    return (await world.call("UserLambda.CREATE", world.administrator, **NEW | others)).ok()


async def listing(world, caller=None, attributes=None, **beside):
    payload = {"action": "LIST", "attributes": attributes or {}, **beside}
    return (await world.invoke("UserLambda.LIST", payload, caller=caller or world.administrator)).ok()


async def names(world, caller=None, **beside):
    return [each["userName"] for each in (await listing(world, caller, {"userName": None}, **beside))["users"]]


async def log_in(world, user_name="carl", password="demo"):
    return await world.call("AuthLambda.LOGIN", None, userName=user_name, password=password)


async def audited(world):
    from cloudstead.core.paging import PageRequest

    page = await world.tenant.database.read(
        lambda unit: unit.audit.page(world.tenant.account.id, PageRequest(limit=500))
    )
    return [each for each in page.items if each.object_type == "person"]


# Creating --------------------------------------------------------------------------------------------------------


@covers("UserLambda.CREATE", "success")
async def test_a_user_is_made_and_logs_in_at_once(world):
    made = await create(world)
    require_output("UserLambda.CREATE", made)
    assert made == SHOWN
    assert (await log_in(world)).ok()["user"]["roleName"] == "ReadWrite"


async def test_what_is_not_known_of_a_new_user_is_left_out(world):
    made = (
        await world.call(
            "UserLambda.CREATE",
            world.administrator,
            **{name: NEW[name] for name in ("userName", "password", "firstName", "lastName", "email")},
            roleName="Read",
            domainName="root",
        )
    ).ok()
    require_output("UserLambda.CREATE", made)
    assert "phone" not in made


@pytest.mark.parametrize("phone", ["031-123456", "+46 31 123456", "004631123456", "+0123", "+46(0)31"])
async def test_a_phone_number_needs_its_country_code_and_nothing_but_digits(world, phone):
    for label, caller in (("UserLambda.CREATE", world.administrator), ("AuthLambda.SIGN_UP", None)):
        answer = await world.call(label, caller, **NEW | {"phone": phone})
        assert answer.told == ("INVALID_ARGUMENTS", "phone")


@pytest.mark.parametrize(
    "email", ["carl", "a@b@c", "a b@c.d", "a@", "@b", "a@b\nBcc: x@y", "a@-b.c", "x" * 300 + "@b.c"]
)
async def test_what_is_no_mail_address_is_refused_wherever_one_is_given(world, email):
    for label, caller, fields in (
        ("UserLambda.CREATE", world.administrator, NEW),
        ("AuthLambda.SIGN_UP", None, NEW),
        ("UserLambda.UPDATE", world.administrator, {"userName": "bob"}),
        ("UserLambda.UPDATE_PROFILE", world.writer, SHOWN | {"userName": "bob"}),
    ):
        answer = await world.call(label, caller, **fields | {"email": email})
        assert answer.told == ("INVALID_ARGUMENTS", "email"), label


@pytest.mark.parametrize("user_name", [" carl", "carl ", "ca\trl", "carl\u200b", "x" * 129, "Cafe\u0301"])
async def test_a_user_name_is_one_that_can_be_told_from_others(world, user_name):
    answer = await world.call("UserLambda.CREATE", world.administrator, **NEW | {"userName": user_name})
    assert answer.told == ("INVALID_ARGUMENTS", "userName")


async def test_a_user_name_is_its_accounts_own_affair(world):
    await create(world)
    payload = b'{"action":"GET","attributes":{"userName":"carl"}}'
    foreign = await world.runtime.invoke("UserLambda", world.foreign, world.stranger, payload)
    assert b"USER_NOT_FOUND" in foreign.body


# Reading ---------------------------------------------------------------------------------------------------------


@covers("UserLambda.GET", "success")
async def test_of_a_user_is_shown_what_was_selected(world):
    await create(world, userName="417")
    every = {name: None for name in SHOWN if name != "userName"}
    seen = (await world.call("UserLambda.GET", world.reader, userName=417, **every, password=None, nonsense=None)).ok()
    require_output("UserLambda.GET", {"userName": seen["userName"]})
    assert seen == SHOWN | {"userName": "417"}
    assert (await world.call("UserLambda.GET", world.reader, userName="417")).ok() == {"userName": "417"}


async def test_whether_a_user_is_enabled_can_be_asked(world):
    await create(world)
    for flag in ("false", "true"):
        await world.call("UserLambda.UPDATE", world.administrator, userName="carl", enabled=flag)
        seen = (await world.call("UserLambda.GET", world.administrator, userName="carl", enabled=None)).ok()
        assert seen == {"userName": "carl", "enabled": flag}


@covers("UserLambda.LIST", "success")
async def test_active_users_are_listed_by_user_name_with_all_that_can_be_read(world):
    await create(world)
    answer = await listing(world)
    require_output("UserLambda.LIST", answer)
    assert [each["userName"] for each in answer["users"]] == ["ada", "bob", "carl"]
    assert answer["users"][2] == SHOWN
    assert (answer["page"], answer["totalPages"]) == (1, 1)
    assert answer["metadata"]["count"] == {"all": 3, "active": 3, "pending": 0, "unconfirmed": 0}


async def test_of_listed_users_is_shown_what_was_selected(world):
    answer = await listing(world, attributes={"email": None, "roleName": None, "unknown": None})
    assert answer["users"][0] == {"email": "ada@cloud.example", "roleName": "ReadWrite"}


async def fill(world):
    await create(world)
    await world.call("AuthLambda.SIGN_UP", None, userName="una", password="demo", email="una@x.example")
    await world.call("AuthLambda.SIGN_UP", None, userName="pete", password="demo", email="pete@y.example")
    await world.people.recovery.confirm(world.people.post.last_token())


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        (None, ["ada", "bob", "carl"]),
        ("active", ["ada", "bob", "carl"]),
        ("pending", ["pete"]),
        ("unconfirmed", ["una"]),
        ("all", ["ada", "bob", "carl", "pete", "una"]),
    ],
)
async def test_a_category_shows_its_users_and_all_are_counted(world, category, expected):
    await fill(world)
    answer = await listing(world, filter={} if category is None else {"category": category})
    assert [each["userName"] for each in answer["users"]] == expected
    assert answer["metadata"]["count"] == {"all": 5, "active": 3, "pending": 1, "unconfirmed": 1}


async def test_a_disabled_user_stays_listed_where_he_can_be_found(world):
    await create(world)
    await world.call("UserLambda.UPDATE", world.administrator, userName="carl", enabled=False)
    assert "carl" in await names(world)


async def test_whoever_has_no_domain_is_seen_from_the_root_only(world):
    await fill(world)
    assert await names(world, world.reader, filter={"category": "all"}) == ["bob", "carl"]
    answer = await listing(world, world.reader)
    assert answer["metadata"]["count"] == {"all": 2, "active": 2, "pending": 0, "unconfirmed": 0}
    for user_name in ("una", "pete", "ada"):
        refused = await world.call("UserLambda.GET", world.reader, userName=user_name)
        assert refused.told == ("NOT_AUTHORIZED_DOMAIN", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CARL", ["carl"]),
        ("carl nord", ["carl"]),
        ("bigcity", ["carl"]),
        ("+4631", ["carl"]),
        ("cloud.example", ["ada", "bob", "carl"]),
        ("NORTH", ["bob", "carl"]),
        ("readw", ["ada", "bob", "carl"]),
        ("100%", []),
        ("_", []),
        ("\\", []),
        ("", ["ada", "bob", "carl"]),
    ],
)
async def test_free_text_is_found_in_whatever_can_be_read(world, text, expected):
    await create(world)
    answer = await listing(world, filter={"freeText": text})
    assert [each["userName"] for each in answer["users"]] == expected
    assert answer["metadata"]["count"]["active"] == len(expected)


async def test_free_text_knows_the_case_of_every_alphabet(world):
    await create(world, lastName="ÅNGSTRÖM")
    assert await names(world, filter={"freeText": "ångström"}) == ["carl"]


async def test_pages_follow_one_another_without_gap_or_overlap(world):
    for number in range(7):
        await create(world, userName=f"u{number}", lastName="Same")
    pages = [await listing(world, page=page, size=3, sortProp="lastName") for page in (1, 2, 3, 4)]
    found = [each["userName"] for page in pages for each in page["users"]]
    assert found == ["ada", "bob", *(f"u{number}" for number in range(7))]
    assert [page["totalPages"] for page in pages] == [3] * 4
    assert [page["page"] for page in pages] == [1, 2, 3, 4]
    assert pages[3]["users"] == []


@pytest.mark.parametrize("prop", [name for name in SHOWN if name not in ("roleName", "domainName")])
async def test_users_are_sorted_by_any_attribute(world, prop):
    first, last = ("+461", "+469") if prop == "phone" else ("AAA", "zzz")
    if prop == "email":
        first, last = "AAA@x.example", "zzz@x.example"
    await create(world, **{"userName": "one", prop: last})
    await create(world, **{"userName": "two", prop: first})
    ordered = [each[prop] for each in (await listing(world, sortProp=prop))["users"]]
    assert ordered == sorted(ordered)


async def test_users_are_sorted_by_role_and_by_domain(world):
    await create(world, roleName="Read", domainName="fjord")
    assert await names(world, sortProp="roleName") == ["carl", "ada", "bob"]
    assert await names(world, sortProp="domainName") == ["carl", "bob", "ada"]


@pytest.mark.parametrize(
    ("beside", "name"),
    [
        ({"page": 0}, "page"),
        ({"page": -1}, "page"),
        ({"page": "two"}, "page"),
        ({"page": 10**12}, "page"),
        ({"size": 0}, "size"),
        ({"size": 10_001}, "size"),
        ({"size": {}}, "size"),
        ({"sortProp": "password_hash"}, "sortProp"),
        ({"sortProp": 5}, "sortProp"),
        ({"filter": []}, "filter"),
        ({"filter": {"category": "lost"}}, "filter"),
        ({"filter": {"freeText": "x" * 300}}, "filter"),
        ({"filter": {"freeText": "\0"}}, "filter"),
    ],
)
async def test_a_list_that_cannot_be_is_refused_with_its_property(world, beside, name):
    answer = await world.invoke("UserLambda.LIST", {"action": "LIST", **beside}, caller=world.administrator)
    assert answer.told == ("INVALID_ARGUMENTS", name)


# Changing --------------------------------------------------------------------------------------------------------


@covers("UserLambda.UPDATE", "success")
async def test_a_user_is_changed_in_what_is_given_and_nothing_else(world):
    await create(world)
    changed = (
        await world.call("UserLambda.UPDATE", world.administrator, userName="carl", phone="031-123456", company="")
    ).ok()
    require_output("UserLambda.UPDATE", changed)
    assert changed == {**{name: value for name, value in SHOWN.items() if name != "company"}, "phone": "031-123456"}


async def test_moving_and_demoting_a_user_takes_effect_at_once_and_is_told(world):
    made = await create(world)
    login = (await log_in(world)).ok()
    world.tenant.events.clear()
    changed = (
        await world.call("UserLambda.UPDATE", world.administrator, userName="carl", roleName="Read", domainName="south")
    ).ok()
    assert (changed["roleName"], changed["domainName"], made["domainName"]) == ("Read", "south", "north")
    assert any(isinstance(event, PersonChanged) for event in world.tenant.events)
    again = await world.call("AuthLambda.REFRESH", None, refreshToken=login["credentials"]["refreshToken"])
    assert again.ok()["user"]["domainName"] == "south"


@pytest.mark.parametrize("role", ["group-installer", "made"])
async def test_a_role_that_this_wire_does_not_know_is_shown_as_the_narrowest_and_kept_when_that_is_sent_back(
    world, role
):
    await create(world)
    account_id = world.tenant.account.id
    carl = (await world.tenant.database.read(lambda unit: unit.people.by_user_name(account_id, "carl"))).id
    made = GroupRole(
        id="made",
        account_id=account_id,
        domain_id="north",
        name="made",
        description="",
        words=("device:view",),
        created_at_ms=0,
        created_by=None,
        updated_at_ms=0,
    )

    def write(unit):
        unit.roles.add(made)
        unit.people.put_membership(Membership(account_id, carl, (Grant(DomainId("north"), role),)))

    await world.tenant.database.write(write)
    asked = {"userName": "carl", "roleName": "Read", "domainName": "fjord"}
    assert (await world.call("UserLambda.UPDATE", world.administrator, **asked)).ok()["roleName"] == "Read"
    stored = await world.tenant.database.read(lambda unit: unit.people.membership(account_id, carl))
    assert [(grant.domain_id, grant.role) for grant in stored.grants] == [("fjord", role)]
    (await world.call("UserLambda.UPDATE", world.administrator, userName="carl", roleName="ReadWrite")).ok()
    stored = await world.tenant.database.read(lambda unit: unit.people.membership(account_id, carl))
    assert stored.grants[0].role == "ReadWrite"


async def test_a_domain_is_not_removed_under_a_user_who_moved_there(world):
    await create(world)
    (await world.call("UserLambda.UPDATE", world.administrator, userName="carl", domainName="fjord")).ok()
    refused = await world.call("DomainLambda.REMOVE", world.administrator, id="fjord")
    assert refused.told == ("DOMAIN_HAS_USERS", None)
    (await world.call("UserLambda.UPDATE", world.administrator, userName="carl", domainName="north")).ok()
    (await world.call("DomainLambda.REMOVE", world.administrator, id="fjord")).ok()


@pytest.mark.parametrize("flag", ["false", False])
async def test_a_disabled_user_does_not_log_in_until_enabled_again(world, flag):
    await create(world)
    token = (await log_in(world)).ok()["credentials"]["refreshToken"]
    (await world.call("UserLambda.UPDATE", world.administrator, userName="carl", enabled=flag)).ok()
    assert (await log_in(world)).told == ("INVALID_LOGIN", None)
    assert (await world.call("AuthLambda.REFRESH", None, refreshToken=token)).told == ("INVALID_LOGIN", None)
    enabled = "true" if isinstance(flag, str) else True
    (await world.call("UserLambda.UPDATE", world.administrator, userName="carl", enabled=enabled)).ok()
    assert (await world.call("AuthLambda.REFRESH", None, refreshToken=token)).told == ("INVALID_LOGIN", None)
    (await log_in(world)).ok()


async def test_what_is_neither_true_nor_false_does_not_enable(world):
    for value in ("yes", "True", 1, [], {}):
        answer = await world.call("UserLambda.UPDATE", world.administrator, userName="bob", enabled=value)
        assert answer.told == ("INVALID_ARGUMENTS", "enabled")


async def test_a_password_that_was_set_for_somebody_ends_what_the_old_one_opened(world):
    await create(world)
    token = (await log_in(world)).ok()["credentials"]["refreshToken"]
    (await world.call("UserLambda.UPDATE", world.administrator, userName="carl", password="another one")).ok()
    assert (await log_in(world)).told == ("INVALID_LOGIN", None)
    assert (await world.call("AuthLambda.REFRESH", None, refreshToken=token)).told == ("INVALID_LOGIN", None)
    (await log_in(world, password="another one")).ok()


@pytest.mark.parametrize(("given", "missing"), [("roleName", "domainName"), ("domainName", "roleName")])
async def test_a_pending_user_needs_both_a_role_and_a_domain(world, given, missing):
    await fill(world)
    one = {given: NEW[given]}
    answer = await world.call("UserLambda.UPDATE", world.administrator, userName="pete", **one)
    assert answer.told == ("INVALID_ARGUMENTS", missing)
    both = {given: NEW[given], missing: NEW[missing]}
    (await world.call("UserLambda.UPDATE", world.administrator, userName="pete", **both)).ok()
    assert "pete" in await names(world)


async def test_a_changed_mail_address_takes_the_links_with_it(world):
    await create(world)
    await world.call("UserLambda.RESET_PASSWORD", world.administrator, userName="carl")
    token = world.people.post.last_token()
    await world.call("UserLambda.UPDATE", world.administrator, userName="carl", email="new@cloud.example")
    assert (await world.people.recovery.look(token)).state == "replaced"


# Nobody exceeds the own powers -----------------------------------------------------------------------------------


async def test_a_writer_gives_roles_within_the_own_reach_only(world):
    assert (await world.call("UserLambda.CREATE", world.writer, **NEW)).ok()["domainName"] == "north"
    for domain, key in (("south", "NOT_AUTHORIZED_DOMAIN"), ("root", "NOT_AUTHORIZED_DOMAIN")):
        refused = await world.call("UserLambda.CREATE", world.writer, **NEW | {"userName": "x", "domainName": domain})
        assert refused.told == (key, "domainName")
    for role in ("Administrator", "Watch", "read", ""):
        refused = await world.call(
            "UserLambda.CREATE", world.administrator, **NEW | {"userName": "x", "roleName": role}
        )
        assert refused.told in {("INVALID_ARGUMENTS", "roleName"), ("PROPERTY_REQUIRED", "roleName")}


@pytest.mark.parametrize(
    ("label", "fields"),
    [
        ("UserLambda.UPDATE", {"email": "thief@cloud.example"}),
        ("UserLambda.UPDATE", {"password": "mine now"}),
        ("UserLambda.UPDATE", {"enabled": "false"}),
        ("UserLambda.UPDATE", {"roleName": "Read"}),
        ("UserLambda.RESET_PASSWORD", {}),
        ("UserLambda.REMOVE", {}),
    ],
)
async def test_nobody_decides_about_those_who_may_do_more(world, label, fields):
    await world.tenant.add_person("chief", Grant("north", "Administrator"))
    await world.tenant.add_person("elsewhere", Grant("north", "Read"), Grant("south", "Read"))
    for user_name in ("chief", "elsewhere"):
        refused = await world.call(label, world.writer, userName=user_name, **fields)
        assert refused.told == ("NOT_AUTHORIZED", None)
        assert refused.error["messageParams"] == {"operation": label.partition(".")[2], "objectType": "User"}
    (await world.call(label, world.administrator, userName="chief", **fields)).ok()


async def test_a_role_that_this_wire_cannot_tell_apart_is_kept_when_it_is_sent_back(world):
    await world.tenant.add_person("chief", Grant("north", "Administrator"))
    (await world.call("UserLambda.UPDATE", world.administrator, userName="chief", roleName="ReadWrite")).ok()
    kept = await world.tenant.database.read(
        lambda unit: unit.people.members(world.tenant.account.id, ["chief"])[0].grants
    )
    assert kept == (Grant("north", "Administrator"),)
    (await world.call("UserLambda.UPDATE", world.administrator, userName="chief", roleName="Read")).ok()
    assert (await world.call("UserLambda.GET", world.reader, userName="chief", roleName=None)).ok() == {
        "userName": "chief",
        "roleName": "Read",
    }


@pytest.mark.parametrize(
    ("label", "fields", "name"),
    [
        ("UserLambda.REMOVE", {"userName": "ada"}, "userName"),
        ("UserLambda.REMOVE", {"userName": ["bob", "ada"]}, "userName"),
        ("UserLambda.UPDATE", {"userName": "ada", "enabled": "false"}, "enabled"),
        ("UserLambda.UPDATE", {"userName": "ada", "roleName": "Read"}, "roleName"),
        ("UserLambda.UPDATE", {"userName": "ada", "domainName": "north"}, "domainName"),
        ("UserLambda.RESET_PASSWORD", {"userName": "ada"}, "userName"),
    ],
)
async def test_nobody_shuts_oneself_out(world, label, fields, name):
    refused = await world.call(label, world.administrator, **fields)
    assert refused.told == ("INVALID_ARGUMENTS", name)
    same = {"userName": "ada", "roleName": "ReadWrite", "domainName": "root", "enabled": "true", "firstName": "Ada"}
    assert (await world.call("UserLambda.UPDATE", world.administrator, **same)).ok()["firstName"] == "Ada"
    assert await names(world) == ["ada", "bob"]


# Removing and resetting ------------------------------------------------------------------------------------------


@covers("UserLambda.REMOVE", "success")
async def test_users_are_removed_one_by_one_or_several_at_a_time(world):
    for user_name in ("one", "two", "417"):
        await create(world, userName=user_name)
    assert (await world.call("UserLambda.REMOVE", world.administrator, userName="one")).ok() == {}
    assert (await world.call("UserLambda.REMOVE", world.administrator, userName=["two", 417, "two"])).ok() == {}
    assert await names(world, filter={"category": "all"}) == ["ada", "bob"]
    assert (await log_in(world, "one")).told == ("INVALID_LOGIN", None)


@pytest.mark.parametrize(
    ("others", "told"),
    [
        (["nobody"], ("USER_NOT_FOUND", "userName")),
        (["southerner"], ("NOT_AUTHORIZED_DOMAIN", None)),
        (["demo"], ("USER_REMOVE_DEMO", None)),
        (["nobody", "southerner", "demo"], ("USER_NOT_FOUND", "userName")),
        (["southerner", "demo"], ("NOT_AUTHORIZED_DOMAIN", None)),
    ],
)
async def test_of_a_list_all_are_removed_or_none(world, others, told):
    await create(world)
    await create(world, userName="southerner", domainName="south")
    await create(world, userName="demo")
    refused = await world.call("UserLambda.REMOVE", world.writer, userName=["carl", *others])
    assert refused.told == told
    assert "carl" in await names(world)


async def test_a_key_can_neither_demote_nor_disable_nor_remove_the_last_administrator(world):
    key = replace(world.administrator, principal="key:k1", person_id=None)
    wrongs = (
        ("UserLambda.UPDATE", {"userName": "ada", "roleName": "Read", "domainName": "north"}),
        ("UserLambda.UPDATE", {"userName": "ada", "domainName": "north"}),
        ("UserLambda.UPDATE", {"userName": "ada", "enabled": "false"}),
        ("UserLambda.REMOVE", {"userName": "ada"}),
        ("UserLambda.REMOVE", {"userName": ["carl", "ada"]}),
    )
    await create(world)
    for label, attributes in wrongs:
        refused = await world.call(label, key, **attributes)
        assert refused.told == ("INVALID_ARGUMENTS", "userName"), (label, attributes)
        assert "last administrator" in refused.error["message"]
    assert await names(world) == ["ada", "bob", "carl"]
    assert (await world.call("UserLambda.UPDATE", key, userName="ada", city="Oslo")).ok()["city"] == "Oslo"


async def test_an_administrator_may_go_when_another_one_is_left_who_is_not_locked_out(world):
    second = await world.tenant.add_person("second", ADMINISTRATOR_GRANT)
    key = replace(world.administrator, principal="key:k1", person_id=None)
    (await world.call("UserLambda.UPDATE", key, userName="second", enabled="false")).ok()
    refused = await world.call("UserLambda.REMOVE", key, userName="ada")
    assert refused.told == ("INVALID_ARGUMENTS", "userName")
    (await world.call("UserLambda.UPDATE", key, userName="second", enabled="true")).ok()
    refused = await world.call("UserLambda.REMOVE", key, userName=["ada", "second"])
    assert refused.told == ("INVALID_ARGUMENTS", "userName")
    (await world.call("UserLambda.REMOVE", key, userName="ada")).ok()
    members = await world.tenant.database.read(
        lambda unit: unit.policy_groups.ids_of_people(world.tenant.account.id, [second.id])[second.id]
    )
    assert len(members) == 1


@pytest.mark.parametrize("names_given", [[], [""], [None], ["carl", ""]])
async def test_a_list_without_a_name_lacks_the_name(world, names_given):
    answer = await world.call("UserLambda.REMOVE", world.administrator, userName=names_given)
    assert answer.told == ("PROPERTY_REQUIRED", "userName")


@pytest.mark.parametrize("value", [{}, [["carl"]], True, [1.5], ["x"] * 1 + [{}]])
async def test_what_is_no_name_is_nobodys(world, value):
    answer = await world.call("UserLambda.REMOVE", world.administrator, userName=value)
    assert answer.told == ("INVALID_ARGUMENTS", "userName")


async def test_no_more_than_a_thousand_are_removed_at_once(world):
    many = [f"u{number}" for number in range(1001)]
    answer = await world.call("UserLambda.REMOVE", world.administrator, userName=many)
    assert answer.told == ("INVALID_ARGUMENTS", "userName")


@covers("UserLambda.RESET_PASSWORD", "success")
async def test_who_was_reset_is_shut_out_until_a_new_password_is_set(world):
    await create(world)
    refresh = (await log_in(world)).ok()["credentials"]["refreshToken"]
    assert (await world.call("UserLambda.RESET_PASSWORD", world.administrator, userName="carl")).ok() == {}
    assert (await log_in(world)).told == ("INVALID_LOGIN", None)
    assert (await world.call("AuthLambda.REFRESH", None, refreshToken=refresh)).told == ("INVALID_LOGIN", None)
    (await world.call("UserLambda.UPDATE", world.administrator, userName="carl", enabled="true")).ok()
    assert (await log_in(world)).told == ("INVALID_LOGIN", None)
    ((path, token),) = world.people.post.links()
    assert path == "/people/set-password"
    await world.people.recovery.set_password(token, "a better one")
    world.tenant.clock.advance(timedelta(hours=1))
    (await log_in(world, password="a better one")).ok()


async def test_a_password_is_reset_again_when_the_link_has_run_out(world):
    await create(world)
    await world.call("UserLambda.RESET_PASSWORD", world.administrator, userName="carl")
    world.tenant.clock.advance(timedelta(hours=25))
    assert (await world.people.recovery.look(world.people.post.last_token())).state == "expired"
    await world.call("UserLambda.RESET_PASSWORD", world.administrator, userName="carl")
    assert (await world.people.recovery.look(world.people.post.last_token())).state == "fresh"


# One's own ---------------------------------------------------------------------------------------------------------


PROFILE = {"userName": "bob", "firstName": "Bob", "lastName": "Berg", "email": "bob@new.example"}


@covers("UserLambda.UPDATE_PROFILE", "success")
async def test_everybody_changes_the_own_profile(world):
    answer = (await world.call("UserLambda.UPDATE_PROFILE", world.reader, **PROFILE, city="Oslo")).ok()
    require_output("UserLambda.UPDATE_PROFILE", answer)
    assert answer == {**PROFILE, "city": "Oslo", "roleName": "ReadWrite", "domainName": "north"}


async def test_nobody_changes_the_profile_of_another(world):
    refused = await world.call("UserLambda.UPDATE_PROFILE", world.administrator, **PROFILE)
    assert refused.told == ("NOT_AUTHORIZED", None)
    assert refused.error["messageParams"] == {"operation": "UPDATE_PROFILE", "objectType": "User"}


async def test_a_key_that_belongs_to_nobody_has_no_profile_and_no_data(world):
    key = world.caller(("root", "Administrator"), user_name="a key")
    assert (await world.call("UserLambda.UPDATE_PROFILE", key, **PROFILE)).told == ("NOT_AUTHORIZED", None)
    for label in ("UserLambda.GET_USERDATA", "UserLambda.UPDATE_USERDATA"):
        assert (await world.call(label, key)).told == ("USER_NOT_FOUND", "userName")


async def test_a_profile_is_no_place_for_a_password(world):
    wrong = await world.call("UserLambda.UPDATE_PROFILE", world.writer, **PROFILE, password="new", oldPassword="wrong")
    none = await world.call("UserLambda.UPDATE_PROFILE", world.writer, **PROFILE, password="new")
    right = await world.call("UserLambda.UPDATE_PROFILE", world.writer, **PROFILE, password="new", oldPassword=PASSWORD)
    assert wrong.told == none.told == ("USER_INVALID_PASSWORD", "oldPassword")
    assert right.told == ("INVALID_ARGUMENTS", "password")
    (await log_in(world, "bob", PASSWORD)).ok()


async def test_guessing_an_old_password_locks_like_guessing_at_the_door(world):
    told = []
    for _ in range(7):
        answer = await world.call(
            "UserLambda.UPDATE_PROFILE", world.writer, **PROFILE, password="n", oldPassword="wrong"
        )
        told.append(answer.told[0])
    assert told == ["USER_INVALID_PASSWORD"] * 6 + ["INVALID_LOGIN"]


@covers("UserLambda.GET_USERDATA", "success")
async def test_who_has_stored_nothing_has_the_platforms_own_key(world):
    data = (await world.call("UserLambda.GET_USERDATA", world.reader)).ok()
    require_output("UserLambda.GET_USERDATA", data)
    assert data == {"tcxn": {}}


@covers("UserLambda.UPDATE_USERDATA", "success")
async def test_user_data_replace_one_another_all_but_the_platforms_own_key(world):
    first = {"theme": "dark", "null": None, "deep": {"list": [1, 2.5, "x"]}}
    answer = (await world.call("UserLambda.UPDATE_USERDATA", world.reader, **first, tcxn={"mine": 1})).ok()
    assert answer == {"attributes": {"tcxn": {}, **first}}
    assert (await world.call("UserLambda.GET_USERDATA", world.reader)).ok() == {"tcxn": {}, **first}
    (await world.call("UserLambda.UPDATE_USERDATA", world.reader, other=1)).ok()
    assert (await world.call("UserLambda.GET_USERDATA", world.reader)).ok() == {"tcxn": {}, "other": 1}
    assert (await world.call("UserLambda.GET_USERDATA", world.administrator)).ok() == {"tcxn": {}}


async def test_user_data_that_were_forgotten_clear_nothing(world):
    await world.call("UserLambda.UPDATE_USERDATA", world.reader, kept=1)
    answer = await world.invoke("UserLambda.UPDATE_USERDATA", {"action": "UPDATE_USERDATA"}, caller=world.reader)
    assert answer.told == ("PROPERTY_REQUIRED", "attributes")
    assert (await world.call("UserLambda.GET_USERDATA", world.reader)).ok()["kept"] == 1


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"errorMessage": "x"}, "errorMessage"),
        ({"x": "y" * 70_000}, "attributes"),
        ({"x": "\0"}, "attributes"),
        ({"x": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}, "attributes"),
    ],
)
async def test_user_data_are_bounded(world, data, name):
    answer = await world.call("UserLambda.UPDATE_USERDATA", world.reader, **data)
    assert answer.told == ("INVALID_ARGUMENTS", name)


# The trail -------------------------------------------------------------------------------------------------------


async def test_every_change_is_on_record_without_a_secret(world):
    await create(world)
    await world.call("UserLambda.UPDATE", world.administrator, userName="carl", city="Oslo", password="another one")
    await world.call("UserLambda.RESET_PASSWORD", world.administrator, userName="carl")
    await world.people.recovery.set_password(world.people.post.last_token(), "yet another", source_address="192.0.2.7")
    await world.call("UserLambda.UPDATE_PROFILE", world.writer, **PROFILE)
    await world.call("UserLambda.REMOVE", world.administrator, userName="carl")
    entries = await audited(world)
    assert [(each.operation, each.object_id, each.principal.partition(":")[2][:3]) for each in entries] == [
        ("person.create", "carl", "ada"),
        ("person.update", "carl", "ada"),
        ("person.reset-password", "carl", "ada"),
        ("person.set-password", "carl", entries[3].principal[7:10]),
        ("person.update-profile", "bob", "bob"),
        ("person.remove", "carl", "ada"),
    ]
    assert entries[3].source_address == "192.0.2.7"
    assert "argon2" not in repr(entries)
    assert world.people.post.last_token() not in repr(entries)
