"""Access keys: made with boto3's IAM client, and good at every service that takes signatures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from factories.demo import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from factories.demo import Demo
    from journeys.aws_user import AwsUser

ONCE = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


def client(demo: Demo, service: str, key: dict[str, Any], region: str = REGION) -> Any:
    return boto3.client(
        service,
        endpoint_url=demo.url(),
        region_name=region,
        config=ONCE,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


def code(refusal: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refusal.value.response["Error"]["Code"])


@pytest.fixture
def iam(administrator: AwsUser) -> Iterator[Any]:
    made = administrator.client("iam")
    yield made
    for key in made.list_access_keys()["AccessKeyMetadata"]:
        made.delete_access_key(AccessKeyId=key["AccessKeyId"])


@pytest.fixture
def key(iam: Any) -> dict[str, Any]:
    made: dict[str, Any] = iam.create_access_key()["AccessKey"]
    return made


def test_a_key_looks_as_those_of_aws_do_and_its_secret_is_shown_once(iam: Any, key: dict[str, Any]) -> None:
    assert key["AccessKeyId"].startswith("AKIA")
    assert (len(key["AccessKeyId"]), len(key["SecretAccessKey"]), key["Status"]) == (20, 40, "Active")
    listed = iam.list_access_keys()["AccessKeyMetadata"]
    assert [each["AccessKeyId"] for each in listed] == [key["AccessKeyId"]]
    assert "SecretAccessKey" not in listed[0]


def test_every_service_takes_the_signature_of_a_key(demo: Demo, administrator: AwsUser, key: dict[str, Any]) -> None:
    answer = client(demo, "lambda", key).invoke(
        FunctionName=administrator.manifest["DomainLambda"],
        Payload=json.dumps({"action": "GET", "attributes": {"id": "root"}}),
    )
    assert "errorMessage" not in json.load(answer["Payload"])
    who = client(demo, "sts", key).get_caller_identity()
    assert who["Arn"] == f"arn:aws:iam::{who['Account']}:user/{administrator.who.user_name}"
    assert client(demo, "s3", key).list_buckets()["Buckets"]
    with pytest.raises(ClientError) as refusal:
        client(demo, "iot-data", key).get_thing_shadow(thingName="nobody")
    assert code(refusal) == "ResourceNotFoundException"


def test_iam_is_of_no_region(demo: Demo, key: dict[str, Any]) -> None:
    listed = client(demo, "iam", key, region="us-east-1").list_access_keys()
    assert listed["AccessKeyMetadata"][0]["AccessKeyId"] == key["AccessKeyId"]


def test_a_key_that_is_switched_off_opens_nothing_until_it_is_on_again(
    demo: Demo, iam: Any, key: dict[str, Any]
) -> None:
    sts = client(demo, "sts", key)
    sts.get_caller_identity()
    iam.update_access_key(AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with pytest.raises(ClientError) as refusal:
        sts.get_caller_identity()
    assert code(refusal) == "InvalidClientTokenId"
    iam.update_access_key(AccessKeyId=key["AccessKeyId"], Status="Active")
    sts.get_caller_identity()


def test_a_deleted_key_opens_nothing(demo: Demo, iam: Any, key: dict[str, Any]) -> None:
    sts = client(demo, "sts", key)
    sts.get_caller_identity()
    iam.delete_access_key(AccessKeyId=key["AccessKeyId"])
    with pytest.raises(ClientError) as refusal:
        sts.get_caller_identity()
    assert code(refusal) == "InvalidClientTokenId"


def test_a_wrong_secret_is_refused(demo: Demo, key: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refusal:
        client(demo, "sts", {**key, "SecretAccessKey": "x" * 40}).get_caller_identity()
    assert code(refusal) == "SignatureDoesNotMatch"


def test_one_has_two_keys_at_most(iam: Any, key: dict[str, Any]) -> None:
    assert iam.create_access_key()["AccessKey"]["AccessKeyId"] != key["AccessKeyId"]
    with pytest.raises(ClientError) as refusal:
        iam.create_access_key()
    assert code(refusal) == "LimitExceeded"


def test_nobody_sees_or_changes_the_keys_of_others(
    iam: Any, key: dict[str, Any], nora: AwsUser, stranger: AwsUser
) -> None:
    for other in (nora.client("iam"), stranger.client("iam")):
        assert other.list_access_keys()["AccessKeyMetadata"] == []
        for attempt in (
            lambda other=other: other.delete_access_key(AccessKeyId=key["AccessKeyId"]),
            lambda other=other: other.update_access_key(AccessKeyId=key["AccessKeyId"], Status="Inactive"),
            lambda other=other: other.create_access_key(UserName="somebody-else"),
        ):
            with pytest.raises(ClientError) as refusal:
                attempt()
            assert code(refusal) == "NoSuchEntity"
    assert len(iam.list_access_keys()["AccessKeyMetadata"]) == 1


def test_what_is_malformed_is_named(iam: Any, key: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refusal:
        iam.update_access_key(AccessKeyId=key["AccessKeyId"], Status="Expired")
    assert code(refusal) == "ValidationError"
    assert "Status" in str(refusal.value)
