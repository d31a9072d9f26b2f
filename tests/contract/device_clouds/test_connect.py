"""A stack calls back: what it has to prove, and what it may say when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudstead.core.clouds.errors import EngineFailed
from cloudstead.core.clouds.ulids import id_of
from cloudstead.core.jobs.model import Done
from factories.coverage import covers
from factories.device_clouds import ROLE, STACK, connection


@covers("cloudConnect", "success")
async def test_a_stack_that_proves_itself_is_connected_and_provisioned(world):
    cloud, token, external = await world.launched()
    connected = await world.ok("cloudConnect", token, **connection(cloud, external))
    assert (connected["connected"], connected["status"], connected["awsAccount"], connected["version"]) == (
        True,
        "CREATE_COMPLETE",
        "123456789012",
        1,
    )
    assert "roleArn" not in connected
    assert connected["token"]["token"].startswith("dct_")
    assert world.stacks.asked == ["admit", "verify"]
    assert await world.work() == [Done()]
    ready = await world.ok("cloudGet", id=cloud["id"])
    assert (ready["userPoolId"], ready["apiGateway"]) == ("pool", "gateway")
    report = {"accountId": cloud["accountId"], "cloudId": cloud["id"]}
    assert await world.ok("cloudReport", connected["token"]["token"], **report) == {}


async def test_the_same_said_again_changes_nothing_and_asks_nobody(world):
    cloud, token, external = await world.launched()
    first = await world.ok("cloudConnect", token, **connection(cloud, external))
    asked = len(world.stacks.asked)
    again = await world.ok("cloudConnect", token, **connection(cloud, external))
    del first["token"]
    assert (again, len(world.stacks.asked)) == (first, asked)


async def test_a_launch_link_connects_once(world):
    cloud, token, external = await world.connected()
    other = connection(cloud, external, stack="arn:aws:cloudformation:us-east-1:123456789012:stack/evil/1")
    answer = await world.call("cloudConnect", token, **other)
    assert (answer.status, answer.body) == (403, "The launch link was used by another stack")
    another_role = connection(cloud, external, roleArn=ROLE.replace("BuilderRole", "Other"))
    assert (await world.call("cloudConnect", token, **another_role)).status == 409
    assert (await world.stored(cloud)).stack.endswith("ranch/1")


async def test_a_used_launch_link_does_not_connect_a_cloud_that_failed_since(world):
    cloud, token, external = await world.connected()
    world.stacks.failures.append(EngineFailed("No rights", is_final=True))
    await world.work()
    assert (await world.stored(cloud)).state == "error"
    other = connection(cloud, external, roleArn=ROLE.replace("BuilderRole", "Other"))
    answer = await world.call("cloudConnect", token, **other)
    assert (answer.status, answer.body.partition(".")[0]) == (403, "The launch link was used or is past its end")


async def test_a_launch_link_ends_after_a_day(world):
    cloud, token, external = await world.launched()
    world.tenant.clock.advance(timedelta(days=1))
    answer = await world.call("cloudConnect", token, **connection(cloud, external))
    assert (answer.status, answer.body) == (401, "Authentication failed")


async def test_a_used_launch_link_still_hears_its_own_stack_go_after_its_day(world):
    cloud, token, _ = await world.connected()
    world.tenant.clock.advance(timedelta(days=400))
    gone = await world.ok("cloudConnect", token, cloud=cloud["id"], connected=False, stack=STACK)
    assert (gone["connected"], gone["status"]) == (False, "DELETE_IN_PROGRESS")
    assert (await world.stored(cloud)).state == "disconnected"


@pytest.mark.parametrize("external", ["x" * 64, "", "a" * 63 + "b", "é" * 20])
async def test_another_external_id_is_refused(world, external):
    cloud, token, _ = await world.launched()
    answer = await world.call("cloudConnect", token, **connection(cloud, external))
    assert (answer.status, answer.body) == (403, "The external id is not that of the cloud")
    assert not (await world.ok("cloudGet", id=cloud["id"]))["connected"]
    assert "verify" not in world.stacks.asked


@covers("cloudConnect", "refusal")
async def test_a_token_speaks_for_its_own_cloud_only(world):
    _, token, _ = await world.launched("one")
    other, _, external = await world.launched("two")
    answer = await world.call("cloudConnect", token, **connection(other, external))
    assert (answer.status, answer.body) == (404, "Cannot find cloud")


async def test_a_role_of_another_account_than_the_one_named_is_refused(world):
    cloud, token, external = await world.launched()
    answer = await world.call("cloudConnect", token, **connection(cloud, external, awsAccount="999999999999"))
    assert (answer.status, answer.body) == (403, "The role is one of another AWS account")


async def test_a_connected_cloud_does_not_move_to_another_account(world):
    cloud, token, external = await world.connected()
    elsewhere = connection(cloud, external, roleArn=ROLE.replace("123456789012", "999999999999"), awsAccount=None)
    answer = await world.call("cloudConnect", token, **elsewhere)
    assert (answer.status, answer.body) == (403, "The cloud is connected to another AWS account")


async def test_a_role_that_lets_everybody_in_is_not_kept(world):
    world.stacks.lets_everybody_in = True
    cloud, token, external = await world.launched()
    answer = await world.call("cloudConnect", token, **connection(cloud, external))
    assert answer.status == 403
    kept = await world.tenant.database.read(lambda unit: unit.clouds.secret(id_of(cloud["id"])))
    assert kept.role_arn is None
    assert (await world.ok("cloudGet", id=cloud["id"]))["error"] == answer.body
    world.stacks.lets_everybody_in = False
    assert (await world.ok("cloudConnect", token, **connection(cloud, external)))["connected"]


async def test_a_role_that_cannot_be_tried_is_a_502_and_may_come_again(world):
    world.stacks.failures.append(EngineFailed("AWS does not answer"))
    cloud, token, external = await world.launched()
    answer = await world.call("cloudConnect", token, **connection(cloud, external))
    assert (answer.status, answer.body) == (502, "AWS does not answer")
    assert (await world.ok("cloudConnect", token, **connection(cloud, external)))["connected"]


@pytest.mark.parametrize(
    ("wrong", "blamed"),
    [
        ({"cloud": None}, 'Missing required field "cloud"'),
        ({"external": None}, 'Missing required field "external"'),
        ({"roleArn": None}, 'Missing required field "roleArn"'),
        ({"roleArn": "arn:aws:iam::12:role/x"}, "roleArn: is no role of an AWS account"),
        ({"roleArn": "arn:aws:iam::123456789012:user/x"}, "roleArn: is no role of an AWS account"),
        ({"awsAccount": "12"}, "awsAccount: does not look like one"),
        ({"api": "javascript:alert(1)"}, "api: does not look like one"),
        ({"stack": "a b"}, "stack: does not look like one"),
        ({"version": "one"}, "version: does not look like one"),
        ({"deviceRole": "a b"}, "deviceRole: does not look like one"),
        ({"token": "text"}, "token: Expected `object | null`, got `str`"),
        ({"error": "x" * 5000}, "error: longer than 4096 characters"),
    ],
)
async def test_what_a_stack_cannot_say_is_refused_with_the_field(world, wrong, blamed):
    cloud, token, external = await world.launched()
    answer = await world.call("cloudConnect", token, **connection(cloud, external, **wrong))
    assert (answer.status, answer.body) == (400, blamed)


async def test_a_stack_that_failed_is_told_in_the_record_and_may_come_again(world):
    cloud, token, external = await world.launched()
    failed = await world.ok("cloudConnect", token, cloud=cloud["id"], error="Not enough rights", external=external)
    assert (failed["error"], failed["connected"]) == ("Not enough rights", False)
    assert (await world.stored(cloud)).state == "error"
    connected = await world.ok("cloudConnect", token, **connection(cloud, external))
    assert ("error" in connected, connected["connected"]) == (False, True)


async def test_a_stack_update_that_calls_back_is_done(world):
    cloud, token, external = await world.connected()
    await world.work()
    await world.ok("cloudUpdateStack", id=cloud["id"])
    done = await world.ok("cloudConnect", token, **connection(cloud, external, version="2"))
    assert (done["version"], done["status"], (await world.stored(cloud)).state) == (2, "UPDATE_COMPLETE", "ready")
    assert "token" not in done


async def test_a_late_connect_for_a_removed_cloud_finds_nothing(world):
    cloud, token, external = await world.connected()
    await world.ok("cloudRemove", id=cloud["id"], query={"invoke": "sync"})
    answer = await world.call("cloudConnect", token, **connection(cloud, external))
    assert (answer.status, answer.body) == (404, "Cannot find cloud")


async def test_a_stack_that_goes_while_its_cloud_is_removed_is_what_was_asked_for(world):
    cloud, token, _ = await world.connected()
    await world.ok("cloudRemove", id=cloud["id"], query={"invoke": "none"})
    gone = await world.ok("cloudConnect", token, cloud=cloud["id"], connected=False, stack=STACK)
    assert gone["status"] == "DELETE_IN_PROGRESS"
    assert (await world.stored(cloud)).state == "removing"


async def test_a_cloud_here_takes_no_stack(world):
    cloud = await world.ready()
    token = (await world.ok("tokenCreate", type="CloudToBuilder", description="r", cloudId=cloud["id"]))["token"]
    answer = await world.call("cloudConnect", token, cloud=cloud["id"], roleArn=ROLE)
    assert answer.status == 409
    refused = await world.call("cloudConnect", token, **connection(cloud, "x" * 20))
    assert refused.status == 403


async def test_external_ids_and_tokens_are_stored_nowhere_readable(world, tmp_path):
    _, token, external = await world.connected()
    content = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    assert external.encode() not in content
    assert token.rpartition("_")[2].encode() not in content


@pytest.mark.parametrize("said", [{"connected": False}, {"error": "gone"}])
async def test_whoever_has_read_a_used_launch_link_does_not_speak_for_its_stack(world, said):
    cloud, token, external = await world.connected()
    answer = await world.call("cloudConnect", token, cloud=cloud["id"], external=external, **said)
    assert (answer.status, answer.body) == (403, "The launch link was used by another stack")
    assert (await world.ok("cloudGet", id=cloud["id"]))["connected"]


async def test_a_stack_that_its_owner_changes_tells_so_and_may_take_it_back(world):
    cloud, token, external = await world.connected()
    await world.work()
    asked = list(world.stacks.asked)
    for version in ("2", "1"):
        said = connection(cloud, external, version=version, deviceRole=f"Role{version}")
        assert (await world.ok("cloudConnect", token, **said))["version"] == int(version)
    after = await world.stored(cloud)
    assert (after.state, after.device_role, world.stacks.asked) == ("ready", "Role1", asked)
    assert len(await world.trail("cloud.connect")) == 3


async def test_after_a_stack_that_could_not_be_made_the_same_link_starts_another(world):
    world.stacks.lets_everybody_in = True
    cloud, token, external = await world.launched()
    assert (await world.call("cloudConnect", token, **connection(cloud, external))).status == 403
    await world.ok("cloudConnect", token, cloud=cloud["id"], connected=False, stack=STACK)
    world.stacks.lets_everybody_in = False
    again = await world.ok("cloudConnect", token, **connection(cloud, external, stack=f"{STACK}2"))
    assert (again["connected"], again["status"], again["stack"]) == (True, "CREATE_COMPLETE", f"{STACK}2")
    assert "error" not in again
