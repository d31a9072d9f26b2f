"""AuthLambda, where it succeeds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudstead.core.caller import Grant
from factories.contract import require_output
from factories.coverage import covers
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
        ([], "Read", None),
    ],
)
async def test_a_login_shows_the_home_in_the_roles_that_this_wire_knows(world, grants, role, domain):
    await world.tenant.add_person("carl", *(Grant(*each) for each in grants))
    login = (await world.call("AuthLambda.LOGIN", None, userName="carl", password=PASSWORD)).ok()
    require_output("AuthLambda.LOGIN", login)
    assert (login["user"]["roleName"], login["user"].get("domainName")) == (role, domain)


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
