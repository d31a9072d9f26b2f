"""Invitations and notifications: who sees and makes them, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudstead.app.housekeeping import forget_people
from cloudstead.core.jobs.model import Done, Failed
from cloudstead.core.mail.letters import Letters
from cloudstead.core.notifications.tidings import NotedMail, Tidings
from cloudstead.core.people.forgetting import Forgetting
from cloudstead.core.people.model import Membership
from cloudstead.core.people.profile import ProfileChange
from cloudstead.core.people.registry import PersonChange
from cloudstead.core.policygroups.model import DEVELOPER_GRANT, GroupKind
from factories.account_management import NOBODY
from factories.coverage import covers, covers_each
from factories.schema import operations

INVITATIONS = [name for name in operations() if "invitation" in name]
NOTIFICATIONS = ["list_notification_entries", "list_account_notification_entries"]
OWN = [name for name in [*INVITATIONS, *NOTIFICATIONS] if "_account_" not in name]
TWINS = [name for name in [*INVITATIONS, *NOTIFICATIONS] if "_account_" in name]
LISTS = [name for name in [*INVITATIONS, *NOTIFICATIONS] if name.startswith("list")]
OF_ONE = [name for name in INVITATIONS if "{invitation_id}" in operations()[name][1]]
EMAIL = "new@cloud.example"


def body_of(name):
    """Return a body with which the operation would succeed."""
    return {"email": EMAIL} if name.startswith("create") else None


async def invited(world, **body):
    answer = await world.call("create_user_invitation", body={"email": EMAIL, **body})
    assert answer.status == 201, answer.body
    return answer.body


@covers_each(["create_user_invitation", "list_user_invitations", "get_user_invitation"], "success")
async def test_an_invitation_is_mailed_and_listed_with_whom_it_is_for(world):
    developers = await world.group(GroupKind.DEVELOPERS)
    made = await invited(world, groups=[developers])
    assert (made["email"], made["groups"], made["etag"]) == (EMAIL, [developers], "1")
    assert made["expiration"] == "2026-01-31T00:00:00Z"
    [(path, token)] = world.rooms.people.post.links()
    assert (path, token[:32]) == ("/people/accept", made["id"])
    listed = (await world.call("list_user_invitations")).body
    assert ([each["id"] for each in listed["data"]], listed["total_count"]) == ([made["id"]], 1)
    assert (await world.call("get_user_invitation", invitation_id=made["id"])).body == made
    user = (await world.call("get_user", user_id=made["user_id"])).body
    assert (user["status"], user["groups"]) == ("INVITED", [])


async def test_nothing_is_told_of_somebody_from_elsewhere_before_the_invitation_is_accepted(world):
    person = await world.add_person("elsa", world.other, DEVELOPER_GRANT)
    known = replace(person, first_name="Elsa", phone="+4712345", address="Fjord 1", is_email_verified=True)
    known = replace(known, accepts_terms=True, last_login_at_ms=1, password_changed_at_ms=1)
    await world.tenant.database.write(lambda unit: unit.people.replace(known))
    await world.call("update_my_user", "elsa", body={"is_totp_enabled": True})
    made = await invited(world, email=person.email)
    assert made["user_id"] == person.id
    told = {
        "id",
        "account_id",
        "email",
        "status",
        "login_profiles",
        "created_at",
        "creation_time",
        "updated_at",
        "etag",
    }
    user = (await world.call("get_user", user_id=person.id)).body
    assert {name for name, value in user.items() if value and name != "object"} == told
    assert (await world.call("list_users", query={"email__eq": person.email})).body["data"] == [user]


@covers_each(
    [
        "create_account_user_invitation",
        "list_account_user_invitations",
        "get_account_user_invitation",
        "delete_account_user_invitation",
    ],
    "success",
)
async def test_a_parent_invites_into_a_tenant(world):
    made = (await world.call("create_account_user_invitation", body={"email": EMAIL})).body
    assert made["account_id"] == world.below.id
    assert (await world.call("list_account_user_invitations")).body["total_count"] == 1
    assert (await world.call("list_user_invitations")).body["total_count"] == 0
    path = {"invitation_id": made["id"]}
    assert (await world.call("get_account_user_invitation", **path)).body["id"] == made["id"]
    assert (await world.call("get_user_invitation", **path)).refused == (404, "not_found")
    assert (await world.call("delete_account_user_invitation", **path)).status == 204


@covers("delete_user_invitation", "success")
async def test_a_withdrawn_invitation_is_gone_and_so_is_whoever_never_came(world):
    made = await invited(world)
    assert (await world.call("delete_user_invitation", invitation_id=made["id"])).status == 204
    for name in ("get_user_invitation", "delete_user_invitation"):
        assert (await world.call(name, invitation_id=made["id"])).refused == (404, "not_found")
    assert (await world.call("get_user", user_id=made["user_id"])).status == 404


async def test_a_newer_invitation_replaces_the_older_one(world):
    older = await invited(world)
    newer = await invited(world, valid_for_days=1)
    assert newer["user_id"] == older["user_id"]
    assert [each["id"] for each in (await world.call("list_user_invitations")).body["data"]] == [newer["id"]]
    assert len(world.rooms.people.post.letters) == 2


async def test_an_invitation_lasts_as_long_as_it_says(world):
    made = await invited(world, valid_for_days=2)
    assert made["expiration"] == "2026-01-03T00:00:00Z"
    world.tenant.clock.advance(timedelta(days=2))
    assert (await world.call("get_user_invitation", invitation_id=made["id"])).status == 404
    assert (await world.call("list_user_invitations")).body["total_count"] == 0
    assert (await world.call("get_user", user_id=made["user_id"])).body["status"] == "INVITED"


async def test_whoever_is_in_cannot_be_invited(world):
    refused = await world.call("create_user_invitation", body={"email": "DEVELOPER@cloud.example"})
    assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), ["email"])
    by_users = await world.call("create_user", body={"email": "ada@cloud.example"}, query={"action": "invite"})
    assert by_users.refused == (409, "duplicate")


async def test_somebody_known_elsewhere_is_the_same_person_if_the_address_was_proved(world):
    stranger = world.people["stranger"]
    unproved = (await world.call("create_user_invitation", body={"email": stranger.email})).body
    assert unproved["user_id"] != stranger.id
    await world.call("delete_user_invitation", invitation_id=unproved["id"])
    await world.tenant.database.write(lambda unit: unit.people.replace(replace(stranger, is_email_verified=True)))
    proved = (await world.call("create_user_invitation", body={"email": stranger.email})).body
    assert proved["user_id"] == stranger.id
    invited_token = await world.rooms.callers.of_person(world.other.id, stranger.id)
    assert invited_token.account_id == world.other.id
    await world.call("delete_user_invitation", invitation_id=proved["id"])
    assert (await world.call("get_my_user", "stranger")).status == 200


async def test_invitations_are_filtered_by_the_provider_people_are_to_come_by(world):
    await invited(world)
    for name in ("login_profiles__eq", "login_profile__eq"):
        found = (await world.call("list_user_invitations", query={name: world.top.id})).body
        assert found["total_count"] == 1
        assert (await world.call("list_user_invitations", query={name: NOBODY})).body["data"] == []


@covers_each(["create_user_invitation", "create_account_user_invitation"], "malformed")
@pytest.mark.parametrize("name", ["create_user_invitation", "create_account_user_invitation"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": None}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b.example\nBcc: c@d.example"}, "email"),
        ({"groups": [NOBODY]}, "groups"),
        ({"groups": "all"}, "groups"),
        ({"valid_for_days": 0}, "valid_for_days"),
        ({"valid_for_days": 101}, "valid_for_days"),
        ({"login_profiles": [{"id": NOBODY}]}, "login_profiles"),
    ],
)
async def test_what_can_be_no_invitation_is_refused_by_name(world, name, body, field):
    refused = await world.call(name, body={"email": EMAIL, **body})
    assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), [field])
    assert not world.rooms.people.post.letters


@covers_each(OF_ONE, "malformed")
@pytest.mark.parametrize("name", OF_ONE)
async def test_what_is_no_id_is_no_invitation(world, name):
    for invitation_id in (NOBODY, "x", "A" * 32):
        assert (await world.call(name, invitation_id=invitation_id)).refused == (404, "not_found")


@covers_each(LISTS, "malformed")
@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("query", ["limit=1", "limit=x", "order=UP", "shoe__eq=1"])
async def test_a_list_with_a_query_that_makes_no_sense_is_refused(world, name, query):
    path = operations()[name][1].format(account_id=world.below.id)
    headers = {"authorization": f"Bearer {world.keys['admin']}"}
    assert (await world.client.get(f"{path}?{query}", headers=headers)).status_code == 400


@covers_each(OWN, "refusal")
@pytest.mark.parametrize("name", OWN)
async def test_a_developer_has_no_say_about_invitations_nor_hears_what_the_account_is_told(world, name):
    path = {"invitation_id": (await invited(world))["id"]} if name in OF_ONE else {}
    assert (await world.call(name, "developer", body=body_of(name), **path)).refused == (403, "access_denied")


@covers_each(TWINS, "refusal")
@pytest.mark.parametrize("name", TWINS)
async def test_a_tenants_invitations_are_its_parents_administrators_affair(world, name):
    path = {"invitation_id": NOBODY} if name in OF_ONE else {}
    assert (await world.call(name, "developer", body=body_of(name), **path)).status == 403
    # One of these operations lists no 404, but an account that the caller cannot see is not there for any of them.
    method, template, _ = operations()[name]
    for by, account in (("stranger", world.below), ("tenant_admin", world.top)):
        response = await world.client.request(
            method,
            template.format(account_id=account.id, **path),
            headers={"authorization": f"Bearer {world.keys[by]}"},
            json=body_of(name),
        )
        assert (response.status_code, response.json()["type"]) == (404, "not_found")


@pytest.mark.parametrize("name", [*INVITATIONS, *NOTIFICATIONS])
@pytest.mark.parametrize("by", ["inactive", "deleted", None])
async def test_without_a_good_credential_nothing_is_answered(world, name, by):
    path = {"invitation_id": NOBODY} if name in OF_ONE else {}
    assert (await world.call(name, by, body=body_of(name), **path)).refused == (401, "invalid_auth")


async def test_an_invited_guest_can_do_nothing_before_accepting(world):
    stranger = world.people["stranger"]
    await world.tenant.database.write(lambda unit: unit.people.replace(replace(stranger, is_email_verified=True)))
    await world.call("create_user_invitation", body={"email": stranger.email})
    token = world.rooms.tokens.issue_id_token(world.top, stranger)
    assert (await world.call("get_my_user", token)).refused == (401, "invalid_auth")


async def test_an_address_that_somebody_else_typed_in_is_not_proved_any_more(world):
    ada = world.people["admin"]
    await world.tenant.database.write(lambda unit: unit.people.replace(replace(ada, is_email_verified=True)))
    people = world.rooms.people.people
    change = PersonChange(profile=ProfileChange(email="boss@cloud.example"))
    caller = await world.rooms.callers.of_person(world.top.id, ada.id)
    await world.tenant.database.write(lambda unit: people.update(unit, caller, user_name="ada", change=change))
    user = (await world.call("get_user", user_id=ada.id)).body
    assert (user["email_verified"], user["etag"]) == (False, "2")


# Notifications


class Carrier:
    """Carries mail to one address only."""

    kind = "mail"

    def __init__(self, letters):
        self.letters = letters

    async def perform(self, job):
        letter = self.letters.open(job)
        return Done() if letter.to.startswith("ops") else Failed(detail="Mailbox unknown.")


@covers_each(NOTIFICATIONS, "success")
async def test_what_an_account_is_told_is_logged_with_what_became_of_it(world):
    tenant = world.tenant
    addresses = ["ops@cloud.example", "gone@cloud.example"]
    changed = await world.call("update_my_account", body={"notification_emails": addresses})
    assert changed.status == 200
    letters = Letters(tenant.sealer, clock=tenant.clock, ids=tenant.ids)
    tidings = Tidings(tenant.clock, tenant.ids, letters)
    await tenant.database.write(
        lambda unit: tidings.tell(unit, world.top, subject="Limit reached", message="There is no room for more users.")
    )
    listed = (await world.call("list_notification_entries")).body["data"]
    assert [each["receiver"] for each in listed] == addresses
    assert "success" not in listed[0]
    performer = NotedMail(Carrier(letters), tenant.database)
    now = tenant.clock.millis()
    jobs = await tenant.database.write(lambda unit: unit.jobs.claim("mail", 9, now_ms=now, leased_until_ms=now + 1))
    assert [type(await performer.perform(job)) for job in jobs] == [Done, Failed]
    sent, failed = (await world.call("list_notification_entries")).body["data"]
    assert (sent["success"], sent["subject"], sent["etag"]) == (True, "Limit reached", "2")
    assert (failed["success"], failed["error_msg"]) == (False, "Mailbox unknown.")
    newest = await world.call("list_notification_entries", query={"order": "DESC", "limit": 2})
    assert [each["id"] for each in newest.body["data"]] == [failed["id"], sent["id"]]
    assert (await world.call("list_account_notification_entries")).body["data"] == []
    own = await world.call("list_account_notification_entries", account_id=world.top.id)
    assert own.body["total_count"] == 2


async def test_an_account_without_addresses_is_told_nothing(world):
    tenant = world.tenant
    tidings = Tidings(tenant.clock, tenant.ids, world.rooms.people.post)
    await tenant.database.write(lambda unit: tidings.tell(unit, world.top, subject="Hello", message="Nothing."))
    assert (await world.call("list_notification_entries")).body["total_count"] == 0


async def test_a_guest_made_by_cloud_connect_rows_is_a_user_like_any_other(world):
    stranger = world.people["stranger"]
    await world.tenant.database.write(
        lambda unit: unit.people.put_membership(Membership(world.top.id, stranger.id, (DEVELOPER_GRANT,)))
    )
    assert (await world.call("get_user", user_id=stranger.id)).body["account_id"] == world.top.id


# What housekeeping does


async def forgotten(world, **passed):
    """Let time pass and housekeeping forget who was waited for in vain."""
    world.tenant.clock.advance(timedelta(**passed))
    await forget_people(world.tenant.database, Forgetting(world.tenant.clock, world.tenant.ids))


async def test_whoever_does_not_come_in_time_goes_with_the_invitation(world):
    made = await invited(world, valid_for_days=2)
    await forgotten(world, days=1.9)
    assert (await world.call("get_user", user_id=made["user_id"])).body["status"] == "INVITED"
    await forgotten(world, days=0.1)
    assert (await world.call("get_user_invitation", invitation_id=made["id"])).refused == (404, "not_found")
    assert (await world.call("get_user", user_id=made["user_id"])).refused == (404, "not_found")
    query = {"operation__eq": "invitation.expire"}
    [entry] = (await world.call("list_audit_log", query=query)).body["data"]
    assert (entry["object_id"], entry["principal"]) == (made["id"], "cloudstead")
    again = await invited(world)
    assert again["user_id"] != made["user_id"]


async def test_somebody_known_elsewhere_stays_there_when_an_invitation_expires(world):
    known = world.people["stranger"]

    def verify(unit):
        unit.people.replace(replace(unit.people.get(known.id), is_email_verified=True, password_hash="x"))

    await world.tenant.database.write(verify)
    made = await invited(world, email=known.email)
    assert made["user_id"] == known.id
    await forgotten(world, days=31)
    assert (await world.call("get_user", user_id=known.id)).refused == (404, "not_found")
    assert (await world.call("get_user", "stranger", user_id=known.id)).body["status"] == "ACTIVE"


async def test_an_invitation_that_was_renewed_keeps_whom_it_is_for(world):
    first = await invited(world, valid_for_days=2)
    second = await invited(world, valid_for_days=100)
    assert second["user_id"] == first["user_id"]
    await forgotten(world, days=50)
    assert (await world.call("get_user", user_id=first["user_id"])).body["status"] == "INVITED"


async def test_whoever_signed_up_has_thirty_days_to_confirm_and_as_long_as_a_link_works(world):
    people = world.rooms.people
    options = {"password": "correct horse", "profile": ProfileChange(email="late@cloud.example")}
    late = await people.recovery.sign_up(world.top, user_name="late", **options)
    given = await people.recovery.sign_up(world.top, user_name="given", **options)
    developers = await world.group(GroupKind.DEVELOPERS)
    await world.call("add_user_to_groups", body=[developers], user_id=given.id)
    await forgotten(world, days=29)
    people.recovery.ask_for_confirmation(world.top, "late")
    await people.settled()
    await forgotten(world, days=6)
    assert (await world.call("get_user", user_id=late.id)).body["status"] == "ENROLLING"
    await forgotten(world, days=2)
    assert (await world.call("get_user", user_id=late.id)).refused == (404, "not_found")
    assert (await world.call("get_user", user_id=given.id)).body["status"] == "ENROLLING"
    await people.recovery.sign_up(world.top, user_name="late", **options)


async def test_an_administrator_who_has_not_enrolled_is_waited_for(world):
    body = {"end_market": "IoT", "admin_email": "boss@tenant.example", "admin_name": "boss"}
    made = (await world.call("create_account", body=body, query={"action": "enroll"})).body
    await forgotten(world, days=400)
    users = (await world.call("list_account_users", account_id=made["id"])).body["data"]
    assert [(each["id"], each["status"]) for each in users] == [(made["admin_id"], "ENROLLING")]
