"""The operations of device clouds, each in both of its places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.clouds.actor import ADMINISTER, BE_DEVICE, CALL_BACK, CLAIM, READ, REGISTER_DEVICE, SERVE
from cloudstead.dialects.device_clouds.auth import CloudActors
from cloudstead.dialects.device_clouds.errors import ERRORS
from cloudstead.dialects.device_clouds.handlers.clouds import CloudHandlers
from cloudstead.dialects.device_clouds.handlers.devices import DeviceHandlers
from cloudstead.dialects.device_clouds.handlers.life_cycle import InvokeQuery, LifeCycleHandlers
from cloudstead.dialects.device_clouds.handlers.tokens import TokenHandlers
from cloudstead.dialects.device_clouds.paging import FindQuery, IdPageQuery
from cloudstead.dialects.device_clouds.rows import PEOPLE, TOKENS, twins
from cloudstead.dialects.device_clouds.shapes import calls, clouds, devices, tokens
from cloudstead.web.face import CorsPolicy, Document, Face, below
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.access.permissions import Permission
    from cloudstead.dialects.device_clouds.ports import Backend
    from cloudstead.web.table import Operation

DOCUMENT: Final = Document(
    name="device-clouds",
    title="Device clouds",
    version="1",
    summary=(
        "Device clouds, here and in AWS. People send a login token and an Origin header to /api, "
        "programs a token of their own kind to /api/tok."
    ),
)

_SECURITY: Final = {"type": "apiKey", "in": "header", "name": "Authorization"}
_CORS: Final = CorsPolicy(allowed_headers=("authorization", "content-type"), exposed_headers=("x-request-id",))


def operations(backend: Backend) -> tuple[Operation, ...]:
    """Return the rows."""
    return tuple(twins((*_clouds(backend), *_life_cycle(backend), *_tokens(backend), *_devices(backend))))


def device_clouds_face(backend: Backend) -> Face:
    """Return the face of everything below ``/api/``."""
    actors = CloudActors(
        backend.callers,
        backend.database,
        clock=backend.clock,
        service_tokens=backend.service_tokens,
        own_names=backend.own_names,
    )
    return Face(
        name="device-clouds",
        matches=below("/api/"),
        routes=PathRoutes(operations(backend), ignore_last_slash=True),
        errors=ERRORS,
        authenticate=actors.of_call,
        cors=_CORS,
        document=DOCUMENT,
        tag_of=area_of,
        security_scheme=_SECURITY,
    )


def area_of(path: str) -> str:
    """Return what a path is about, for the document: its noun, and whether it is the place for tokens."""
    if path.startswith(f"{TOKENS}/"):
        return f"{path.removeprefix(TOKENS).split('/')[1]}, by token"
    return path.removeprefix(PEOPLE).split("/")[1]


def _post(path: str, *, name: str, run: Any, permission: Permission, **more: Any) -> Operation:
    return op("POST", path, name=name, run=run, permission=permission, **more)


def _clouds(backend: Backend) -> Sequence[Operation]:
    run = CloudHandlers(backend)
    one, many = clouds.CloudAnswer, clouds.CloudPageAnswer
    return (
        _post(
            "/cloud/create",
            name="cloudCreate",
            run=run.create,
            permission=ADMINISTER,
            takes=clouds.CreateCloud,
            gives=one,
        ),
        _post(
            "/cloud/find",
            name="cloudFind",
            run=run.find,
            permission=READ,
            takes=clouds.FindCloud,
            gives=many,
            query=FindQuery,
        ),
        _post("/cloud/get", name="cloudGet", run=run.get, permission=READ, takes=clouds.CloudIdBody, gives=one),
        _post(
            "/cloud/init", name="cloudInit", run=run.init, permission=READ, takes=clouds.InitCloud, gives=dict[str, Any]
        ),
        _post(
            "/cloud/update",
            name="cloudUpdate",
            run=run.update,
            permission=ADMINISTER,
            takes=clouds.UpdateCloud,
            gives=one,
        ),
        _post(
            "/cloud/getHosts",
            name="cloudGetHosts",
            run=run.hosts,
            permission=ADMINISTER,
            takes=clouds.FindHosts,
            gives=clouds.HostPage,
        ),
        _post(
            "/cloud/suspend",
            name="cloudSuspend",
            run=run.suspend,
            permission=ADMINISTER,
            takes=clouds.CloudIdWithAccount,
            gives=one,
        ),
        _post(
            "/cloud/resume",
            name="cloudResume",
            run=run.resume,
            permission=ADMINISTER,
            takes=clouds.CloudIdWithAccount,
            gives=one,
        ),
    )


def _life_cycle(backend: Backend) -> Sequence[Operation]:
    run = LifeCycleHandlers(backend)
    by_id, with_account = clouds.CloudIdBody, clouds.CloudIdWithAccount
    one, empty = clouds.CloudAnswer, clouds.EmptyAnswer
    return (
        _post(
            "/cloud/provision",
            name="cloudProvision",
            run=run.provision,
            permission=ADMINISTER,
            takes=by_id,
            gives=one,
            query=InvokeQuery,
        ),
        _post(
            "/cloud/provisionAsync",
            name="cloudProvisionAsync",
            run=run.provision_async,
            permission=SERVE,
            takes=with_account,
            gives=one,
        ),
        _post(
            "/cloud/remove",
            name="cloudRemove",
            run=run.remove,
            permission=ADMINISTER,
            takes=by_id,
            gives=empty,
            query=InvokeQuery,
        ),
        _post(
            "/cloud/removeAsync",
            name="cloudRemoveAsync",
            run=run.remove_async,
            permission=SERVE,
            takes=with_account,
            gives=empty,
        ),
        _post(
            "/cloud/updateStack",
            name="cloudUpdateStack",
            run=run.update_stack,
            permission=ADMINISTER,
            takes=by_id,
            gives=one,
        ),
        _post(
            "/cloud/waitForTemplate",
            name="cloudWaitForTemplate",
            run=run.wait_for_template,
            permission=ADMINISTER,
            takes=by_id,
            gives=one,
        ),
        _post(
            "/cloud/connect",
            name="cloudConnect",
            run=run.connect,
            permission=CALL_BACK,
            takes=calls.ConnectCloud,
            gives=one,
        ),
        _post(
            "/cloud/report",
            name="cloudReport",
            run=run.report,
            permission=CALL_BACK,
            takes=calls.ReportCloud,
            gives=empty,
        ),
        _post(
            "/cloud/getBrowserKeys",
            name="cloudGetBrowserKeys",
            run=run.browser_keys,
            permission=READ,
            takes=by_id,
            gives=clouds.BrowserKeysAnswer,
        ),
    )


def _tokens(backend: Backend) -> Sequence[Operation]:
    run = TokenHandlers(backend)
    return (
        _post(
            "/token/create",
            name="tokenCreate",
            run=run.create,
            permission=ADMINISTER,
            takes=tokens.CreateToken,
            gives=tokens.TokenAnswer,
        ),
        _post(
            "/token/find",
            name="tokenFind",
            run=run.find,
            permission=ADMINISTER,
            gives=tokens.TokenPage,
            query=IdPageQuery,
        ),
        _post(
            "/token/action",
            name="tokenAction",
            run=run.act,
            permission=ADMINISTER,
            takes=tokens.TokenActionBody,
            gives=tokens.TokenAnswer,
        ),
    )


def _devices(backend: Backend) -> Sequence[Operation]:
    run = DeviceHandlers(backend)
    one = devices.DeviceAnswer
    return (
        _post(
            "/device/register",
            name="deviceRegister",
            run=run.register,
            permission=REGISTER_DEVICE,
            takes=devices.RegisterDevice,
            gives=devices.RegisteredAnswer,
        ),
        _post(
            "/device/provision",
            name="deviceProvision",
            run=run.provision,
            permission=BE_DEVICE,
            gives=devices.ProvisionedAnswer,
        ),
        _post(
            "/provision/getCerts",
            name="provisionGetCerts",
            run=run.provision,
            permission=BE_DEVICE,
            gives=devices.ProvisionedAnswer,
        ),
        _post("/device/get", name="deviceGet", run=run.get, permission=READ, takes=devices.DeviceBody, gives=one),
        _post(
            "/device/find",
            name="deviceFind",
            run=run.find,
            permission=READ,
            takes=devices.FindDevices,
            gives=devices.DevicePage,
            query=IdPageQuery,
        ),
        _post(
            "/device/claim", name="deviceClaim", run=run.claim, permission=CLAIM, takes=devices.ClaimDevice, gives=one
        ),
        _post(
            "/device/release",
            name="deviceRelease",
            run=run.release,
            permission=CLAIM,
            takes=devices.DeviceBody,
            gives=one,
        ),
        _post(
            "/device/remove",
            name="deviceRemove",
            run=run.remove,
            permission=ADMINISTER,
            takes=devices.DeviceBody,
            gives=clouds.EmptyAnswer,
        ),
        _post(
            "/device/block",
            name="deviceBlock",
            run=run.block,
            permission=ADMINISTER,
            takes=devices.BlockDevice,
            gives=one,
        ),
    )
