"""Users: who sees, makes, changes and removes them, and what they may then do."""

from __future__ import annotations

import pytest

from cloudstead.core.accounts.enrolling import put_status
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.people.errors import RoleTooHigh
from cloudstead.core.people.model import Membership
from cloudstead.core.people.profile import ProfileChange
from cloudstead.core.people.registry import PersonChange
from cloudstead.core.people.sessions import Client
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT, DEVELOPER_GRANT, GroupKind
from factories.account_management import NOBODY
from factories.coverage import covers, covers_each
from factories.schema import operations

ALL = [name for name, (_, path, _) in operations().items() if "/users" in path and "policy-groups" not in path]
OWN = [name for name in ALL if operations()[name][1].startswith("/v3/users")]
TWINS = [name for name in ALL if name not in OWN]
MINE = [name for name in OWN if "/me" in operations()[name][1]]
OF_ONE = [name for name in ALL if "{user_id}" in operations()[name][1]]
ADMINISTERED = [name for name in OWN if name not in MINE]
WITH_BODY = [name for name in ALL if operations()[name][2].get("requestBody")]


def body_of(name):
    """Return a body with which the operation would succeed."""
    if name.startswith("create"):
        return {"email": "new@cloud.example", "username": "newcomer"}
    if name.startswith("update"):
        return {"full_name": "Somebody Else"}
    return [NOBODY] if "groups" in name and not name.startswith("list") else None


async def created(world, by="admin", **body):
    answer = await world.call("create_user", by, body={"email": "carl@cloud.example", **body})
    assert answer.status == 201, answer.body
    return answer.body


async def make_guest(world, account, person):
    membership = Membership(account.id, person.id, (DEVELOPER_GRANT,))
    await world.tenant.database.write(lambda unit: unit.people.put_membership(membership))


async def status_of(world, user_id):
    return (await world.call("get_user", user_id=user_id)).body["status"]


# Making


@covers("create_user", "success")
async def test_a_user_with_a_password_is_active_and_holds_a_developers_rights(world):
    made = await created(world, username="carl", password="correct horse", full_name="Carl von Linné")
    assert (made["status"], made["username"], made["full_name"]) == ("ACTIVE", "carl", "Carl von Linné")
    assert (made["groups"], made["email_verified"], made["etag"]) == ([], False, "1")
    assert "password" not in made
    assert [each["type"] for each in made["login_profiles"]] == ["NATIVE"]
    caller = await world.rooms.callers.of_person(world.top.id, made["id"])
    assert caller.grants == (DEVELOPER_GRANT,)
    assert not world.rooms.people.post.letters


@covers("create_account_user", "success")
async def test_a_user_without_a_password_gets_one_that_has_to_be_changed(world):
    made = (await world.call("create_account_user", body={"email": "dora@cloud.example"})).body
    assert (made["status"], made["account_id"]) == ("RESET", world.below.id)
    assert len(made["password"]) >= 20
    again = await world.call("get_account_user", user_id=made["id"])
    assert "password" not in again.body


async def test_users_are_put_into_groups_as_they_are_made(world):
    administrators = await world.group(GroupKind.ADMINISTRATORS)
    made = await created(world, password="correct horse", groups=[administrators])
    assert made["groups"] == [administrators]
    caller = await world.rooms.callers.of_person(world.top.id, made["id"])
    assert ADMINISTRATOR_GRANT in caller.grants


@covers("create_user", "malformed")
@covers("create_account_user", "malformed")
@pytest.mark.parametrize("name", ["create_user", "create_account_user"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "two@at@signs.example"}, "email"),
        ({"username": "abc"}, "username"),
        ({"username": "no blanks"}, "username"),
        ({"password": "short"}, "password"),
        ({"full_name": "x" * 101}, "full_name"),
        ({"full_name": "two\nlines"}, "full_name"),
        ({"groups": [NOBODY]}, "groups"),
        ({"login_profiles": []}, "login_profiles"),
        ({"login_profiles": [{"id": NOBODY}]}, "login_profiles"),
    ],
)
async def test_what_can_be_no_user_is_refused_by_name(world, name, body, field):
    wrong = {"email": "new@cloud.example", **body} if body else {}
    refused = await world.call(name, body=wrong)
    assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), [field])
    assert (await world.call("list_users", query={"email__eq": "new@cloud.example"})).body["total_count"] == 0


