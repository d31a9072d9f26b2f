"""What stacks and clouds say when they call back."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct

from cloudstead.core.clouds.connecting import Connection
from cloudstead.core.clouds.usage import Report, UsageSlice
from cloudstead.dialects.device_clouds.shapes.clouds import cloud_id
from cloudstead.dialects.device_clouds.shapes.words import Maybe, account_of, given
from cloudstead.web.errors import FieldInvalid


class ConnectCloud(Struct, kw_only=True, rename="camel"):
    """A stack tells that it is there, or what became of it. ``token`` is taken and not looked at."""

    api: Maybe[str] = UNSET
    aws_account: Maybe[str] = UNSET
    cloud: Maybe[str] = UNSET
    device_role: Maybe[str] = UNSET
    connected: Maybe[bool] = UNSET
    error: Maybe[str] = UNSET
    external: Maybe[str] = UNSET
    role_arn: Maybe[str] = UNSET
    stack: Maybe[str] = UNSET
    token: Maybe[dict[str, Any]] = UNSET
    version: Maybe[str] = UNSET

    def as_connection(self) -> Connection:
        """Return what is said; raise ``FieldInvalid``."""
        cloud = given(self.cloud)
        if not cloud:
            raise FieldInvalid("cloud", "is missing")
        connected = given(self.connected)
        return Connection(
            cloud_id=cloud_id(cloud),
            connected=True if connected is None else connected,
            error=given(self.error) or None,
            external=given(self.external),
            role_arn=given(self.role_arn),
            aws_account=given(self.aws_account),
            api=given(self.api),
            device_role=given(self.device_role),
            stack=given(self.stack),
            version=given(self.version),
        )


class Usage(Struct, kw_only=True):
    """A part of a report."""

    devices: Maybe[float] = UNSET
    tenants: Maybe[float] = UNSET
    load: Maybe[float] = UNSET


class ReportCloud(Struct, kw_only=True, rename="camel"):
    """What a cloud was used in the present month."""

    account_id: str
    cloud_id: str
    count: Maybe[float] = UNSET
    load: Maybe[float] = UNSET
    usage: Maybe[list[Usage]] = UNSET

    def as_report(self) -> Report:
        """Return what is said."""
        return Report(
            account_id=account_of(self.account_id),
            cloud_id=cloud_id(self.cloud_id),
            count=given(self.count),
            load=given(self.load),
            slices=[
                UsageSlice(given(each.devices) or 0, given(each.tenants) or 0, given(each.load) or 0)
                for each in given(self.usage) or ()
            ],
        )
