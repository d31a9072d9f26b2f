"""AuthLambda, where it succeeds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.caller import Grant
from factories.contract import require_output
from factories.coverage import covers, covers_each
from factories.tenants import PASSWORD


@covers("AuthLambda.LOGIN", "success")
async def test_a_guest_logs_in_with_name_and_password(world):
    login = (await world.call("AuthLambda.LOGIN", None, userName="ada", password=PASSWORD)).ok()
    require_output("AuthLambda.LOGIN", login)
    assert login["user"] == {
        "userName": "ada",
        "roleName": "ReadWrite",
        "firstName": "",
        "lastName": "",
        "email": "ada@cloud.example",
        "domainName": "root",
    }


@covers("AuthLambda.REFRESH", "success")
async def test_a_guest_logs_in_again_with_a_refresh_token_that_is_repeated(world):
    login = (await world.call("AuthLambda.LOGIN", None, userName="ada", password=PASSWORD)).ok()
    world.tenant.clock.advance(timedelta(minutes=14))
    token = login["credentials"]["refreshToken"]
    again = (await world.call("AuthLambda.REFRESH", None, refreshToken=token)).ok()
    require_output("AuthLambda.REFRESH", again)
    assert again["user"] == login["user"]
    assert again["credentials"]["refreshToken"] == token
    assert again["credentials"]["identityId"] == login["credentials"]["identityId"]
    assert again["credentials"]["token"] != login["credentials"]["token"]


@pytest.mark.parametrize(
    ("grants", "role", "domain"),
    [
        ([("north", "Read")], "Read", "north"),
        ([("north", "ReadWrite"), ("south", "Read")], "ReadWrite", "north"),
        ([("north", "Administrator")], "ReadWrite", "north"),
        ([("north", "Watch")], "Read", "north"),
    ],
)
async def test_a_login_shows_the_home_in_the_roles_that_this_wire_knows(world, grants, role, domain):
    await world.tenant.add_person("carl", *(Grant(*each) for each in grants))
    login = (await world.call("AuthLambda.LOGIN", None, userName="carl", password=PASSWORD)).ok()
    require_output("AuthLambda.LOGIN", login)
    assert (login["user"]["roleName"], login["user"].get("domainName")) == (role, domain)


async def test_who_has_no_place_in_the_account_yet_does_not_log_in(world):
    await world.tenant.add_person("carl")
    answer = await world.call("AuthLambda.LOGIN", None, userName="carl", password=PASSWORD)
    assert answer.told == ("INVALID_LOGIN", None)


async def test_people_of_another_account_do_not_log_in_here(world):
    payload = b'{"action":"LOGIN","attributes":{"userName":"ada","password":"%b"}}' % PASSWORD.encode()
    foreign = await world.runtime.invoke("AuthLambda", world.foreign, None, payload)
    assert foreign.failed
    assert b"INVALID_LOGIN" in foreign.body


async def test_too_many_wrong_passwords_are_told_with_the_time_to_wait(world):
    for _ in range(6):
        answer = await world.call("AuthLambda.LOGIN", None, userName="ada", password="wrong")
    locked = await world.call("AuthLambda.LOGIN", None, userName="ada", password=PASSWORD)
    assert answer.told == ("INVALID_LOGIN", None)
    assert locked.told == ("INVALID_LOGIN", None)
    assert locked.error["messageParams"]["retryAfter"] >= 1


NEW = {"userName": "carl", "password": "demo", "email": "carl@cloud.example"}


async def sign_up(world, **others):
    return (await world.call("AuthLambda.SIGN_UP", None, **NEW | others)).ok()


@covers("AuthLambda.SIGN_UP", "success")
async def test_who_signs_up_is_unconfirmed_and_gets_a_link(world):
    answer = await sign_up(world, firstName="Carl", phone="+4631123456", zip=12345)
    require_output("AuthLambda.SIGN_UP", answer)
    assert answer == {"userName": "carl"}
    listed = await world.invoke(
        "UserLambda.LIST", {"action": "LIST", "filter": {"category": "unconfirmed"}}, caller=world.administrator
    )
    (carl,) = listed.ok()["users"]
    assert (carl["userName"], carl["firstName"], carl["zip"], carl["roleName"]) == ("carl", "Carl", "12345", "")
    ((path, _),) = world.people.post.links()
    assert path == "/people/confirm"
    assert world.people.post.letters[0].to == "carl@cloud.example"


async def test_whoever_signed_up_logs_in_once_confirmed_and_given_a_place(world):
    async def log_in():
        return await world.call("AuthLambda.LOGIN", None, userName="carl", password="demo")

    async def place():
        return await world.call(
            "UserLambda.UPDATE", world.administrator, userName="carl", roleName="Read", domainName="north"
        )

    await sign_up(world)
    assert (await log_in()).told == ("INVALID_LOGIN", None)
    await world.people.recovery.confirm(world.people.post.last_token())
    assert (await log_in()).told == ("INVALID_LOGIN", None)
    (await place()).ok()
    world.tenant.clock.advance(timedelta(hours=1))
    assert (await log_in()).ok()["user"]["domainName"] == "north"


async def test_the_name_of_the_demo_user_may_be_signed_up_without_the_protection(world):
    await sign_up(world, userName="demo")
    assert (await world.call("UserLambda.REMOVE", world.administrator, userName="demo")).ok() == {}


@covers("AuthLambda.RESEND_CONFIRMATION_CODE", "success")
async def test_the_link_of_signing_up_is_sent_again_and_the_older_one_ends(world):
    await sign_up(world)
    assert (await world.call("AuthLambda.RESEND_CONFIRMATION_CODE", None, userName="carl")).ok() == {}
    await world.people.settled()
    (_, first), (_, second) = world.people.post.links()
    assert (await world.people.recovery.look(first)).state == "replaced"
    assert (await world.people.recovery.look(second)).state == "fresh"


@covers("AuthLambda.FORGOT_PASSWORD", "success")
async def test_who_forgot_the_password_gets_a_link_and_the_old_one_works_until_it_is_used(world):
    assert (await world.call("AuthLambda.FORGOT_PASSWORD", None, userName="ada")).ok() == {}
    await world.people.settled()
    ((path, token),) = world.people.post.links()
    assert path == "/people/set-password"
    (await world.call("AuthLambda.LOGIN", None, userName="ada", password=PASSWORD)).ok()
    await world.people.recovery.set_password(token, "a better one")
    old = await world.call("AuthLambda.LOGIN", None, userName="ada", password=PASSWORD)
    assert old.told == ("INVALID_LOGIN", None)
    (await world.call("AuthLambda.LOGIN", None, userName="ada", password="a better one")).ok()


@covers_each(["AuthLambda.FORGOT_PASSWORD", "AuthLambda.RESEND_CONFIRMATION_CODE"], "refusal")
@pytest.mark.parametrize("action", ["FORGOT_PASSWORD", "RESEND_CONFIRMATION_CODE"])
@pytest.mark.parametrize("user_name", ["nobody", "x" * 5000, "\0", "ada@cloud.example"])
async def test_nobody_learns_whether_there_is_a_user(world, action, user_name):
    assert (await world.call(f"AuthLambda.{action}", None, userName=user_name)).ok() == {}
    await world.people.settled()
    assert world.people.post.letters == []


async def test_the_answer_about_a_password_does_not_wait_for_the_looking(world):
    await world.call("AuthLambda.FORGOT_PASSWORD", None, userName="ada")
    assert world.people.post.letters == []
    await world.people.settled()
    assert len(world.people.post.letters) == 1


async def test_nobody_floods_a_mailbox(world):
    for _ in range(10):
        await world.call("AuthLambda.FORGOT_PASSWORD", None, userName="ada")
    await world.people.settled()
    assert len(world.people.post.letters) == 3
    for _ in range(5):
        world.tenant.clock.advance(timedelta(minutes=11))
        for _ in range(5):
            await world.call("AuthLambda.FORGOT_PASSWORD", None, userName="ada")
            await world.people.settled()
    assert len(world.people.post.letters) == 10
    world.tenant.clock.advance(timedelta(days=1))
    await world.call("AuthLambda.FORGOT_PASSWORD", None, userName="ada")
    await world.people.settled()
    assert len(world.people.post.letters) == 11


async def test_many_names_do_not_flood_one_address(world):
    for number in range(25):
        await sign_up(world, userName=f"carl-{number}", email="Victim@cloud.example")
    assert len(world.people.post.letters) == 20


async def test_nobody_signs_up_or_gets_mail_in_an_account_that_is_closed(world):
    closed = replace(world.tenant.account, status=AccountStatus.SUSPENDED)

    async def send(action, **attributes):
        payload = json.dumps({"action": action, "attributes": attributes}).encode()
        return await world.runtime.invoke("AuthLambda", closed, None, payload)

    assert (await send("SIGN_UP", **NEW)).failed
    assert (await send("FORGOT_PASSWORD", userName="ada")).body == b"{}"
    await world.people.settled()
    assert world.people.post.letters == []