async def test_the_action_decides_and_an_unknown_one_is_refused(world):
    body = {"email": "new@cloud.example"}
    refused = await world.call("create_user", body=body, query={"action": "adopt"})
    assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), ["action"])
    invited = await world.call("create_user", body=body, query={"action": "invite"})
    assert (invited.status, invited.body["status"], invited.body["username"]) == (201, "INVITED", None)
    listed = await world.call("list_user_invitations")
    assert [each["user_id"] for each in listed.body["data"]] == [invited.body["id"]]
    assert world.rooms.people.post.letters[-1].to == "new@cloud.example"


async def test_an_address_is_taken_once_in_an_account_and_a_name_once_everywhere(world):
    await created(world, username="carl", password="correct horse")
    same_address = await world.call("create_user", body={"email": "CARL@cloud.example"})
    assert (same_address.refused, list(same_address.fields)) == ((409, "duplicate"), ["email"])
    same_name = await world.call("create_account_user", body={"email": "e@cloud.example", "username": "carl"})
    assert (same_name.refused, list(same_name.fields)) == ((409, "duplicate"), ["username"])
    elsewhere = await world.call("create_account_user", body={"email": "carl@cloud.example", "username": "carl2"})
    assert elsewhere.status == 201


async def test_an_address_known_in_another_account_is_given_a_name_of_its_own(world):
    for name in ("create_user", "create_account_user"):
        made = await world.call(name, body={"email": "carl@cloud.example", "password": "correct horse"})
        assert made.status == 201
    assert made.body["username"].startswith("user-")


async def test_the_password_rule_of_the_account_holds_for_users_made_here(world):
    await world.call("update_my_account", body={"password_policy": {"minimum_length": 20}})
    refused = await world.call("create_user", body={"email": "c@cloud.example", "password": "nineteen characters"})
    assert refused.fields == {"password": "must have at least 20 characters"}
    assert (await created(world, password="twenty characters ok")).get("status") == "ACTIVE"


# Reading


@covers("list_users", "success")
async def test_users_are_listed_filtered_and_paged(world):
    carl = await created(world, password="correct horse")
    dora = await created(world, email="dora@cloud.example")
    everybody = (await world.call("list_users")).body
    assert everybody["total_count"] == 4
    assert [each["id"] for each in everybody["data"]] == sorted(each["id"] for each in everybody["data"])
    page = (await world.call("list_users", query={"limit": 2, "order": "DESC", "include": "total_count"})).body
    assert [each["id"] for each in page["data"]] == [dora["id"], carl["id"]]
    assert (page["has_more"], page["total_count"]) == (True, 4)
    rest = (await world.call("list_users", query={"limit": 2, "order": "DESC", "after": carl["id"]})).body
    assert (len(rest["data"]), rest["has_more"]) == (2, False)

    async def found(**query):
        return [each["id"] for each in (await world.call("list_users", query=query)).body["data"]]

    assert await found(email__eq="Dora@CLOUD.example") == [dora["id"]]
    assert await found(status__eq="RESET") == [dora["id"]]
    assert await found(status__in="RESET,INACTIVE") == [dora["id"]]
    assert dora["id"] not in await found(status__nin="RESET")
    assert await found(status__eq="RESET", email__eq=carl["email"]) == []
    assert await found(status__eq="RESET", status__nin="RESET") == []
    for name in ("login_profiles__eq", "login_profile__eq"):
        assert len(await found(**{name: world.top.id})) == 4
        assert await found(**{name: NOBODY}) == []


@covers("list_account_users", "success")
async def test_a_parent_sees_the_users_of_a_tenant_and_its_own_by_its_id(world):
    below = (await world.call("list_account_users")).body["data"]
    assert {each["id"] for each in below} == {world.people[name].id for name in ("tenant_admin", "tenant_developer")}
    own = (await world.call("list_account_users", account_id=world.top.id)).body["data"]
    assert {each["account_id"] for each in own} == {world.top.id}


