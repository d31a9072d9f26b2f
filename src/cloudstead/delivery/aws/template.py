"""The stack as CloudFormation reads it, and the two ways to start it: a link, and a command line."""

from __future__ import annotations

import shlex
from importlib.resources import files
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from cloudstead.core.clouds.model import TEMPLATE_VERSION
from cloudstead.core.clouds.ports import Launch
from cloudstead.core.clouds.ulids import ulid_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.clouds.model import Cloud

FILE_NAME: Final = "cloudstead-cloud.yaml"
CAPABILITIES: Final = ("CAPABILITY_NAMED_IAM",)
VERSION_PARAMETER: Final = "TemplateVersion"
OWNER_PARAMETER: Final = "OwnerAccount"  # since version 2
DEVICE_ROLE: Final = "IotoDeviceAccess"  # "Device clouds", deviceRole: the original default


def template_body() -> str:
    """Return the template; it is under the 51,200 bytes that a call may carry."""
    return files(__package__).joinpath("template.yaml").read_text(encoding="utf-8")


def stack_name(cloud: Cloud) -> str:
    """Return what the stack of a cloud is called, and what is made for it in the account."""
    return f"cloudstead-{ulid_of(cloud.id)}"


def parameters(cloud: Cloud, *, external: str, token: str, builder_account: str, connect_url: str) -> Mapping[str, str]:
    """Return the parameters of a new stack."""
    return {
        "CloudId": ulid_of(cloud.id),
        OWNER_PARAMETER: ulid_of(cloud.account_id),
        "ExternalId": external,
        "BuilderAccount": builder_account,
        "ConnectUrl": connect_url,
        "ConnectToken": token,
        VERSION_PARAMETER: str(TEMPLATE_VERSION),
        "DeviceRoleName": cloud.device_role or DEVICE_ROLE,
    }


def launch_of(cloud: Cloud, region: str, given: Mapping[str, str], *, template_url: str | None) -> Launch:
    """Return how the owner starts the stack. The console takes templates from S3 only; a command line takes a file."""
    name = stack_name(cloud)
    url = None
    if template_url is not None:
        query = {"templateURL": template_url, "stackName": name}
        query |= {f"param_{each}": value for each, value in given.items()}
        url = (
            f"https://{region}.console.aws.amazon.com/cloudformation/home?region={region}"
            f"#/stacks/quickcreate?{urlencode(query)}"
        )
    where = ["--template-url", template_url] if template_url else ["--template-body", f"file://{FILE_NAME}"]
    words = [
        *("aws", "cloudformation", "create-stack", "--region", region, "--stack-name", name),
        *where,
        *("--capabilities", *CAPABILITIES, "--parameters"),
        *(f"ParameterKey={each},ParameterValue={_shorthand(value)}" for each, value in given.items()),
    ]
    return Launch(url=url, command=shlex.join(words), template=None if template_url else template_body())


def _shorthand(value: str) -> str:
    """Return a value in the shorthand of AWS's command line, where a bare comma would begin another field."""
    return f'"{value}"' if "," in value or "=" in value else value
