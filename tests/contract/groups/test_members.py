"""Members: invited, listed, given another role, taken out, and who stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from cloudstead.core.accounts.acting import Acting
from cloudstead.core.accounts.opening import open_account
from cloudstead.core.credentials.passwords import PasswordHasher
from cloudstead.core.invitations.accepting import Accepting
from cloudstead.core.people.links import Links
from cloudstead.core.people.model import Membership, Person, Stage
from cloudstead.core.policygroups.model import DEVELOPER_GRANT
from factories.coverage import covers
from factories.groups import NOBODY, ROLES
from factories.tenants import CHEAP


def invitation(world, email, role="viewer", group="farm"):
    return {"email": email, "groupId": world.id(group), "roleId": ROLES.get(role, role)}


def about(world, name, role=None, group="farm"):
    sent = {"groupId": world.id(group), "userId": world.people[name].id}
    return sent if role is None else {**sent, "roleId": ROLES.get(role, role)}


async def members(world, group="farm"):
    found = (await world.ok("listGroupUsers", query={"groupId": world.id(group)}))["items"]
    return {each["email"].partition("@")[0]: each["role"]["name"] for each in found}


@covers("inviteToGroup", "success")
async def test_who_is_known_in_the_account_is_a_member_at_once(world):
    placed = await world.ok("inviteToGroup", body=invitation(world, "OUTSIDER@cloud.example", "installer"))
    assert (placed["id"], placed["userId"]) == (world.id("farm"), world.people["outsider"].id)
    assert (placed["role"]["name"], placed["message"]) == ("Installer", "The user is a member of the group now.")
    assert world.post.letters == []
    assert len((await world.ok("listUserGroups", "outsider"))["items"]) == 2


async def test_inviting_a_member_again_changes_nothing(world):
    again = await world.ok("inviteToGroup", body=invitation(world, world.people["viewer"].email, "administrator"))
    assert again["role"]["name"] == "Viewer"
    assert (await members(world))["viewer"] == "Viewer"


async def test_who_is_not_known_is_pending_and_gets_a_mail_with_a_link(world):
    placed = await world.ok("inviteToGroup", body=invitation(world, "new@mail.example", "installer"))
    assert placed["message"] == "The user was invited by mail."
    assert (await members(world))["new"] == "Installer"
    [letter] = world.post.letters
    assert letter.to == "new@mail.example"
    membership = await world.tenant.database.read(
        lambda unit: unit.people.membership(world.tenant.account.id, placed["userId"])
    )
    assert membership.stage is Stage.INVITED


async def test_nothing_but_the_address_is_told_of_a_pending_member_from_elsewhere(world):
    tenant = world.tenant

    def write(unit):
        account = open_account(unit, tenant.ids, tenant.clock, name="Elsewhere", stack="prod", hosts=())
        elsa = Person(tenant.ids.new(), account.id, "elsa.w", "", "elsa@mail.example", "Elsa", "Winter")
        unit.people.add(replace(elsa, is_email_verified=True, last_login_at_ms=1))
        unit.people.put_membership(Membership(account.id, elsa.id, (DEVELOPER_GRANT,)))
        return elsa.id

    elsa_id = await tenant.database.write(write)
    placed = await world.ok("inviteToGroup", body=invitation(world, "elsa@mail.example"))
    assert placed["userId"] == elsa_id
    found = (await world.ok("listGroupUsers", query={"groupId": world.id("farm")}))["items"]
    [shown] = [each for each in found if each["id"] == elsa_id]
    assert (shown["name"], shown["firstName"], shown["lastName"]) == ("elsa@mail.example", "", "")
    assert "seenAt" not in shown


async def test_a_pending_member_is_mailed_again_but_not_at_once(world):
    for _ in range(3):
        await world.ok("inviteToGroup", body=invitation(world, "new@mail.example"))
    assert len(world.post.letters) == 1
    world.tenant.clock.advance(timedelta(minutes=1))
    await world.ok("inviteToGroup", body=invitation(world, "new@mail.example"))
    assert len(world.post.letters) == 2
    assert world.post.links()[0] != world.post.links()[1]


@pytest.mark.parametrize(("days_later", "is_promised"), [(9, True), (11, False)])
async def test_asking_again_neither_lengthens_nor_revives_what_an_administrator_has_promised(
    world, days_later, is_promised
):
    tenant = world.tenant
    account_id = tenant.account.id
    acting = Acting(tenant.caller, tenant.account)
    rooms = world.backend.members._invitations
    promised = await tenant.database.write(
        lambda unit: rooms.invite(unit, acting, email="new@mail.example", valid_days=10).invitation
    )
    tenant.clock.advance(timedelta(days=days_later))
    world.tokens["owner"] = (await world.token("owner"))["access_token"]
    placed = await world.ok("inviteToGroup", body=invitation(world, "new@mail.example"))
    now = await tenant.database.read(lambda unit: unit.invitations.of_person(account_id, placed["userId"]))
    assert (now.id != promised.id, now.into_account) == (True, is_promised)
    assert (now.expires_at_ms == promised.expires_at_ms) is is_promised
    assert len(world.post.letters) == 2


async def test_following_the_link_opens_the_groups_and_nothing_else_of_the_account(world):
    await world.add_group("yard")
    placed = await world.ok("inviteToGroup", body=invitation(world, "new@mail.example", "installer"))
    await world.ok("inviteToGroup", body=invitation(world, "new@mail.example", "viewer", "yard"))
    with ThreadPoolExecutor(max_workers=1) as executor:
        accepting = Accepting(
            world.tenant.database,
            PasswordHasher(executor, cost=CHEAP),
            sign_in=None,
            links=Links(world.tenant.clock, world.tenant.ids),
            clock=world.tenant.clock,
            ids=world.tenant.ids,
        )
        _, token = world.post.links()[0]
        person = await accepting.accept(token, user_name="newcomer", full_name="New Comer", password="long enough 1!")
    membership = await world.tenant.database.read(
        lambda unit: unit.people.membership(world.tenant.account.id, placed["userId"])
    )
    assert [(grant.domain_id, grant.role) for grant in membership.grants] == [
        (world.id("farm"), "group-installer"),
        (world.id("yard"), "group-viewer"),
    ]
    await world.add_key("new", person, world.tenant.account)
    assert [each["name"] for each in (await world.ok("listUserGroups", "new"))["items"]] == ["farm", "barn", "yard"]
    assert (await world.ok("getUser", query={"userId": person.id}))["firstName"] == "New"


@covers("inviteToGroup", "refusal")
async def test_inviting_needs_the_right_and_gives_nothing_that_the_inviter_lacks(world):
    for by in ("viewer", "installer"):
        assert (await world.call("inviteToGroup", by, body=invitation(world, "x@mail.example"))).status == 403
    above = await world.call("inviteToGroup", body=invitation(world, "x@mail.example", "subscriber"))
    assert above.status == 403
    assert world.post.letters == []
    await world.ok("inviteToGroup", "ada", body=invitation(world, world.people["outsider"].email, "subscriber"))


async def test_a_role_of_ones_own_making_gives_no_more_than_oneself_has(world):
    words = ["user:add", "user:view", "device:view"]
    role = await world.ok(
        "createRole", body={"groupId": world.id("farm"), "name": "host", "permissions": words, "description": ""}
    )
    await world.let_in("outsider", role=role["id"])
    assert (await world.call("inviteToGroup", "outsider", body=invitation(world, "x@mail.example"))).status == 403
    own = await world.call("inviteToGroup", "outsider", body=invitation(world, "x@mail.example", role["id"]))
    assert own.status == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [({"email": "no address"}, "email"), ({"email": ""}, "email"), ({"roleId": NOBODY}, "roleId")]
    + [({"roleId": role}, "roleId") for role in ("Administrator", "ReadWrite", "")],
)
async def test_an_invitation_names_an_address_and_a_role_that_there_are(world, change, field):
    refused = await world.call("inviteToGroup", body={**invitation(world, "x@mail.example"), **change})
    assert (refused.status, refused.told.partition(":")[0]) == (400, field)


@covers("listGroupUsers", "success")
async def test_members_are_those_of_the_group_itself(world):
    assert await members(world) == {
        "owner": "Administrator",
        "second": "Administrator",
        "installer": "Installer",
        "viewer": "Viewer",
    }
    assert await members(world, "barn") == {"owner": "Administrator"}


async def test_members_are_paged_in_the_order_of_their_ids(world):
    wanted = sorted(world.people[name].id for name in ("owner", "second", "installer", "viewer"))
    seen, query = [], {"groupId": world.id("farm"), "limit": 3}
    while True:
        page = await world.ok("listGroupUsers", query=query)
        seen += [each["id"] for each in page["items"]]
        if "nextToken" not in page:
            break
        query["nextToken"] = page["nextToken"]
    assert seen == wanted


@covers("getUser", "success")
async def test_a_user_is_shown_to_oneself_and_to_whom_a_group_shows_its_members(world):
    for by, name in (("outsider", "outsider"), ("viewer", "owner"), ("owner", "viewer")):
        shown = await world.ok("getUser", by, query={"userId": world.people[name].id})
        assert shown["email"] == world.people[name].email
    for by, name in (("viewer", "outsider"), ("outsider", "owner"), ("owner", "stranger")):
        assert (await world.call("getUser", by, query={"userId": world.people[name].id})).status == 400


@covers("updateGroupUser", "success")
async def test_a_member_holds_the_new_role_from_the_next_call_on(world):
    assert (await world.call("updateGroup", "viewer", body={"groupId": world.id("barn"), "name": "x"})).status == 403
    placed = await world.ok("updateGroupUser", body=about(world, "viewer", "administrator"))
    assert (placed["role"]["name"], placed["message"]) == ("Administrator", "The role of the user was changed.")
    assert (await world.call("updateGroup", "viewer", body={"groupId": world.id("barn"), "name": "x"})).status == 200


@covers("updateGroupUser", "refusal")
async def test_nobody_gives_or_takes_a_role_above_the_own(world):
    words = ["user:edit", "user:view", "user:delete"]
    role = await world.ok(
        "createRole", body={"groupId": world.id("farm"), "name": "warden", "permissions": words, "description": ""}
    )
    await world.let_in("outsider", role=role["id"])
    for call, name, to in (("updateGroupUser", "viewer", "installer"), ("updateGroupUser", "second", role["id"])):
        assert (await world.call(call, "outsider", body=about(world, name, to))).status == 403
    assert (await world.call("removeGroupUser", "outsider", query=about(world, "second"))).status == 403
    assert (await world.call("updateGroupUser", "viewer", body=about(world, "viewer", "administrator"))).status == 403


async def test_only_members_of_the_group_itself_are_given_another_role(world):
    for sent in (
        about(world, "outsider", "viewer"),
        about(world, "viewer", "viewer", "barn"),
        about(world, "stranger", "viewer"),
    ):
        refused = await world.call("updateGroupUser", body=sent)
        assert (refused.status, refused.told.partition(":")[0]) == (400, "userId")


async def test_the_last_administrator_cannot_be_lowered_or_leave(world):
    await world.ok("removeGroupUser", query=about(world, "second"))
    lowered = await world.call("updateGroupUser", body=about(world, "owner", "viewer"))
    assert (lowered.status, "last administrator" in lowered.told) == (400, True)
    by_another = await world.call("updateGroupUser", "ada", body=about(world, "owner", "viewer"))
    assert by_another.status == 400
    await world.let_in("outsider", role="administrator")
    await world.ok("updateGroupUser", body=about(world, "owner", "viewer"))


async def test_a_sub_group_may_lose_its_administrators_while_its_parent_has_some(world):
    await world.let_in("outsider", "barn", "administrator")
    await world.ok("updateGroupUser", "outsider", body=about(world, "outsider", "viewer", "barn"))
    await world.ok("updateGroupUser", body=about(world, "owner", "viewer", "barn"))
    assert (await members(world, "barn")) == {"owner": "Viewer", "outsider": "Viewer"}


async def test_the_subscriber_is_neither_lowered_nor_removed_and_cannot_leave(world):
    await world.let_in("outsider", role="subscriber", by="ada")
    for by in ("ada", "outsider"):
        assert (await world.call("updateGroupUser", by, body=about(world, "outsider", "viewer"))).status == 400
    assert (await world.call("removeGroupUser", "ada", query=about(world, "outsider"))).status == 400
    assert (await world.call("removeGroupUser", "outsider", query={"groupId": world.id("farm")})).status == 400
    assert (await world.call("removeGroupUser", query=about(world, "outsider"))).status == 403


@covers("removeGroupUser", "success")
async def test_whoever_names_nobody_leaves(world):
    left = await world.ok("removeGroupUser", "viewer", query={"groupId": world.id("farm")})
    assert left["value"] is True
    assert (await world.ok("listUserGroups", "viewer"))["items"] == []


async def test_the_token_of_a_removed_member_opens_nothing_of_the_group_at_once(world):
    devices = await world.register("A1")
    await world.ok("removeGroupUser", query=about(world, "installer"))
    for call, sent in (
        ("getGroup", {"query": {"groupId": world.id("farm")}}),
        ("getGroup", {"query": {"groupId": world.id("barn")}}),
        ("getDevice", {"query": {"deviceId": devices[0]}}),
        ("deleteDevices", {"body": {"groupId": world.id("farm"), "deviceIds": devices}}),
        ("removeGroupUser", {"query": {"groupId": world.id("farm")}}),
    ):
        assert (await world.call(call, "installer", **sent)).status == 400


@covers("removeGroupUser", "refusal")
async def test_members_are_removed_by_who_may(world):
    assert (await world.call("removeGroupUser", "viewer", query=about(world, "installer"))).status == 403
    inherited = await world.call("removeGroupUser", "viewer", query={"groupId": world.id("barn")})
    assert (inherited.status, inherited.told.partition(":")[0]) == (400, "userId")


async def test_the_owner_hands_over_before_leaving_or_being_removed(world):
    for by, query in (("owner", {"groupId": world.id("farm")}), ("second", about(world, "owner"))):
        refused = await world.call("removeGroupUser", by, query=query)
        assert (refused.status, "hand it over" in refused.told) == (400, True)
    await world.ok("updateGroup", body={"groupId": world.id("farm"), "ownerId": world.people["second"].id})
    await world.ok("removeGroupUser", query={"groupId": world.id("farm")})


async def test_removing_a_pending_member_takes_the_invitation_back(world):
    placed = await world.ok("inviteToGroup", body=invitation(world, "new@mail.example"))
    await world.ok("removeGroupUser", query={"groupId": world.id("farm"), "userId": placed["userId"]})
    gone = await world.tenant.database.read(
        lambda unit: (
            unit.people.get(placed["userId"]),
            unit.invitations.of_person(world.tenant.account.id, placed["userId"]),
        )
    )
    assert gone == (None, None)
    assert "new" not in await members(world)


async def test_who_is_at_the_root_by_another_role_is_not_the_affair_of_groups(world):
    ada = {"groupId": "root", "userId": world.tenant.administrator.id}
    for call, sent in (
        ("updateGroupUser", {"body": {**ada, "roleId": "group-viewer"}}),
        ("removeGroupUser", {"query": ada}),
    ):
        refused = await world.call(call, "ada", **sent)
        assert (refused.status, "Administrator" in refused.told) == (400, True)


async def test_members_are_in_the_trail(world):
    await world.ok("updateGroupUser", body=about(world, "viewer", "installer"))
    await world.ok("removeGroupUser", query=about(world, "viewer"))
    place = f"{world.id('farm')}/{world.people['viewer'].id}"
    operations = [operation for operation, subject in await world.trail() if subject == place]
    assert operations == ["group.invite", "group.change-member", "group.remove-member"]