@covers_each(["list_users", "list_account_users"], "malformed")
@pytest.mark.parametrize("name", ["list_users", "list_account_users"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 1}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"order": "UP"}, "order"),
        ({"include": "everything"}, "include"),
        ({"status__eq": "SLEEPING"}, "status__eq"),
        ({"status__in": "ACTIVE,SLEEPING"}, "status__in"),
        ({"shoe_size__eq": "44"}, "shoe_size__eq"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(world, name, query, field):
    response = await world.client.get(
        operations()[name][1].format(account_id=world.below.id),
        params=query,
        headers={"authorization": f"Bearer {world.keys['admin']}"},
    )
    assert response.status_code == 400
    assert [each["name"] for each in response.json()["fields"]] == [field]


@covers("get_user", "success")
@covers("get_account_user", "success")
async def test_a_user_of_another_account_is_not_there(world):
    assert (await world.call("get_user", user_id=world.people["developer"].id)).body["status"] == "ACTIVE"
    below = world.people["tenant_admin"].id
    assert (await world.call("get_account_user", user_id=below)).body["id"] == below
    for name, user_id in (("get_user", below), ("get_account_user", world.people["stranger"].id)):
        assert (await world.call(name, user_id=user_id)).refused == (404, "not_found")


async def test_people_of_cloud_connect_are_the_same_and_show_names_that_fit(world):
    ada = await world.call("get_user", user_id=world.people["admin"].id)
    assert (ada.body["username"], ada.body["email"]) == (None, "ada@cloud.example")  # three letters are too few here
    developer = await world.call("get_user", user_id=world.people["developer"].id)
    assert developer.body["username"] == "developer"


# Changing


@covers("update_user", "success")
async def test_an_administrator_changes_profiles_and_the_version_grows(world):
    user_id = world.people["developer"].id
    body = {"full_name": "Dee Veloper", "phone_number": "+44 (1223) 400 400", "is_gtc_accepted": True}
    changed = (await world.call("update_user", body=body, user_id=user_id)).body
    assert {name: changed[name] for name in body} == body
    assert changed["etag"] == "2"
    assert (await world.call("update_user", body=body, user_id=user_id)).body["etag"] == "2"
    cleared = (await world.call("update_user", body={"phone_number": None, "username": None}, user_id=user_id)).body
    assert (cleared["phone_number"], cleared["username"], cleared["etag"]) == (None, "developer", "3")


@covers("update_account_user", "success")
async def test_a_parent_locks_a_user_out_everywhere_and_lets_it_in_again(world):
    user_id = world.people["tenant_developer"].id
    token = await world.token("tenant_developer")
    locked = await world.call("update_account_user", body={"status": "INACTIVE"}, user_id=user_id)
    assert locked.body["status"] == "INACTIVE"
    assert (await world.call("get_my_user", token)).refused == (401, "invalid_auth")
    assert (await world.call("get_my_account", "tenant_developer")).refused == (401, "invalid_auth")
    again = await world.call("update_account_user", body={"status": "ACTIVE"}, user_id=user_id)
    assert (again.body["status"], again.body["etag"]) == ("ACTIVE", "3")
    assert (await world.call("get_my_account", "tenant_developer")).status == 200


async def test_what_somebody_had_open_before_being_locked_out_stays_closed(world):
    person = world.people["tenant_developer"]
    database, sessions = world.tenant.database, world.rooms.backend.sessions
    await make_guest(world, world.top, person)
    opened = await database.write(
        lambda unit: [sessions.open(unit, account.id, person, Client()) for account in (world.below, world.top)]
    )
    before = [(await world.call("get_my_user", each.token)).status for each in opened]
    guest = {"account_id": world.top.id, "user_id": person.id}
    for status in ("INACTIVE", "ACTIVE"):
        assert (await world.call("update_account_user", body={"status": status}, **guest)).status == 200
    between = [(await world.call("get_my_user", each.token)).status for each in opened]
    for status in ("INACTIVE", "ACTIVE"):
        await world.call("update_account_user", body={"status": status}, user_id=person.id)
    after = [(await world.call("get_my_user", each.token)).status for each in opened]
    assert (before, between, after) == ([200, 200], [200, 401], [401, 401])
    token = world.rooms.tokens.issue_id_token(world.below, person)  # as it was before
    assert (await world.call("get_my_user", token)).refused == (401, "invalid_auth")


async def test_a_status_is_set_from_above_only_and_never_by_oneself(world):
    developer = world.people["developer"].id
    refused = await world.call("update_user", body={"status": "INACTIVE"}, user_id=developer)
    assert refused.refused == (403, "access_denied")
    by_own_id = await world.call(
        "update_account_user", body={"status": "INACTIVE"}, account_id=world.top.id, user_id=developer
    )
    assert by_own_id.body["status"] == "INACTIVE"
    oneself = await world.call(
        "update_account_user", body={"status": "INACTIVE"}, account_id=world.top.id, user_id=world.people["admin"].id
    )
    assert (oneself.status, list(oneself.fields)) == (400, ["status"])
    assert (await world.call("update_user", body={"status": "INACTIVE"}, user_id=developer)).status == 200


async def test_the_last_administrator_cannot_be_locked_out(world):
    refused = await world.call(
        "update_account_user", body={"status": "INACTIVE"}, user_id=world.people["tenant_admin"].id
    )
    assert refused.status == 400


async def test_a_reset_takes_the_password_away_and_mails_a_link(world):
    user_id = world.people["tenant_developer"].id
    reset = await world.call("update_account_user", body={"status": "RESET"}, user_id=user_id)
    assert reset.body["status"] == "RESET"
    assert world.rooms.people.post.links()[-1][0] == "/people/set-password"
    refused = await world.call("update_account_user", body={"status": "ACTIVE"}, user_id=user_id)
    assert list(refused.fields) == ["status"]


async def test_an_address_is_changed_by_its_owner_alone_and_has_to_be_confirmed(world):
    user_id = world.people["developer"].id
    refused = await world.call("update_user", body={"email": "else@cloud.example"}, user_id=user_id)
    assert refused.refused == (403, "access_denied")
    same = await world.call("update_user", body={"email": "developer@cloud.example"}, user_id=user_id)
    assert same.status == 200
    changed = await world.call("update_my_user", await world.token("developer"), body={"email": "d@cloud.example"})
    assert (changed.body["email"], changed.body["email_verified"]) == ("d@cloud.example", False)
    await world.rooms.people.recovery.confirm(world.rooms.people.post.last_token())
    assert (await world.call("get_user", user_id=user_id)).body["email_verified"]
    taken = await world.call("update_my_user", "developer", body={"email": "ADA@cloud.example"})
    assert taken.refused == (409, "duplicate")


async def test_a_user_name_is_changed_to_a_free_one(world):
    user_id = world.people["developer"].id
    taken = await world.call("update_user", body={"username": "stranger"}, user_id=user_id)
    assert taken.refused == (409, "duplicate")
    changed = await world.call("update_user", body={"username": "dev.one"}, user_id=user_id)
    assert changed.body["username"] == "dev.one"


@covers_each(["update_user", "update_account_user", "update_my_user"], "malformed")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"full_name": 7}, "full_name"),
        ({"full_name": "x" * 101}, "full_name"),
        ({"username": "x"}, "username"),
        ({"email": "nobody"}, "email"),
        ({"groups": [NOBODY]}, "groups"),
        ({"status": "SLEEPING"}, "status"),
    ],
)
async def test_what_nobody_can_be_is_refused_in_a_change(world, body, field):
    for name, by, path in (
        ("update_user", "admin", {"user_id": world.people["admin"].id}),
        ("update_account_user", "admin", {"user_id": world.people["tenant_admin"].id}),
        ("update_my_user", "admin", {}),
    ):
        refused = await world.call(name, by, body=body, **path)
        if name == "update_account_user" and field == "email":
            assert refused.status in {400, 403}
        else:
            assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), [field])


