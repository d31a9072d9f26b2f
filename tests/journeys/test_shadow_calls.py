from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from journeys.aws_user import AwsUser, Refused

if TYPE_CHECKING:
    from factories.demo import Demo


@pytest.fixture
def thing(demo: Demo, administrator: AwsUser) -> str:
    return administrator.add_thing(demo.new_name("valve"), "north")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_shadow_is_updated_read_and_deleted(demo: Demo, thing: str, scheme: str) -> None:
    user = AwsUser(demo, demo.administrator, scheme).log_in()

    accepted = user.update(thing, state={"desired": {"open": True}, "reported": {"open": False}}, clientToken="t1")
    assert accepted["state"] == {"desired": {"open": True}, "reported": {"open": False}}
    assert (accepted["version"], accepted["clientToken"]) == (1, "t1")

    shadow = user.shadow(thing)
    assert shadow["state"] == {**accepted["state"], "delta": {"open": True}}
    assert shadow["metadata"] == accepted["metadata"]
    assert user.update(thing, state={"reported": {"open": True}}, version=1)["version"] == 2
    assert "delta" not in user.shadow(thing)["state"]

    deleted = json.load(user.client("iot-data").delete_thing_shadow(thingName=thing)["payload"])
    assert deleted["version"] == 2
    with pytest.raises(ClientError, match=f"No shadow exists with name: '{thing}'") as refusal:
        user.shadow(thing)
    assert refusal.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"state": {"reported": {"n": 1}}, "version": 7}, "ConflictException"),
        ({"state": {"reported": {"text": "x" * 9000}}}, "RequestEntityTooLargeException"),
        ({"state": {"reported": []}}, "InvalidRequestException"),
        ({"state": {"imagined": {}}}, "InvalidRequestException"),
        ({"state": {"reported": {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}}}, "InvalidRequestException"),
        ({}, "InvalidRequestException"),
    ],
    ids=["version", "size", "section", "key", "depth", "state"],
)
def test_a_refused_update_changes_nothing(administrator: AwsUser, thing: str, request_: dict, code: str) -> None:
    administrator.update(thing, state={"reported": {"n": 0}})
    before = administrator.shadow(thing)

    with pytest.raises(ClientError) as refusal:
        administrator.update(thing, **request_)

    assert refusal.value.response["Error"]["Code"] == code
    after = administrator.shadow(thing)
    assert (after["state"], after["metadata"], after["version"]) == (before["state"], before["metadata"], 1)


def test_updates_of_many_at_once_each_get_a_version_of_their_own(administrator: AwsUser, thing: str) -> None:
    with ThreadPoolExecutor(max_workers=8) as crowd:
        asked = [crowd.submit(administrator.update, thing, state={"reported": {f"n{n}": n}}) for n in range(80)]
        versions = [each.result()["version"] for each in asked]

    assert sorted(versions) == list(range(1, 81))
    assert administrator.shadow(thing)["state"]["reported"] == {f"n{n}": n for n in range(80)}


def test_only_one_of_many_that_expect_the_same_version_is_let_through(administrator: AwsUser, thing: str) -> None:
    def try_to_be_first(name: int) -> bool:
        try:
            administrator.update(thing, state={"reported": {"first": name}}, version=1)
        except ClientError as refusal:
            assert refusal.response["Error"]["Code"] == "ConflictException"  # noqa: PT017 - others succeed
            return False
        return True

    administrator.update(thing, state={"reported": {}})
    with ThreadPoolExecutor(max_workers=8) as crowd:
        outcomes = list(crowd.map(try_to_be_first, range(40)))

    assert outcomes.count(True) == 1
    assert administrator.shadow(thing)["state"]["reported"] == {"first": outcomes.index(True)}


def test_publishing_on_a_thing_update_topic_changes_the_shadow(nora: AwsUser, thing: str) -> None:
    message = json.dumps({"state": {"desired": {"open": True}}})

    nora.client("iot-data").publish(topic=f"thing-update/north/{thing}", qos=1, payload=message)

    assert nora.shadow(thing)["state"]["desired"] == {"open": True}


def test_publishing_elsewhere_is_forbidden_and_where_no_thing_is_does_nothing(nora: AwsUser, thing: str) -> None:
    data = nora.client("iot-data")
    message = json.dumps({"state": {"desired": {"open": True}}})

    data.publish(topic="thing-update/north/harbour/" + thing, qos=1, payload=message)
    for topic in (
        f"thing-update/{thing}",
        "thing-update/south/x",
        "event/root/north",
        f"$aws/things/{thing}/shadow/update",
    ):
        with pytest.raises(ClientError) as refusal:
            data.publish(topic=topic, qos=1, payload=message)
        assert refusal.value.response["Error"]["Code"] == "ForbiddenException"
    with pytest.raises(ClientError):
        nora.shadow(thing)


def test_a_reader_reads_the_shadow_only(ron: AwsUser, administrator: AwsUser, thing: str) -> None:
    administrator.update(thing, state={"reported": {"n": 1}})

    assert ron.shadow(thing)["state"]["reported"] == {"n": 1}
    for call in (
        lambda: ron.update(thing, state={"desired": {"n": 2}}),
        lambda: ron.client("iot-data").delete_thing_shadow(thingName=thing),
        lambda: ron.client("iot-data").publish(topic=f"thing-update/north/{thing}", qos=0, payload=b"{}"),
    ):
        with pytest.raises(ClientError) as refusal:
            call()
        assert refusal.value.response["Error"]["Code"] == "ForbiddenException"


def test_the_shadow_of_the_functions_is_that_of_the_data_plane(administrator: AwsUser, thing: str) -> None:
    administrator.update(thing, state={"reported": {"n": 1}, "desired": {"n": 2}})

    seen = administrator.invoke("ThingLambda.GET", thingName=thing, shadow=None)["shadow"]

    assert seen["version"] == 1
    assert seen["state"]["reported"] == {"n": 1}
    administrator.invoke("ThingLambda.REMOVE", thingName=thing)
    with pytest.raises(ClientError):
        administrator.shadow(thing)
    with pytest.raises(Refused):
        administrator.invoke("ThingLambda.GET", thingName=thing, shadow=None)
