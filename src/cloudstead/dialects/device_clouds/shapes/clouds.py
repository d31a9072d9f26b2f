"""Clouds on the wire."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from cloudstead.core.clouds.model import CloudId, CloudType
from cloudstead.core.clouds.registry import CloudChange, erasing
from cloudstead.core.clouds.ulids import id_of, ulid_of
from cloudstead.dialects.device_clouds.shapes.words import Maybe, given, shown, time_text
from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.clouds.model import Cloud
    from cloudstead.core.clouds.ports import Launch
    from cloudstead.core.clouds.tokens import NewCloudToken

TypeWord = Literal["dedicated", "hosted", "host", "local"]


class CloudIdBody(Struct, kw_only=True):
    """A cloud by its id."""

    id: str


class CloudIdWithAccount(Struct, kw_only=True, rename="camel"):
    """A cloud by its id and that of its account."""

    id: str
    account_id: str


class FindCloud(Struct, kw_only=True):
    """The body of a search; everything else stands in the query."""

    id: Maybe[str] = UNSET


class FindHosts(Struct, kw_only=True):
    """Which hosts to list."""

    open: Maybe[bool] = UNSET
    region: Maybe[str] = UNSET


class CreateCloud(Struct, kw_only=True, rename="camel"):
    """A cloud to be made."""

    enable: Maybe[bool] = UNSET
    error: Maybe[str] = UNSET
    external: Maybe[str] = UNSET
    iot_policy: Maybe[str] = UNSET
    name: Maybe[str] = UNSET
    open: Maybe[bool] = UNSET
    region: Maybe[str] = UNSET
    schema: Maybe[dict[str, Any]] = UNSET
    shadows: Maybe[bool] = UNSET
    sync: Maybe[bool] = UNSET
    type: Maybe[TypeWord] = UNSET

    def as_change(self) -> CloudChange:
        """Return what is to be made."""
        return CloudChange(**_changes(self))


class UpdateCloud(CreateCloud, kw_only=True, rename="camel"):
    """What to change of a cloud; ``erase`` names fields to unset."""

    id: str
    attachments: Maybe[dict[str, Any]] = UNSET
    device_role: Maybe[str] = UNSET
    erase: Maybe[dict[str, Any]] = UNSET

    def as_change(self) -> CloudChange:
        """Return what is to be changed; raise ``FieldInvalid`` and ``InvalidField``."""
        if given(self.attachments):
            raise FieldInvalid("attachments", "nothing can be attached to a device cloud")
        erased = erasing([_FROM_WIRE.get(name, name) for name in given(self.erase) or {}])
        changes = _changes(self)
        for name in erased:
            if name in changes:
                raise FieldInvalid("erase", f"{_TO_WIRE.get(name, name)} is set and unset at once")
        return CloudChange(**changes | erased)


class InitCloud(CreateCloud, kw_only=True, rename="camel"):
    """What to blend over the defaults."""

    device_role: Maybe[str] = UNSET


class LaunchAnswer(Struct, kw_only=True, omit_defaults=True):
    """How to start the stack of a cloud; shown once, because it holds the connect token."""

    command: str
    url: str | UnsetType = UNSET
    template: str | UnsetType = UNSET


class TokenText(Struct, kw_only=True):
    """A token, shown once."""

    id: str
    token: str


class CloudAnswer(Struct, kw_only=True, rename="camel"):
    """A cloud. ``launch`` follows creation, ``token`` the first connect; both are shown once."""

    id: str
    account_id: str
    name: str
    type: str
    enable: bool
    connected: bool
    suspended: bool
    shadows: bool
    sync: bool
    quota: dict[str, Any]
    api: str | UnsetType = UNSET
    api_gateway: str | UnsetType = UNSET
    aws_account: str | UnsetType = UNSET
    device_role: str | UnsetType = UNSET
    devices: int | UnsetType = UNSET
    error: str | UnsetType = UNSET
    host: str | UnsetType = UNSET
    hubs: int | UnsetType = UNSET
    iot_policy: str | UnsetType = UNSET
    load: float | UnsetType = UNSET
    open: bool | UnsetType = UNSET
    plan_id: str | UnsetType = UNSET
    progress: str | UnsetType = UNSET
    provisioned: str | UnsetType = UNSET
    region: str | UnsetType = UNSET
    schema: dict[str, Any] | UnsetType = UNSET
    stack: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    tenants: int | UnsetType = UNSET
    trail_bucket: str | UnsetType = UNSET
    user_pool_client: str | UnsetType = UNSET
    user_pool_id: str | UnsetType = UNSET
    version: int | UnsetType = UNSET
    external: str | UnsetType = UNSET
    created: str | UnsetType = UNSET
    updated: str | UnsetType = UNSET
    launch: LaunchAnswer | UnsetType = UNSET
    token: TokenText | UnsetType = UNSET


class CloudPageAnswer(Struct, kw_only=True):
    """A page of clouds."""

    data: list[CloudAnswer]
    next: str | UnsetType = UNSET
    prev: str | UnsetType = UNSET


class HostAnswer(Struct, kw_only=True):
    """A host cloud, as others may see it."""

    name: str
    region: str | UnsetType = UNSET


class HostPage(Struct, kw_only=True):
    """A page of hosts."""

    data: list[HostAnswer]


class BrowserKeysAnswer(Struct, kw_only=True, rename="camel"):
    """Temporary keys for a browser."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires: str
    region: str