async def test_groups_are_set_by_administrators_and_the_last_one_stays(world):
    administrators = await world.group(GroupKind.ADMINISTRATORS)
    developers = await world.group(GroupKind.DEVELOPERS)
    user_id = world.people["developer"].id
    refused = await world.call("update_my_user", "developer", body={"groups": [administrators]})
    assert refused.refused == (403, "access_denied")
    set_both = await world.call("update_user", body={"groups": [administrators, developers]}, user_id=user_id)
    assert sorted(set_both.body["groups"]) == sorted([administrators, developers])
    kept = await world.call("update_user", body={"groups": [developers]}, user_id=user_id)
    assert kept.body["groups"] == [developers]
    left = await world.call("update_my_user", "admin", body={"groups": []})
    assert left.status == 400


async def test_a_change_of_which_one_part_is_refused_changes_nothing(world):
    user_id = world.people["developer"].id
    refused = await world.call("update_user", body={"full_name": "New Name", "groups": [NOBODY]}, user_id=user_id)
    assert refused.status == 400
    assert (await world.call("get_user", user_id=user_id)).body["full_name"] is None


# Removing


@covers("delete_user", "success")
async def test_whoever_is_not_active_is_removed_with_the_keys(world):
    made = await created(world, username="carl", password="correct horse")
    active = await world.call("delete_user", user_id=made["id"])
    assert active.status == 400
    await world.call("update_account_user", body={"status": "INACTIVE"}, account_id=world.top.id, user_id=made["id"])
    assert (await world.call("delete_user", user_id=made["id"])).status == 204
    assert (await world.call("get_user", user_id=made["id"])).refused == (404, "not_found")
    fresh = await created(world)
    assert (await world.call("delete_user", user_id=fresh["id"])).status == 204


