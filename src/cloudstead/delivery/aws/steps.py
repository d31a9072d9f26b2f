"""What provisioning makes in the customer's account: each step looks first, so that all of them can come again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.clouds.errors import EngineFailed
from cloudstead.core.clouds.ports import Provisioned
from cloudstead.delivery.aws import things
from cloudstead.delivery.aws.template import VERSION_PARAMETER, stack_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.clouds.model import Cloud
    from cloudstead.core.clouds.ports import Tell
    from cloudstead.delivery.aws.calls import Reach

RULE: Final = "IotoDevice"  # "Device clouds", device side: agents publish to $aws/rules/IotoDevice/...
GONE: Final = frozenset(
    {
        "ResourceNotFoundException",
        "ResourceNotFound",
        "NoSuchEntity",
        "NotFoundException",
        "TrailNotFoundException",
        "UnauthorizedException",  # GetTopicRule says so of a rule that is not there
    }
)
EXISTS: Final = frozenset({"ResourceAlreadyExistsException", "ResourceAlreadyExists", "TrailAlreadyExistsException"})
_KEY: Final = "ingest/${topic(3)}/${timestamp()}-${newuuid()}"
_STANDING: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
_DELETED: Final = "DELETE_COMPLETE"  # stacks are described by their ids for 90 days after they are gone


class Stack:
    """A stack as CloudFormation describes it."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.id: str = told["StackId"]
        self.status: str = told["StackStatus"]
        self.reason: str | None = told.get("StackStatusReason")
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in told.get("Outputs", ())}
        given = {each["ParameterKey"]: each.get("ParameterValue", "") for each in told.get("Parameters", ())}
        self.parameters = given
        version = given.get(VERSION_PARAMETER, "")
        self.version = int(version) if version.isdecimal() else None


async def look_at_stack(reach: Reach, cloud: Cloud) -> Stack | None:
    """Return the stack of a cloud; ``None`` when there is none, or none any more."""
    told = await reach.call_unless(
        {"ValidationError"}, "cloudformation", "describe_stacks", StackName=cloud.stack or stack_name(cloud)
    )
    found = [] if told is None else told["Stacks"]
    return Stack(found[0]) if found and found[0]["StackStatus"] != _DELETED else None


async def provision(reach: Reach, cloud: Cloud, tell: Tell, *, api: str) -> Provisioned:
    """Make what is missing and try it; raise ``AwsRefused`` and ``EngineFailed``. ``api`` is where devices enrol."""
    await tell("Looking at the stack")
    stack = await look_at_stack(reach, cloud)
    if stack is None:
        raise EngineFailed("The stack of the cloud is not there: launch it, or remove the cloud", is_final=True)
    # A stack waits for the answer to its connect, so it is not quite there when this is first asked for.
    if stack.status not in _STANDING and not stack.status.endswith("_IN_PROGRESS"):
        raise EngineFailed(f"The stack is {stack.status}: {stack.reason or 'see its events'}", is_final=True)
    if stack.status not in _STANDING:
        raise EngineFailed(f"The stack is {stack.status}; waiting until it stands")
    await tell("Preparing AWS IoT")
    endpoint = await reach.data_host()
    await things.provide_group(reach, cloud)
    policy = await things.provide_policy(reach, cloud, stack.outputs)
    await _provide_rule(reach, cloud, stack.outputs)
    await _provide_role_alias(reach, cloud, stack.outputs)
    await tell("Looking at the user pool, the table and the buckets")
    pool = await _pool(reach, cloud, stack.outputs)
    await _look_at_stores(reach, stack.outputs)
    trail = await _provide_trail(reach, cloud, stack.outputs)
    await tell("Trying a device")
    await things.try_one(reach, cloud, policy)
    return Provisioned(
        user_pool=pool[0],
        user_pool_client=pool[1],
        api=cloud.api or api,
        api_gateway=stack.outputs.get("Endpoint") or endpoint,
        trail_bucket=trail,
        device_role=stack.parameters.get("DeviceRoleName"),
        iot_policy=policy,
        stack=stack.id,
        template_version=stack.version,
    )


