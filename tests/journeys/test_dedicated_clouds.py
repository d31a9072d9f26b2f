"""Somebody makes device clouds in two AWS accounts, through crashes, refusals and impostors, and removes them.

moto's server is AWS; the test plays the function of the stack, which moto cannot run.
"""

from __future__ import annotations

import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from cloudstead.core.clouds.ulids import id_of
from factories.demo import Doors
from factories.moto_aws import CUSTOMER, NEIGHBOUR, OPERATOR, REGION, MotoAws
from factories.running import running_cloud
from journeys.aws_user import AwsUser
from journeys.builder import Builder
from journeys.plain import ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from factories.running import RunningCloud

TEMPLATE = "https://stacks.s3.eu-west-1.amazonaws.com/cloudstead-cloud.yaml"
DEVICE = "DED1CATED1"
CONNECT = "/cloud/connect"
NOTHING = {"things": [], "certificates": [], "rules": [], "aliases": [], "groups": [], "stack": "DELETE_COMPLETE"}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoAws]:
    """AWS, and the operator's account there."""
    server = MotoAws()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "operator",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_CONFIG_FILE": str(tmp_path_factory.getbasetemp() / "none"),
            "CLOUDSTEAD_AWS_ACCOUNT": OPERATOR,
            "CLOUDSTEAD_AWS_ENDPOINT": server.url,
            "CLOUDSTEAD_AWS_TEMPLATE_URL": TEMPLATE,
        }.items():
            patch.setenv(name, value)
        yield server
    server.close()