@covers("delete_account_user", "success")
async def test_a_guest_leaves_with_the_keys_of_that_account_and_stays_at_home(world):
    stranger = world.people["stranger"]
    await world.tenant.database.write(
        lambda unit: unit.people.put_membership(Membership(world.below.id, stranger.id, (DEVELOPER_GRANT,)))
    )
    await world.call("update_account_user", body={"status": "INACTIVE"}, user_id=stranger.id)
    assert (await world.call("get_my_user", "stranger")).body["status"] == "ACTIVE"
    shut = await world.call("get_account_user", user_id=stranger.id)
    assert (shut.body["status"], shut.body["account_id"]) == ("INACTIVE", world.below.id)
    with pytest.raises(CredentialRefused):
        await world.rooms.callers.of_person(world.below.id, stranger.id)
    refused = await world.call("update_account_user", body={"full_name": "Mine"}, user_id=stranger.id)
    assert refused.refused == (403, "access_denied")
    assert (await world.call("delete_account_user", user_id=stranger.id)).status == 204
    assert (await world.call("get_account_user", user_id=stranger.id)).status == 404
    assert (await world.call("get_my_user", "stranger")).body["account_id"] == world.other.id


async def test_whom_cloud_connect_removes_stays_where_else_they_belong(world):
    tenant = world.tenant
    developer = world.people["developer"]
    await tenant.database.write(
        lambda unit: unit.people.put_membership(Membership(world.below.id, developer.id, (DEVELOPER_GRANT,)))
    )
    caller = await world.rooms.callers.of_person(world.top.id, world.people["admin"].id)
    people = world.rooms.people.people
    await tenant.database.write(lambda unit: people.remove(unit, caller, user_names=["developer"]))
    assert (await world.call("get_user", user_id=developer.id)).status == 404
    assert (await world.call("get_my_user", "developer")).refused == (401, "invalid_auth")
    below = await world.call("get_account_user", user_id=developer.id)
    assert (below.body["status"], below.body["username"]) == ("ACTIVE", "developer")


@pytest.mark.parametrize("change", [{"password_hash": "another"}, {"profile": ProfileChange(email="e@cloud.example")}])
async def test_nobody_comes_into_another_account_by_way_of_somebody_who_is_at_home_here(world, change):
    tenant = world.tenant
    shared, trusted = world.people["tenant_developer"], world.people["developer"]
    for account, person in ((world.top, shared), (world.below, trusted)):
        await tenant.database.write(
            lambda unit, account=account, person=person: unit.people.put_membership(
                Membership(account.id, person.id, (ADMINISTRATOR_GRANT,))
            )
        )
    people = world.rooms.people.people

    async def change_of(by, account, person):
        caller = await world.rooms.callers.of_person(account.id, world.people[by].id)
        asked = PersonChange(**change)
        await tenant.database.write(lambda unit: people.update(unit, caller, user_name=person.user_name, change=asked))

    with pytest.raises(RoleTooHigh):
        await change_of("tenant_admin", world.below, shared)
    await change_of("admin", world.top, trusted)  # who is above that account anyway


async def test_nobody_removes_oneself(world):
    refused = await world.call("delete_user", user_id=world.people["admin"].id)
    assert (refused.status, list(refused.fields)) == (400, ["user_id"])


