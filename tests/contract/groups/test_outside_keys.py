"""Keys of outside systems: stored sealed, one for each type, never shown."""

from __future__ import annotations

import pytest

from cloudstead.core.groups.outside_keys import SEALED_FOR
from factories.coverage import covers, covers_each


def key(world, **more):
    return {"groupId": world.id("farm"), "type": "sigfox", "token": "s3cret", "name": "backend", **more}


async def stored(world):
    return await world.tenant.database.read(
        lambda unit: unit.outside_keys.get(world.tenant.account.id, world.id("farm"), "sigfox")
    )


@covers("addGroupApiKey", "success")
async def test_a_key_is_kept_sealed_and_never_answered(world):
    answer = await world.ok("addGroupApiKey", body=key(world))
    assert (answer["type"], answer["name"], "token" in answer) == ("sigfox", "backend", False)
    kept = await stored(world)
    assert b"s3cret" not in kept.sealed_token
    assert world.tenant.sealer.open(kept.sealed_token, SEALED_FOR) == b"s3cret"
    assert "s3cret" not in repr(kept)


async def test_a_group_has_one_key_of_a_type(world):
    await world.ok("addGroupApiKey", body=key(world))
    again = await world.call("addGroupApiKey", body=key(world))
    assert (again.status, again.told.partition(":")[0]) == (400, "type")
    await world.ok("addGroupApiKey", body=key(world, type="actility"))
    await world.ok("addGroupApiKey", body=key(world, groupId=world.id("barn")))


@covers("updateGroupApiKey", "success")
async def test_a_change_without_a_token_keeps_it(world):
    await world.ok("addGroupApiKey", body=key(world))
    sent = {"groupId": world.id("farm"), "type": "sigfox"}
    assert (await world.ok("updateGroupApiKey", body={**sent, "name": "renamed"}))["name"] == "renamed"
    assert world.tenant.sealer.open((await stored(world)).sealed_token, SEALED_FOR) == b"s3cret"
    await world.ok("updateGroupApiKey", body={**sent, "token": "other"})
    assert world.tenant.sealer.open((await stored(world)).sealed_token, SEALED_FOR) == b"other"


@covers("deleteGroupApiKey", "success")
async def test_a_removed_key_is_answered_once_more_without_its_token(world):
    await world.ok("addGroupApiKey", body=key(world))
    query = {"groupId": world.id("farm"), "type": "sigfox"}
    gone = await world.ok("deleteGroupApiKey", query=query)
    assert (gone["name"], gone["message"], "token" in gone) == ("backend", "The key was removed.", False)
    assert await stored(world) is None
    for call, sent in (
        ("deleteGroupApiKey", {"query": query}),
        ("updateGroupApiKey", {"body": {**query, "name": "x"}}),
    ):
        assert (await world.call(call, **sent)).status == 400


@covers_each(["addGroupApiKey", "updateGroupApiKey", "deleteGroupApiKey"], "refusal")
@pytest.mark.parametrize("by", ["viewer", "installer"])
async def test_keys_are_for_who_may_edit_them(world, by):
    query = {"groupId": world.id("farm"), "type": "sigfox"}
    assert (await world.call("addGroupApiKey", by, body=key(world))).status == 403
    assert (await world.call("updateGroupApiKey", by, body={**query, "name": "x"})).status == 403
    assert (await world.call("deleteGroupApiKey", by, query=query)).status == 403


@covers_each(["addGroupApiKey", "updateGroupApiKey"], "malformed")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": ""}, "type"),
        ({"type": "a b"}, "type"),
        ({"type": "x" * 65}, "type"),
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"token": ""}, "token"),
        ({"token": "x" * 4097}, "token"),
    ],
)
async def test_a_key_with_unfit_words_is_not_stored(world, change, field):
    refused = await world.call("addGroupApiKey", body=key(world, **change))
    assert (refused.status, refused.told.partition(":")[0]) == (400, field)


async def test_the_trail_tells_of_a_key_and_hides_what_it_is(world):
    await world.ok("addGroupApiKey", body=key(world))
    await world.ok("updateGroupApiKey", body={"groupId": world.id("farm"), "type": "sigfox", "token": "other"})
    trail = [each for each in await world.trail() if each[1] == f"{world.id('farm')}/sigfox"]
    assert [operation for operation, _ in trail] == ["outside-key.create", "outside-key.update"]