@pytest.fixture(scope="module")
def cloud(aws: MotoAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """An installation that stays up; it may tell what it tells of AWS, and no secret."""
    folder = tmp_path_factory.mktemp("dedicated")
    with running_cloud(folder) as running:
        yield running
        assert running.stop() == 0
    log = (folder / "log.txt").read_text(encoding="utf-8")
    assert not re.search("[0-9a-f]{64}", log), "an external id or a token"


def administrator(cloud: RunningCloud) -> Builder:
    """Return the administrator, signed in."""
    doors = Doors(cloud.ready)
    return Builder(doors, AwsUser(doors, doors.administrator).log_in().token)


def removals(cloud: RunningCloud, owned: Owned) -> list[Any]:
    """Return what the audit trail says of the end of a cloud."""
    doors = Doors(cloud.ready)
    query = f"/v3/audit-log?object_id__eq={id_of(owned.id)}"
    told = ask(doors, "GET", query, Authorization=f"Bearer {doors.administrator.api_key}").json
    return [each for each in told["data"] if each["operation"] == "cloud.removed"]


@dataclass
class Owned:
    """A dedicated cloud and what its owner has of it: the parameters of the launch link, and the stack's outputs."""

    cloud: dict[str, Any]
    given: dict[str, str]
    account: str = CUSTOMER
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.cloud["id"]

    @property
    def name(self) -> str:
        return f"cloudstead-{self.id}"

    @property
    def token(self) -> str:
        return self.given["ConnectToken"]

    @classmethod
    def made(cls, builder: Builder, name: str, account: str = CUSTOMER) -> Owned:
        """Make the record, and read link and command as their reader would."""
        cloud = builder.call("/cloud/create", name=name, type="dedicated", region=REGION)
        launch = cloud["launch"]
        words = shlex.split(launch["command"].partition(" --parameters ")[2])
        given = dict(re.fullmatch(r"ParameterKey=(\w+),ParameterValue=(.*)", each).groups() for each in words)
        query = parse_qs(launch["url"].partition("?")[2].partition("?")[2])
        assert {name: value for [value], name in zip(query.values(), query, strict=True)} == {
            "templateURL": TEMPLATE,
            "stackName": f"cloudstead-{cloud['id']}",
            **{f"param_{key}": value for key, value in given.items()},
        }
        assert "template" not in launch
        return cls(cloud, given, account)

    def launch(self, aws: MotoAws) -> None:
        """Start the stack."""
        self.outputs = aws.launch(self.name, self.given, self.account)
        aws.external_ids[self.outputs["BuilderRoleArn"].rpartition("/")[2]] = self.given["ExternalId"]

    def said(self, **more: Any) -> dict[str, Any]:
        """Return what the function of the stack says when it is made or updated."""
        return {
            "cloud": self.given["CloudId"],
            "external": self.given["ExternalId"],
            "connected": True,
            "awsAccount": self.account,
            "roleArn": self.outputs["BuilderRoleArn"],
            "deviceRole": self.given["DeviceRoleName"],
            "stack": self.outputs["StackId"],
            "version": self.given["TemplateVersion"],
            **more,
        }


def connected(aws: MotoAws, builder: Builder, name: str, account: str = CUSTOMER) -> Owned:
    """Return a cloud whose stack has called back; what it asks for by itself is under way."""
    owned = Owned.made(builder, name, account)
    owned.launch(aws)
    builder.call(CONNECT, owned.token, **owned.said())
    return owned


def ready(builder: Builder, owned: Owned) -> dict[str, Any]:
    """Wait until the cloud is provisioned; a failure that is tried again is none."""
    while "provisioned" not in (now := builder.call("/cloud/get", id=owned.id)):
        assert "error" not in now or "tried again" in now["error"], now
    return now


def wait_until_removed(builder: Builder, owned: Owned) -> None:
    while builder.ask("/cloud/get", id=owned.id).status != 404:
        pass


def enrolled(builder: Builder, owned: Owned, device: str) -> dict[str, Any]:
    """Let a device in, as itself and its owner would."""
    product = builder.call("/token/create", type="ProductID", description="lamps", product="LAMP")["token"]
    assert builder.call("/device/register", product, id=device) == {"registered": True}
    builder.call("/device/claim", id=device, cloudId=owned.id)
    told = builder.call("/device/register", product, id=device)
    assert (told["cloudType"], told["cloudRegion"]) == ("dedicated", REGION)
    assert told["api"].endswith("/api")
    return builder.call("/device/provision", told["token"])


def test_only_the_stack_of_the_owner_connects_the_cloud(aws: MotoAws, cloud: RunningCloud) -> None:
    builder = administrator(cloud)
    ours, other = Owned.made(builder, "Ours"), Owned.made(builder, "Other")
    ours.launch(aws)
    role = ours.outputs["BuilderRoleArn"]
    assert builder.ask("/cloud/getBrowserKeys", id=ours.id).status == 409
    assert builder.ask("/cloud/provision", id=ours.id).status == 409

    def refused(token: str, **more: Any) -> tuple[int, str]:
        answer = builder.ask(CONNECT, token, **ours.said(**more))
        return answer.status, answer.text

    with ThreadPoolExecutor(1) as threads:
        poll = threads.submit(builder.call, "/cloud/waitForTemplate", id=ours.id)
        assert refused(ours.token, external="x" * 64) == (403, "The external id is not that of the cloud")
        elsewhere = role.replace(CUSTOMER, NEIGHBOUR)
        assert refused(ours.token, roleArn=elsewhere) == (403, "The role is one of another AWS account")
        assert refused(ours.token, roleArn="arn:aws:iam::1:user/x")[0] == 400
        assert refused(other.token) == (404, "Cannot find cloud")
        assert refused("dct_" + "0" * 32 + "_" + "0" * 64) == (401, "Authentication failed")
        name = role.rpartition("/")[2]
        aws.external_ids[name] = None
        assert "without the external id" in refused(ours.token)[1]
        aws.external_ids[name] = "something else"
        assert refused(ours.token)[1].startswith("The role cannot be assumed")
        aws.external_ids[name] = ours.given["ExternalId"]
        aws.refuse("sts", "Throttling", times=3)
        assert refused(ours.token)[0] == 502
        assert not poll.done()

        told = builder.call(CONNECT, ours.token, **ours.said())
        assert poll.result(5)["connected"] is True
    assert told["token"]["token"].startswith("dct_")
    assert ours.given["ExternalId"] not in str(told)
    assert refused(ours.token, stack=f"{ours.outputs['StackId']}x")[1].endswith("used by another stack")
    assert ready(builder, ours)["connected"] is True
    builder.call("/cloud/remove?invoke=sync", id=other.id)
    builder.call("/cloud/remove?invoke=sync", id=ours.id)
    assert refused(ours.token) == (404, "Cannot find cloud")


def test_a_cloud_lives_through_crashes_and_leaves_nothing_behind(aws: MotoAws, tmp_path: Path) -> None:
    with running_cloud(tmp_path) as cloud:
        builder = administrator(cloud)
        came = aws.hold("iot PUT /target-policies")  # the device that is tried has its certificate by then
        owned = connected(aws, builder, "Ours")
        assert came.wait(15)
        assert builder.call("/cloud/get", id=owned.id)["progress"] == "Trying a device"
        cloud.kill()
        aws.let_go()

    with running_cloud(tmp_path) as cloud:
        builder = administrator(cloud)
        now = ready(builder, owned)
        assert aws.found(owned.name) == {
            "things": [],
            "certificates": [],
            "rules": ["IotoDevice"],
            "aliases": [owned.name],
            "groups": [owned.name],
            "stack": "CREATE_COMPLETE",
        }
        assert (
            now.items()
            >= {
                "awsAccount": CUSTOMER,
                "deviceRole": "IotoDeviceAccess",
                "iotPolicy": owned.name,
                "stack": owned.outputs["StackId"],
                "status": "CREATE_COMPLETE",
                "userPoolClient": owned.outputs["UserPoolClientId"],
                "userPoolId": owned.outputs["UserPoolId"],
                "version": 2,
            }.items()
        )
        assert f".iot.{REGION}." in now["apiGateway"]
        assert "error" not in now

        given = enrolled(builder, owned, DEVICE)
        assert (given["id"], given["thing"], given["accountId"], given["port"]) == (DEVICE, DEVICE, CUSTOMER, 443)
        assert given["certificate"].startswith("-----BEGIN CERTIFICATE-----")
        found = aws.found(owned.name)
        assert (found["things"], found["certificates"]) == ([DEVICE], ["ACTIVE"])

        came = aws.hold("iot DELETE /rules/IotoDevice")
        builder.call("/cloud/remove", id=owned.id)
        assert came.wait(15)
        cloud.kill()
        aws.let_go()

    with running_cloud(tmp_path) as cloud:
        builder = administrator(cloud)
        wait_until_removed(builder, owned)
        assert aws.found(owned.name) == NOTHING
        (entry,) = removals(cloud, owned)
        kept = str(entry)
        for name in ("DataBucketName", "DeviceTableName", "UserPoolId", "StackRoleArn"):
            assert owned.outputs[name] in kept
        assert builder.call("/device/get", id=DEVICE).get("cloudId") is None
        assert cloud.stop() == 0


def test_a_cloud_works_and_says_what_hinders_it(aws: MotoAws, cloud: RunningCloud) -> None:
    builder = administrator(cloud)
    owned = connected(aws, builder, "Theirs", NEIGHBOUR)
    ready(builder, owned)
    for service, code, times, words in (
        ("cloudformation", "AccessDenied", 1, "CloudFormation refused describe_stacks"),
        ("iot", "UnauthorizedException", 1, "AWS IoT refused describe_endpoint"),
        ("iot", "ThrottlingException", 3, "AWS IoT refused describe_endpoint"),
        ("dynamodb", "AccessDeniedException", 1, "DynamoDB refused describe_table"),
        ("s3", "AccessDenied", 1, "S3 refused head_bucket"),
    ):
        aws.refuse(service, code, times=times)
        answer = builder.ask("/cloud/provision?invoke=sync", id=owned.id)
        assert (answer.status, words in answer.text) == (502, True), answer.text
        assert words in builder.call("/cloud/get", id=owned.id)["error"]
    assert "error" not in builder.call("/cloud/provision?invoke=sync", id=owned.id)

    aws.stack_status = "UPDATE_IN_PROGRESS"
    assert builder.call("/cloud/updateStack", id=owned.id)["status"] == "UPDATE_IN_PROGRESS"
    enrolled(builder, owned, DEVICE)
    aws.stack_status = None

    keys = builder.call("/cloud/getBrowserKeys", id=owned.id)
    assert set(keys) == {"accessKeyId", "secretAccessKey", "sessionToken", "expires", "region"}
    assert owned.given["OwnerAccount"] == owned.cloud["accountId"]
    report = {"accountId": owned.given["OwnerAccount"], "cloudId": owned.given["CloudId"], "load": 1.5}
    builder.call("/cloud/report", owned.token, **report, usage=[{"devices": 2, "tenants": 1}, {"devices": 3}])
    now = builder.call("/cloud/get", id=owned.id)
    assert (now["devices"], now["tenants"], now["load"]) == (5, 1, 1.5)

    aws.calls.clear()
    builder.call("/device/release", id=DEVICE)
    assert any(each.startswith("iotdata POST /topics/") and DEVICE in each for each in aws.calls)
    found = aws.found(owned.name, NEIGHBOUR)
    assert (found["things"], found["certificates"]) == ([], [])

    while builder.call("/cloud/get", id=owned.id)["status"] != "UPDATE_COMPLETE":
        pass
    aws.stack_status = "DELETE_FAILED"
    answer = builder.ask("/cloud/remove?invoke=sync", id=owned.id)
    assert (answer.status, "could not be deleted" in answer.text) == (502, True)
    assert "DELETE_FAILED" in builder.call("/cloud/get", id=owned.id)["error"]
    aws.stack_status = None
    builder.call("/cloud/remove?invoke=sync", id=owned.id)
    assert aws.found(owned.name, NEIGHBOUR) == NOTHING
