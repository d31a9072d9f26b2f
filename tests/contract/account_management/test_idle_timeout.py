"""How long a login token lives without being used, and what becomes of open ones when the account changes that."""

from __future__ import annotations

from datetime import timedelta

from cloudstead.core.people.sessions import NOTED_EVERY_MS, Client

SLACK = timedelta(milliseconds=NOTED_EVERY_MS)
SECOND = timedelta(seconds=1)


def minutes(count):
    return timedelta(minutes=count)


async def login_token(world, name="developer", account=None):
    """Return what signing in on our pages gives."""
    person = world.people[name]
    account = account or world.top
    opened = await world.tenant.database.write(
        lambda unit: world.rooms.backend.sessions.open(unit, account.id, person, Client())
    )
    return opened.token


async def set_timeout(world, value, by="admin"):
    assert (await world.call("update_my_account", by, body={"idle_timeout": value})).status == 200


async def is_good(world, token):
    answer = await world.call("get_my_account", token)
    if answer.status != 200:
        assert answer.refused == (401, "invalid_auth")
    return answer.status == 200


async def test_a_token_that_is_not_used_for_the_time_that_the_account_sets_ends(world):
    await set_timeout(world, 5)
    token = await login_token(world)
    for _ in range(3):
        world.tenant.clock.advance(minutes(5))
        assert await is_good(world, token)
    world.tenant.clock.advance(minutes(5) + SLACK + SECOND)
    assert not await is_good(world, token)


async def test_a_setting_holds_for_sessions_that_are_older_than_it(world):
    idle, used = await login_token(world), await login_token(world)
    world.tenant.clock.advance(minutes(10))
    assert await is_good(world, used)
    await set_timeout(world, 5)
    assert not await is_good(world, idle)
    assert await is_good(world, used)
    world.tenant.clock.advance(minutes(5) + SLACK + SECOND)
    assert not await is_good(world, used)


async def test_a_longer_time_holds_for_open_sessions_and_wakes_none_that_was_over(world):
    over = await login_token(world)
    world.tenant.clock.advance(minutes(20))
    open_still = await login_token(world)
    world.tenant.clock.advance(minutes(11))
    await set_timeout(world, 120)
    assert not await is_good(world, over)
    world.tenant.clock.advance(minutes(100))
    assert await is_good(world, open_still)


async def test_what_a_shorter_time_has_ended_stays_over_when_it_is_longer_again(world):
    token = await login_token(world)
    world.tenant.clock.advance(minutes(10))
    await set_timeout(world, 5)
    await set_timeout(world, None)
    assert not await is_good(world, token)


async def test_sessions_that_are_over_are_not_shown_as_open(world):
    await login_token(world)
    world.tenant.clock.advance(minutes(10))
    token = await login_token(world)
    query = {"include": "active_sessions"}
    assert len((await world.call("get_my_user", token, query=query)).body["active_sessions"]) == 2
    await set_timeout(world, 5)
    assert len((await world.call("get_my_user", token, query=query)).body["active_sessions"]) == 1


async def test_the_time_of_one_account_is_nothing_to_another(world):
    token = await login_token(world, "tenant_admin", world.below)
    world.tenant.clock.advance(minutes(10))
    await set_timeout(world, 5)
    assert await is_good(world, token)
    await set_timeout(world, 5, by="stranger")
    assert await is_good(world, token)