@covers_each(["delete_user", "delete_account_user"], "malformed")
async def test_what_is_no_id_is_nobody(world):
    for name in ("delete_user", "delete_account_user"):
        for user_id in ("nobody", "A" * 32, "0" * 31):
            assert (await world.call(name, user_id=user_id)).refused == (404, "not_found")


async def test_the_first_administrator_of_an_enrolling_account_finishes_by_the_mailed_link(world):
    body = {"end_market": "Research", "admin_email": "first@cloud.example", "admin_name": "first.one"}
    opened = await world.call("create_account", body=body, query={"action": "enroll"})
    assert (opened.status, opened.body["status"]) == (201, "ENROLLING")
    path = {"account_id": opened.body["id"], "user_id": opened.body["admin_id"]}
    assert (await world.call("get_account_user", **path)).body["status"] == "ENROLLING"
    await world.rooms.people.recovery.set_password(world.rooms.people.post.last_token(), "a few words in a row")
    finished = (await world.call("get_account_user", **path)).body
    assert (finished["status"], finished["email_verified"]) == ("ACTIVE", True)
    assert (await world.call("get_account", account_id=opened.body["id"])).body["status"] == "ACTIVE"


# Groups of a user


@covers_each(["list_groups_of_user", "add_user_to_groups", "remove_user_from_groups"], "success")
async def test_joining_and_leaving_a_group_takes_effect_at_once(world):
    administrators = await world.group(GroupKind.ADMINISTRATORS)
    user_id = world.people["developer"].id
    token = await world.token("developer")
    assert (await world.call("list_users", token)).status == 403
    joined = await world.call("add_user_to_groups", body=[administrators], user_id=user_id)
    assert (joined.body["object"], joined.body["id"]) == ("user", user_id)
    listed = (await world.call("list_groups_of_user", user_id=user_id)).body
    assert ([each["id"] for each in listed["data"]], listed["total_count"]) == ([administrators], 1)
    assert (await world.call("list_users", token)).status == 200
    assert (await world.call("get_user", user_id=user_id)).body["etag"] == "2"
    again = await world.call("add_user_to_groups", body=[administrators], user_id=user_id)
    assert again.refused == (409, "duplicate")
    assert (await world.call("remove_user_from_groups", body=[administrators], user_id=user_id)).status == 200
    assert (await world.call("list_users", token)).status == 403
    assert (await world.call("remove_user_from_groups", body=[administrators], user_id=user_id)).status == 200
    assert (await world.call("get_user", user_id=user_id)).body["etag"] == "3"


@covers_each(
    ["list_groups_of_account_user", "add_account_user_to_groups", "remove_account_user_from_groups"], "success"
)
async def test_a_parent_moves_users_of_a_tenant_between_its_groups(world):
    developers = await world.group(GroupKind.DEVELOPERS, world.below)
    user_id = world.people["tenant_admin"].id
    assert (await world.call("add_account_user_to_groups", body=[developers], user_id=user_id)).status == 200
    listed = (await world.call("list_groups_of_account_user", user_id=user_id)).body["data"]
    assert developers in [each["id"] for each in listed]
    assert (await world.call("remove_account_user_from_groups", body=[developers], user_id=user_id)).status == 200
    administrators = await world.group(GroupKind.ADMINISTRATORS, world.below)
    last = await world.call("remove_account_user_from_groups", body=[administrators], user_id=user_id)
    assert last.status == 400
    foreign = await world.call(
        "add_account_user_to_groups", body=[await world.group(GroupKind.DEVELOPERS)], user_id=user_id
    )
    assert foreign.refused == (404, "not_found")


@covers_each(
    [
        "add_user_to_groups",
        "remove_user_from_groups",
        "add_account_user_to_groups",
        "remove_account_user_from_groups",
    ],
    "malformed",
)
async def test_a_list_of_groups_holds_ids_and_at_least_one(world):
    for name in (each for each in ALL if each.endswith("_groups")):
        user_id = world.people["tenant_admin" if name in TWINS else "admin"].id
        for body in ([], ["x"], {"groups": []}, "all", b"{"):
            assert (await world.call(name, body=body, user_id=user_id)).status == 400


# Oneself


