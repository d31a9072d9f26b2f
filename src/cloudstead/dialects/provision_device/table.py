"""The rows, and the two faces made of them: what people call, signed, and what devices call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.dialects.provision_device.auth import PanoramaCallers
from cloudstead.dialects.provision_device.errors import ERRORS, REGISTRATION_ERRORS
from cloudstead.dialects.provision_device.handlers.devices import DeviceHandlers
from cloudstead.dialects.provision_device.handlers.registration import RegistrationHandlers
from cloudstead.dialects.provision_device.handlers.tags import TagHandlers
from cloudstead.dialects.provision_device.shapes.devices import (
    DescribeDeviceResponse,
    DeviceIdOnly,
    ListDevicesQuery,
    ListDevicesResponse,
    ProvisionDeviceRequest,
    ProvisionDeviceResponse,
    UpdateDeviceMetadataRequest,
)
from cloudstead.dialects.provision_device.shapes.registration import Registered, Registration
from cloudstead.dialects.provision_device.shapes.tags import TagsOnly
from cloudstead.web.face import Document, Face, below
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op

if TYPE_CHECKING:
    from starlette.types import Scope

    from cloudstead.dialects.provision_device.ports import Backend
    from cloudstead.web.table import Operation

PREFIX: Final = "/panorama"
REGISTER_PATH: Final = "/provision/register"

DOCUMENT: Final = Document(
    name="provision-device",
    title="ProvisionDevice",
    version="2019-07-24",
    summary="Devices that are provisioned by archive. Sign with Signature Version 4 for the service panorama, with an "
    "access key or temporary credentials; every path is served below /panorama as well. Devices register themselves.",
)
_SIGV4: Final = {"type": "apiKey", "in": "header", "name": "Authorization", "description": "AWS Signature Version 4"}
_STARTS: Final = (b"/devices", b"/tags/")


def operations(backend: Backend) -> tuple[Operation, ...]:
    """Return the rows of what people call."""
    devices, tags = DeviceHandlers(backend), TagHandlers(backend)
    one, tagged = "/devices/{DeviceId}", "/tags/{ResourceArn}"
    return (
        op(
            "POST",
            "/devices",
            name="ProvisionDevice",
            run=devices.provision,
            takes=ProvisionDeviceRequest,
            gives=ProvisionDeviceResponse,
        ),
        op(
            "GET",
            "/devices",
            name="ListDevices",
            run=devices.list_page,
            query=ListDevicesQuery,
            gives=ListDevicesResponse,
        ),
        op("GET", one, name="DescribeDevice", run=devices.describe, gives=DescribeDeviceResponse),
        op(
            "PUT",
            one,
            name="UpdateDeviceMetadata",
            run=devices.update,
            takes=UpdateDeviceMetadataRequest,
            gives=DeviceIdOnly,
        ),
        op("DELETE", one, name="DeleteDevice", run=devices.delete, gives=DeviceIdOnly),
        op("GET", tagged, name="ListTagsForResource", run=tags.list_all, gives=TagsOnly),
        op("POST", tagged, name="TagResource", run=tags.add, takes=TagsOnly, gives=dict[str, str]),
        op("DELETE", tagged, name="UntagResource", run=tags.remove, gives=dict[str, str]),
    )


def provision_device_faces(backend: Backend) -> tuple[Face, Face]:
    """Return the faces; the first has to be asked before that of Groups, which has paths of the same spelling."""
    registration = RegistrationHandlers(backend)
    register = op(
        "POST",
        REGISTER_PATH,
        name="registerProvisionedDevice",
        run=registration.register,
        takes=Registration,
        gives=Registered,
        is_open=True,
    )
    return (
        Face(
            name="provision-device",
            matches=_is_ours,
            routes=PathRoutes(operations(backend), ignore_last_slash=True, optional_prefix=PREFIX),
            errors=ERRORS,
            authenticate=PanoramaCallers(backend.signatures, backend.signers, backend.database).of_call,
            body_limit=64 * 1024,
            request_id_header="x-amzn-requestid",
            document=DOCUMENT,
            tag_of=area_of,
            security_scheme=_SIGV4,
        ),
        Face(
            name="provision-device-registration",
            matches=below(REGISTER_PATH),
            routes=PathRoutes([register]),
            errors=REGISTRATION_ERRORS,
            body_limit=64 * 1024,
            document=DOCUMENT,
            tag_of=area_of,
        ),
    )


def area_of(path: str) -> str:
    """Return what a path is about, for the document."""
    return "registration" if path == REGISTER_PATH else path.split("/")[1]


def _is_ours(scope: Scope) -> bool:
    """Tell whether the path is ours, and a bearer token, which would be for Groups, is not what the caller sends."""
    path: bytes = scope["raw_path"]
    if path.startswith(b"/panorama/"):
        return True
    if not path.startswith(_STARTS):
        return False
    return not any(name == b"authorization" and not value.startswith(b"AWS4-") for name, value in scope["headers"])
