"""Devices as AWS IoT knows them: a thing called like the claim id, a certificate, a policy, a group of the cloud."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.clouds.errors import EngineFailed
from cloudstead.core.clouds.ports import EnrolledDevice
from cloudstead.delivery.aws.template import stack_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.clouds.model import Cloud
    from cloudstead.delivery.aws.calls import Reach

TRIAL_THING: Final = "SELFTEST00"  # ten characters, as claim ids: the role may touch no other names
MQTT_PORT: Final = 443  # "Device clouds", device side: TLS on 443 with ALPN x-amzn-mqtt-ca

_GONE: Final = frozenset({"ResourceNotFoundException", "NoSuchEntity"})
_EXISTS: Final = frozenset({"ResourceAlreadyExistsException"})


async def provide_group(reach: Reach, cloud: Cloud) -> None:
    """Make the group of the cloud's things, unless it is there."""
    await reach.call_unless(_EXISTS, "iot", "create_thing_group", thingGroupName=stack_name(cloud))


async def provide_policy(reach: Reach, cloud: Cloud, outputs: Mapping[str, str]) -> str:
    """Return the name of the devices' policy, which the stack brings; make it where somebody has deleted it."""
    name = outputs.get("PolicyName") or stack_name(cloud)
    if await reach.call_unless(_GONE, "iot", "get_policy", policyName=name) is None:
        document = json.dumps(_policy(reach.region, cloud.aws_account or "*"))
        await reach.call_unless(_EXISTS, "iot", "create_policy", policyName=name, policyDocument=document)
    return name


async def enrol(reach: Reach, cloud: Cloud, *, claim_id: str, policy: str) -> EnrolledDevice:
    """Make thing and certificate anew; what a half-done attempt left behind goes first."""
    await provide_thing(reach, cloud, claim_id)
    await withdraw_certificates(reach, claim_id, policy)
    endpoint = await reach.data_host()
    # Not active before the thing has it: what is cut off here leaves nothing behind that opens a door.
    made = await reach.call("iot", "create_keys_and_certificate", setAsActive=False)
    certificate = made["certificateArn"]
    await reach.call("iot", "attach_thing_principal", thingName=claim_id, principal=certificate)
    await reach.call("iot", "attach_policy", policyName=policy, target=certificate)
    await reach.call("iot", "update_certificate", certificateId=made["certificateId"], newStatus="ACTIVE")
    return EnrolledDevice(
        certificate=made["certificatePem"],
        private_key=made["keyPair"]["PrivateKey"],
        endpoint=endpoint,
        port=MQTT_PORT,
        account=cloud.aws_account or "",
        thing=claim_id,
    )


async def provide_thing(reach: Reach, cloud: Cloud, name: str) -> None:
    """Make a thing of the cloud, unless it is there."""
    await reach.call_unless(_EXISTS, "iot", "create_thing", thingName=name)
    await reach.call("iot", "add_thing_to_thing_group", thingGroupName=stack_name(cloud), thingName=name)


async def withdraw(reach: Reach, claim_id: str, policy: str) -> None:
    """Take certificates and thing away; what is gone is fine."""
    await withdraw_certificates(reach, claim_id, policy)
    await reach.call_unless(_GONE, "iot", "delete_thing", thingName=claim_id)


async def withdraw_certificates(reach: Reach, claim_id: str, policy: str) -> None:
    """Switch every certificate of a thing off and delete it."""
    told = await reach.call_unless(_GONE, "iot", "list_thing_principals", thingName=claim_id)
    for principal in () if told is None else told["principals"]:
        certificate_id = str(principal).rpartition("/")[2]
        await reach.call_unless(_GONE, "iot", "detach_thing_principal", thingName=claim_id, principal=principal)
        await reach.call_unless(_GONE, "iot", "detach_policy", policyName=policy, target=principal)
        await reach.call_unless(_GONE, "iot", "update_certificate", certificateId=certificate_id, newStatus="INACTIVE")
        await reach.call_unless(_GONE, "iot", "delete_certificate", certificateId=certificate_id)


async def try_one(reach: Reach, cloud: Cloud, policy: str) -> None:
    """Make a device and take it away again, so that what is missing shows now and not with the first customer."""
    try:
        made = await enrol(reach, cloud, claim_id=TRIAL_THING, policy=policy)
        if "BEGIN CERTIFICATE" not in made.certificate:
            raise EngineFailed("AWS IoT answered something that is no certificate")
    finally:
        await withdraw(reach, TRIAL_THING, policy)


async def tell_release(reach: Reach, claim_id: str, *, now_ms: int) -> None:
    """Tell a device that it is released; agents ignore what is older than ten seconds."""
    await reach.call(
        "iot-data",
        "publish",
        topic=f"ioto/device/{claim_id}/provision/release",
        qos=1,
        payload=str(now_ms).encode(),
    )


def _policy(region: str, account: str) -> dict[str, Any]:
    """Return the policy as the stack has it (``template.yaml``, DevicePolicy)."""
    base = f"arn:aws:iot:{region}:{account}"
    client, thing = "${iot:ClientId}", "${iot:Connection.Thing.ThingName}"
    shadow = f"$aws/things/{thing}/shadow/*"
    to_all = ["ioto/account/all/*", f"ioto/account/{account}/*"]
    sent = [f"ioto/service/{client}/*", f"$aws/rules/IotoDevice/ioto/service/{client}/*"]
    own = [f"ioto/device/{client}/*", shadow]

    def allow(actions: list[str], kind: str, names: list[str], **more: Any) -> dict[str, Any]:
        resources = [f"{base}:{kind}/{name}" for name in names]
        return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}

    is_attached = {"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            allow(["iot:Connect"], "client", [thing], Condition=is_attached),
            allow(["iot:Publish", "iot:Receive"], "topic", [*own, *sent]),
            allow(["iot:Receive"], "topic", to_all),
            allow(["iot:Subscribe"], "topicfilter", [*own, *to_all]),
        ],
    }