class EmptyAnswer(Struct, kw_only=True):
    """Nothing to say."""


_EXTRAS: Final = frozenset({"external", "created", "updated", "launch", "token", "progress"})
TEMPLATE_FIELDS: Final = tuple(
    sorted(each.encode_name for each in msgspec.structs.fields(CloudAnswer) if each.name not in _EXTRAS)
)
"""The fields of the contract, every one of which ``init`` answers."""

FIELDS: Final = frozenset({*TEMPLATE_FIELDS, "progress", "created", "updated"})
"""The fields that conditions may be about; the external id is none, or a condition could guess it."""

_TO_WIRE: Final = {"iot_policy": "iotPolicy", "device_role": "deviceRole", "enabled": "enable", "is_open": "open"}
_FROM_WIRE: Final = {wire: name for name, wire in _TO_WIRE.items()}
_RENAMED: Final = {"enable": "enabled", "open": "is_open"}


def cloud_id(text: str) -> CloudId:
    """Read a cloud's id; what is none is that of no cloud."""
    return CloudId(id_of(text) or "")


def cloud_answer(
    cloud: Cloud, *, is_hidden_shown: bool = False, external: str | None = None, **more: Any
) -> CloudAnswer:
    """Write a cloud; ``is_hidden_shown`` adds when it was made and changed."""
    return CloudAnswer(
        id=ulid_of(cloud.id),
        account_id=ulid_of(cloud.account_id),
        name=cloud.name,
        type=cloud.type.value,
        enable=cloud.enabled,
        connected=cloud.connected,
        suspended=cloud.suspended,
        shadows=cloud.shadows,
        sync=cloud.sync,
        quota=dict(cloud.quota),
        api=shown(cloud.api),
        api_gateway=shown(cloud.api_gateway),
        aws_account=shown(cloud.aws_account),
        device_role=shown(cloud.device_role),
        devices=shown(cloud.devices),
        error=shown(cloud.error),
        host=shown(cloud.host),
        hubs=shown(cloud.hubs),
        iot_policy=shown(cloud.iot_policy),
        load=shown(cloud.load),
        open=shown(cloud.is_open),
        plan_id=shown(cloud.plan_id),
        progress=shown(cloud.progress),
        provisioned=UNSET if cloud.provisioned_at_ms is None else time_text(cloud.provisioned_at_ms),
        region=shown(cloud.region),
        schema=UNSET if cloud.schema is None else dict(cloud.schema),
        stack=shown(cloud.stack),
        status=shown(cloud.status),
        tenants=shown(cloud.tenants),
        trail_bucket=shown(cloud.trail_bucket),
        user_pool_client=shown(cloud.user_pool_client),
        user_pool_id=shown(cloud.user_pool),
        version=shown(cloud.template_version),
        external=shown(external),
        created=time_text(cloud.created_at_ms) if is_hidden_shown else UNSET,
        updated=time_text(cloud.updated_at_ms) if is_hidden_shown else UNSET,
        **more,
    )


def described(cloud: Cloud) -> Mapping[str, Any]:
    """Return a cloud as conditions see it: by the names and in the forms of the wire."""
    made: dict[str, Any] = msgspec.to_builtins(cloud_answer(cloud, is_hidden_shown=True))
    return made


def template(cloud: Cloud) -> dict[str, Any]:
    """Write an unsaved cloud: every field of the contract, null where there is no default."""
    made: dict[str, Any] = msgspec.to_builtins(cloud_answer(replace(cloud, id=CloudId("0" * 32))))
    made |= {"id": None, "name": cloud.name or None}
    return {name: made.get(name) for name in TEMPLATE_FIELDS}


def launch_answer(launch: Launch) -> LaunchAnswer:
    """Write how to start a stack."""
    return LaunchAnswer(command=launch.command, url=shown(launch.url), template=shown(launch.template))


def token_text(made: NewCloudToken) -> TokenText:
    """Write a token that was just made."""
    return TokenText(id=ulid_of(made.token.id), token=made.text)


def _changes(body: CreateCloud) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for each in msgspec.structs.fields(body):
        if each.name in {"id", "attachments", "erase"}:
            continue
        value = given(getattr(body, each.name))
        if value is not None:
            changes[_RENAMED.get(each.name, each.name)] = CloudType(value) if each.name == "type" else value
    return changes