@covers_each(["get_my_user", "update_my_user"], "success")
async def test_everybody_sees_and_changes_oneself_by_token_and_by_key(world):
    for by in ("developer", await world.token("developer")):
        assert (await world.call("get_my_user", by)).body["id"] == world.people["developer"].id
    changed = await world.call("update_my_user", "developer", body={"full_name": "Me", "address": "Here 1"})
    assert (changed.body["full_name"], changed.body["address"]) == ("Me", "Here 1")


@covers("get_my_user", "malformed")
async def test_what_is_no_extra_of_a_user_is_refused(world):
    response = await world.client.get(
        "/v3/users/me?include=secrets", headers={"authorization": f"Bearer {world.keys['developer']}"}
    )
    assert response.status_code == 400


async def test_switching_the_second_factor_on_shows_scratch_codes_once(world):
    assert not (await world.call("get_my_user", "developer")).body["is_totp_enabled"]
    switched = (await world.call("update_my_user", "developer", body={"is_totp_enabled": True})).body
    assert switched["is_totp_enabled"]
    assert len(set(switched["totp_scratch_codes"])) == 10
    again = (await world.call("update_my_user", "developer", body={"is_totp_enabled": True})).body
    assert "totp_scratch_codes" not in again
    renewed = (await world.call("get_my_user", "developer", query={"scratch_codes": ""})).body
    assert not set(renewed["totp_scratch_codes"]) & set(switched["totp_scratch_codes"])
    assert "totp_scratch_codes" not in (await world.call("get_my_user", "developer")).body


async def test_administrators_switch_second_factors_off_for_others_never_on(world):
    user_id = world.people["developer"].id
    refused = await world.call("update_user", body={"is_totp_enabled": True}, user_id=user_id)
    assert refused.refused == (403, "access_denied")
    await world.call("update_my_user", "developer", body={"is_totp_enabled": True})
    off = await world.call("update_user", body={"is_totp_enabled": False}, user_id=user_id)
    assert off.body["is_totp_enabled"] is False


async def test_no_cache_keeps_what_is_shown_of_oneself(world):
    response = await world.client.get("/v3/users/me", headers={"authorization": f"Bearer {world.keys['developer']}"})
    assert response.headers["cache-control"] == "no-store"


async def test_a_restricted_account_shows_its_people_and_renews_no_codes(world):
    await world.tenant.database.write(lambda unit: put_status(unit, world.top, AccountStatus.RESTRICTED))
    assert (await world.call("get_my_user", "developer")).status == 200
    asked = await world.call("get_my_user", "developer", query={"scratch_codes": "yes"})
    assert asked.refused == (403, "access_denied")
    assert (await world.call("update_my_user", "developer", body={"full_name": "X"})).refused == (403, "access_denied")


async def test_without_a_second_factor_there_are_no_scratch_codes(world):
    asked = await world.call("get_my_user", "developer", query={"scratch_codes": "yes"})
    assert "totp_scratch_codes" not in asked.body


@covers("validate_account_user_email", "success")
async def test_a_link_confirms_the_address(world):
    user_id = world.people["tenant_admin"].id
    assert (await world.call("validate_account_user_email", user_id=user_id)).status == 204
    await world.rooms.people.recovery.confirm(world.rooms.people.post.last_token())
    assert (await world.call("get_account_user", user_id=user_id)).body["email_verified"]


# Everybody else


@covers_each(ADMINISTERED, "refusal")
@pytest.mark.parametrize("name", ADMINISTERED)
async def test_a_developer_has_no_say_about_users(world, name):
    path = {"user_id": world.people["admin"].id} if name in OF_ONE else {}
    refused = await world.call(name, "developer", body=body_of(name), **path)
    assert refused.refused == (403, "access_denied")


@covers_each(TWINS, "refusal")
@pytest.mark.parametrize("name", TWINS)
async def test_a_tenant_is_seen_by_its_parents_administrator_alone(world, name):
    path = {"user_id": world.people["tenant_admin"].id} if name in OF_ONE else {}
    assert (await world.call(name, "developer", body=body_of(name), **path)).refused == (403, "access_denied")
    assert (await world.call(name, "stranger", body=body_of(name), **path)).refused == (404, "not_found")
    for by, account_id, status in (
        ("tenant_admin", world.below.id, 403),  # the own account, by the parent's way
        ("tenant_developer", world.below.id, 403),
        ("tenant_admin", world.top.id, 404),
    ):
        assert (await world.call(name, by, body=body_of(name), account_id=account_id, **path)).status == status