async def remove_parts(reach: Reach, cloud: Cloud) -> None:
    """Take down what ``provision`` made; what is gone is fine."""
    rule = await _rule(reach)
    if rule is not None and rule["description"] == _told_of(cloud):
        await reach.call_unless(GONE, "iot", "delete_topic_rule", ruleName=RULE)
    await reach.call_unless(GONE, "iot", "delete_role_alias", roleAlias=stack_name(cloud))
    await reach.call_unless(GONE, "iot", "delete_thing_group", thingGroupName=stack_name(cloud))
    if cloud.trail_bucket is not None:
        await reach.call_unless(GONE, "cloudtrail", "delete_trail", Name=stack_name(cloud))


async def _rule(reach: Reach) -> Mapping[str, str] | None:
    told = await reach.call_unless(GONE, "iot", "get_topic_rule", ruleName=RULE)
    return None if told is None else {"description": str(told["rule"].get("description", ""))}


def _told_of(cloud: Cloud) -> str:
    """Return the rule's description, by which the cloud knows it as its own: agents leave room for one rule only."""
    return f"Keeps what devices of {stack_name(cloud)} send."


async def _provide_rule(reach: Reach, cloud: Cloud, outputs: Mapping[str, str]) -> None:
    rule = await _rule(reach)
    if rule is not None:
        if rule["description"] != _told_of(cloud):
            text = f"The account has a topic rule {RULE} in {reach.region} of something else: one cloud fits there"
            raise EngineFailed(text, is_final=True)
        return
    bucket, role = outputs.get("DataBucketName"), outputs.get("IngestRoleArn")
    if bucket is None or role is None:
        raise EngineFailed("The stack tells neither its bucket nor the role of its rule: update it", is_final=True)
    payload = {
        "sql": "SELECT *, topic() AS topic, timestamp() AS received FROM 'ioto/service/#'",
        "awsIotSqlVersion": "2016-03-23",
        "description": _told_of(cloud),
        "ruleDisabled": False,
        "actions": [{"s3": {"roleArn": role, "bucketName": bucket, "key": _KEY}}],
    }
    await reach.call_unless(EXISTS, "iot", "create_topic_rule", ruleName=RULE, topicRulePayload=payload)


async def _provide_role_alias(reach: Reach, cloud: Cloud, outputs: Mapping[str, str]) -> None:
    name, role = stack_name(cloud), outputs.get("DeviceRoleArn")
    if role is None or await reach.call_unless(GONE, "iot", "describe_role_alias", roleAlias=name) is not None:
        return
    await reach.call_unless(EXISTS, "iot", "create_role_alias", roleAlias=name, roleArn=role)


async def _pool(reach: Reach, cloud: Cloud, outputs: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return pool and client; those of the record where the stack tells none."""
    pool_id = outputs.get("UserPoolId") or cloud.user_pool
    if pool_id is not None:
        await reach.call("cognito-idp", "describe_user_pool", UserPoolId=pool_id)
    return pool_id, outputs.get("UserPoolClientId") or cloud.user_pool_client


async def _look_at_stores(reach: Reach, outputs: Mapping[str, str]) -> None:
    if table := outputs.get("DeviceTableName"):
        await reach.call("dynamodb", "describe_table", TableName=table)
    if bucket := outputs.get("DataBucketName"):
        await reach.call("s3", "head_bucket", Bucket=bucket)


async def _provide_trail(reach: Reach, cloud: Cloud, outputs: Mapping[str, str]) -> str | None:
    bucket = outputs.get("TrailBucketName")
    if bucket is None:
        return None
    name = stack_name(cloud)
    if await reach.call_unless(GONE, "cloudtrail", "get_trail", Name=name) is None:
        await reach.call_unless(EXISTS, "cloudtrail", "create_trail", Name=name, S3BucketName=bucket)
    await reach.call("cloudtrail", "start_logging", Name=name)
    return bucket


def browser_policy(cloud: Cloud) -> str:
    """Return what keys for a browser are narrowed to: metrics, and what devices have sent."""
    allowed: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Action": ["cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics"],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{_name_in(cloud).lower()}-*/ingest/*",
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": allowed}, separators=(",", ":"))


def _name_in(cloud: Cloud) -> str:
    """Return what the owner has called the stack: CloudFormation begins the names of buckets with it."""
    parts = (cloud.stack or "").split("/")
    return parts[1] if len(parts) > 1 else stack_name(cloud)
