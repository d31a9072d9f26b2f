"""What a program does that was written for AWS and has the vendor's own model of the service.

Run by a Python with the last boto3 that brought it, in an environment of its own, so that it imports nothing of ours:
vendor_panorama.py URL REGION KEY SECRET NAME. Prints what it saw as JSON.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable


def refusal_of(attempt: Callable[[], object], kind: type[Exception]) -> dict[str, Any]:
    """Return what a refusal of that class, which the vendor's model makes, says beside its message."""
    try:
        attempt()
    except kind as refused:
        answer: dict[str, Any] = refused.response  # type: ignore[attr-defined]
        return {name: value for name, value in answer.items() if name not in {"Error", "ResponseMetadata", "message"}}
    raise AssertionError(f"there was no {kind.__name__}")


def main() -> None:
    """Announce, look, tag, be refused and delete."""
    url, region, key, secret, name = sys.argv[1:]
    panorama = boto3.client(
        "panorama",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )
    errors = panorama.exceptions
    made = panorama.provision_device(
        Name=name,
        Description="by the gate",
        Tags={"site": "harbour"},
        NetworkingConfiguration={"Ethernet0": {"ConnectionType": "DHCP"}, "Ntp": {"NtpServers": ["ntp.example.org"]}},
    )
    device_id, arn = made["DeviceId"], made["Arn"]
    seen: dict[str, Any] = {
        "boto3": boto3.__version__,
        "status": made["Status"],
        "entries": sorted(zipfile.ZipFile(io.BytesIO(made["Certificates"])).namelist()),
    }
    seen["taken"] = refusal_of(lambda: panorama.provision_device(Name=name), errors.ConflictException)
    seen["malformed"] = refusal_of(lambda: panorama.provision_device(Name="a b"), errors.ValidationException)
    described = panorama.describe_device(DeviceId=device_id)
    seen["described"] = [described[each] for each in ("Name", "ProvisioningStatus", "DeviceConnectionStatus")]
    seen["year"] = described["CreatedTime"].year
    seen["listed"] = [each["DeviceId"] for each in panorama.list_devices(NameFilter=name)["Devices"]] == [device_id]
    panorama.update_device_metadata(DeviceId=device_id, Description="moved")
    seen["description"] = panorama.describe_device(DeviceId=device_id)["Description"]
    panorama.tag_resource(ResourceArn=arn, Tags={"floor": "2"})
    panorama.untag_resource(ResourceArn=arn, TagKeys=["site"])
    seen["tags"] = panorama.list_tags_for_resource(ResourceArn=arn)["Tags"]
    seen["deleted"] = panorama.delete_device(DeviceId=device_id)["DeviceId"] == device_id
    gone = refusal_of(lambda: panorama.describe_device(DeviceId=device_id), errors.ResourceNotFoundException)
    seen["gone"] = gone["ResourceType"]
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