@covers_each(MINE, "refusal")
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("by", ["inactive", "deleted", "nonsense", None])
async def test_without_a_good_credential_nothing_is_answered(world, name, by):
    path = {"user_id": NOBODY} if name in OF_ONE else {}
    assert (await world.call(name, by, body=body_of(name), **path)).refused == (401, "invalid_auth")


@covers_each([name for name in OF_ONE if operations()[name][0] in {"GET", "POST"}], "malformed")
@pytest.mark.parametrize("name", [name for name in OF_ONE if operations()[name][0] in {"GET", "POST"}])
async def test_an_id_that_can_be_none_is_not_there(world, name):
    assert (await world.call(name, body=body_of(name), user_id="..%2Fme")).status == 404


# Custom fields, which no document of the time lets anybody write


@covers_each(["create_user", "update_user"], "success")
async def test_custom_fields_are_written_replaced_and_cleared_and_belong_to_one_account(world):
    fields = {"cost centre": "4711", "desk": "B 12"}
    made = (await world.call("create_user", body={"email": "new@cloud.example", "custom_fields": fields})).body
    path = {"user_id": made["id"]}
    assert made["custom_fields"] == fields
    assert (await world.call("get_user", **path)).body == {k: v for k, v in made.items() if k != "password"}
    changed = (await world.call("update_user", **path, body={"custom_fields": {"desk": "C 1"}})).body
    assert (changed["custom_fields"], changed["etag"]) == ({"desk": "C 1"}, str(int(made["etag"]) + 1))
    again = (await world.call("update_user", **path, body={"custom_fields": {"desk": "C 1"}})).body
    assert again["etag"] == changed["etag"]
    renamed = (await world.call("update_user", **path, body={"full_name": "A B"})).body
    assert renamed["custom_fields"] == {"desk": "C 1"}
    assert (await world.call("update_user", **path, body={"custom_fields": None})).body["custom_fields"] == {}


async def test_people_write_their_own_custom_fields_and_are_shown_the_one_they_ask_for(world):
    mine = await world.token("developer")
    changed = await world.call("update_my_user", mine, body={"custom_fields": {"a": "1", "b": "2"}})
    assert (changed.status, changed.body["custom_fields"]) == (200, {"a": "1", "b": "2"})
    shown = await world.call("get_my_user", mine, query={"properties": "b"})
    assert shown.body["custom_fields"] == {"b": "2"}
    path = {"user_id": world.people["admin"].id, "body": {"custom_fields": {"a": "3"}}}
    assert (await world.call("update_user", "developer", **path)).refused == (403, "access_denied")


async def test_a_parent_writes_custom_fields_of_a_tenants_users(world):
    path = {"user_id": world.people["tenant_developer"].id}
    changed = await world.call("update_account_user", **path, body={"custom_fields": {"plan": "gold"}})
    assert changed.body["custom_fields"] == {"plan": "gold"}
    query = {"operation__eq": "user.update"}
    [entry] = (await world.call("list_account_audit_log", query=query)).body["data"]
    assert entry["after"]["custom_fields"] == {"plan": "gold"}


@covers_each(["create_user", "update_user"], "malformed")
async def test_custom_fields_that_cannot_be_are_refused_and_nothing_is_stored(world):
    path = {"user_id": world.people["developer"].id}
    for fields, name in (
        ({str(number): "" for number in range(11)}, "custom_fields"),
        ({"a": "x" * 1001}, "custom_fields[...]"),
        ({"x" * 101: "a"}, None),
        ({"a": 1}, "custom_fields[...]"),
        ({"a\nb": "c"}, "custom_fields"),
        ({"a": "b\0"}, "custom_fields"),
        ([], "custom_fields"),
    ):
        created = await world.call("create_user", body={"email": "new@cloud.example", "custom_fields": fields})
        updated = await world.call("update_user", **path, body={"custom_fields": fields})
        for answer in (created, updated):
            assert answer.refused == (400, "validation_error"), fields
            assert name is None or list(answer.fields) == [name]
    assert (await world.call("get_user", **path)).body["custom_fields"] == {}
    assert (await world.call("list_users")).body["total_count"] == 2
