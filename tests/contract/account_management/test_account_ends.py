"""The end of a tenant: the warning before it, the end itself, and the way back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudstead.app.housekeeping import tend_ends
from cloudstead.core.accounts.ends import AccountEnds
from cloudstead.core.accounts.events import AccountStatusChanged
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.accounts.opening import open_account
from cloudstead.core.credentials.errors import AccountClosed
from cloudstead.core.notifications.tidings import Tidings
from factories.coverage import covers

DAY = timedelta(days=1)
WARNING, END = "Account expires soon", "Account expired"


def in_days(world, days):
    return (world.tenant.clock.now() + days * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")


async def tell_to(world, **body):
    """Let the tenant be told, and give it what else is said."""
    answer = await world.call("update_account", body={"email": "office@fjord.example", **body})
    assert answer.status == 200, answer.body
    return answer.body


@pytest.fixture
def house(world):
    """Do what housekeeping does once a minute; return what the tenant was told since."""
    post = world.rooms.people.post
    ends = AccountEnds(world.tenant.clock, world.tenant.ids, Tidings(world.tenant.clock, world.tenant.ids, post))

    def complain(what, error):
        raise AssertionError(what) from error

    async def tend(*, days=0.0):
        world.tenant.clock.advance(days * DAY)
        seen = len(post.letters)
        await tend_ends(world.tenant.database, ends, complain)
        return [(each.to, each.subject.partition(" (")[0]) for each in post.letters[seen:]]

    return tend


async def test_an_account_is_warned_once_as_many_days_before_its_end_as_it_says(world, house):
    await tell_to(world, expiration=in_days(world, 100), expiration_warning_threshold=14)
    assert await house(days=85.9) == []
    assert await house(days=0.1) == [("office@fjord.example", WARNING)]
    assert await house(days=1) == []
    [entry] = (await world.call("list_account_notification_entries")).body["data"]
    assert "expires on 2026-04-11 at 00:00 UTC" in entry["message"]


async def test_whoever_gets_notifications_is_warned_and_thirty_days_are_enough_for_who_says_nothing(world, house):
    await tell_to(world, expiration=in_days(world, 31), notification_emails=["a@fjord.example", "b@fjord.example"])
    assert await house(days=0.9) == []
    assert await house(days=0.1) == [("a@fjord.example", WARNING), ("b@fjord.example", WARNING)]


async def test_an_end_that_is_moved_is_warned_of_anew(world, house):
    await tell_to(world, expiration=in_days(world, 10))
    assert [subject for _, subject in await house()] == [WARNING]
    await tell_to(world, expiration=in_days(world, 11), expiration_warning_threshold=2)
    assert await house() == []
    assert [subject for _, subject in await house(days=9)] == [WARNING]
    await tell_to(world, expiration=None)
    assert await house(days=100) == []
    assert (await world.call("get_my_account", "tenant_admin")).status == 200


async def test_an_account_that_ends_is_suspended_told_once_and_noted_in_the_trail(world, house):
    shown = await tell_to(world, expiration=in_days(world, 1))
    await house()
    world.tenant.events.clear()
    assert await house(days=1) == [("office@fjord.example", END)]
    assert AccountStatusChanged(world.below.id, AccountStatus.SUSPENDED, is_told=True) in world.tenant.events
    assert await house(days=1) == []
    ended = (await world.call("get_account")).body
    assert (ended["status"], ended["reason"]) == ("SUSPENDED", "The account has expired.")
    assert int(ended["etag"]) > int(shown["etag"])
    for by in ("tenant_admin", await world.token("tenant_admin")):
        assert (await world.call("get_my_account", by)).refused == (403, "access_denied")
    with pytest.raises(AccountClosed):
        await world.rooms.callers.of_api_key(world.keys["tenant_admin"])
    query = {"operation__eq": "account.expire"}
    [entry] = (await world.call("list_account_audit_log", query=query)).body["data"]
    assert entry["principal"] == "cloudstead"


async def test_an_end_that_was_slept_through_needs_no_warning_any_more(world, house):
    await tell_to(world, expiration=in_days(world, 100))
    assert [subject for _, subject in await house(days=200)] == [END]


@covers("update_account", "success")
async def test_an_account_whose_end_is_moved_is_again_what_it_was(world, house):
    await world.call("update_account", body={"status": "RESTRICTED"})
    await tell_to(world, expiration=in_days(world, 1))
    await house(days=2)
    assert (await world.call("get_my_account", "tenant_admin")).status == 403
    assert (await tell_to(world, expiration=in_days(world, 50)))["status"] == "RESTRICTED"
    shown = await world.call("get_my_account", "tenant_admin")
    assert (shown.status, shown.body["status"], shown.body.get("reason")) == (200, "RESTRICTED", None)
    assert (await tell_to(world, expiration=in_days(world, 60), status="ACTIVE"))["status"] == "ACTIVE"


async def test_an_end_in_the_past_ends_the_account_at_once(world):
    assert (await tell_to(world, expiration="2025-12-31T23:59:59Z"))["status"] == "SUSPENDED"
    assert (await world.call("get_my_account", "tenant_admin")).refused == (403, "access_denied")
    assert (await tell_to(world, expiration=None, reason="Renewed."))["status"] == "ACTIVE"
    assert (await world.call("get_my_account", "tenant_admin")).body["reason"] == "Renewed."


async def test_an_account_that_has_ended_comes_back_by_its_end_and_in_no_other_way(world):
    await tell_to(world, expiration="2025-12-31T23:59:59Z")
    refused = await world.call("update_account", body={"status": "ACTIVE"})
    assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), ["status"])
    assert (await world.call("update_account", body={"status": "SUSPENDED"})).status == 200
    both = {"status": "ACTIVE", "expiration": in_days(world, 9)}
    assert (await world.call("update_account", body=both)).body["status"] == "ACTIVE"


async def test_nobody_moves_the_end_of_the_own_account(world):
    own = {"account_id": world.top.id, "body": {"expiration": in_days(world, 1)}}
    assert (await world.call("update_account", **own)).refused == (403, "access_denied")
    assert (await world.call("update_my_account", "tenant_admin", body={"expiration": in_days(world, 1)})).status == 200
    assert "expiration" not in (await world.call("get_my_account", "tenant_admin")).body


async def test_an_account_whose_administrator_enrols_after_its_end_is_active_when_it_comes_back(world):
    body = {"end_market": "IoT", "admin_email": "boss@tenant.example", "admin_name": "boss"}
    made = (await world.call("create_account", body=body, query={"action": "enroll"})).body
    path = {"account_id": made["id"]}
    await world.call("update_account", **path, body={"expiration": "2025-12-31T23:59:59Z"})
    token = world.rooms.people.post.last_token()
    await world.rooms.people.recovery.set_password(token, "correct horse battery staple")
    assert (await world.call("get_account", **path)).body["status"] == "SUSPENDED"
    back = await world.call("update_account", **path, body={"expiration": in_days(world, 9)})
    assert back.body["status"] == "ACTIVE"


async def test_one_account_that_cannot_be_told_is_in_no_other_ones_way(world):
    tenant = world.tenant

    def add(unit, name, email):
        account = open_account(
            unit, tenant.ids, tenant.clock, name=name, stack="prod", hosts=(), parent_id=tenant.account.id
        )
        profile = unit.accounts.profile(account.id)
        unit.accounts.put_profile(replace(profile, expires_at_ms=tenant.clock.millis(), email=email))
        return account

    first, second = await world.tenant.database.write(
        lambda unit: (add(unit, "first", "nobody"), add(unit, "second", ""))
    )
    failures = []
    tidings = Tidings(world.tenant.clock, world.tenant.ids, world.rooms.people.post)
    ends = AccountEnds(world.tenant.clock, world.tenant.ids, tidings)
    await tend_ends(world.tenant.database, ends, lambda what, error: failures.append((what, type(error).__name__)))
    assert failures == [("the end of an account", "InvalidField")]
    statuses = await world.tenant.database.read(
        lambda unit: [unit.accounts.get(each.id).status.value for each in (first, second)]
    )
    assert statuses == ["ACTIVE", "SUSPENDED"]
