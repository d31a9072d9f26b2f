"""A device cloud: the record, what it may be, and what is kept apart from it because it opens doors."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - storage reads these annotations when it makes a record
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NewType

from cloudstead.core.ids import AccountId, PersonId  # noqa: TC001 - likewise

CloudId = NewType("CloudId", str)

TEMPLATE_VERSION: Final = 2
"""The version of the stack that a cloud is made with today; ``updateStack`` brings older ones to it."""


class CloudType(StrEnum):
    """Where a cloud runs ("Device clouds", types)."""

    DEDICATED = "dedicated"  # in the customer's own AWS account
    HOSTED = "hosted"  # on a host cloud
    HOST = "host"  # shared, carries hosted ones
    LOCAL = "local"  # on this installation


class CloudState(StrEnum):
    """Where a cloud stands. On the wire it is seen by ``status``, ``connected`` and ``error`` only."""

    DRAFT = "draft"
    LAUNCHING = "launching"
    CONNECTED = "connected"
    PROVISIONING = "provisioning"
    READY = "ready"
    UPDATING = "updating"
    DISCONNECTED = "disconnected"
    ERROR = "error"
    REMOVING = "removing"


class StackStatus(StrEnum):
    """Words of CloudFormation, used for every type of cloud."""

    REVIEW_IN_PROGRESS = "REVIEW_IN_PROGRESS"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_COMPLETE = "UPDATE_COMPLETE"
    UPDATE_ROLLBACK_COMPLETE = "UPDATE_ROLLBACK_COMPLETE"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A device cloud of an account.

    ``tenant_id`` is the account that a local or hosted cloud lives in, from its provisioning on. ``devices``,
    ``tenants`` and ``load`` are those of the last monthly report, no live counts. ``progress`` says in words what is
    being done right now, ``error`` what failed last. ``enabled`` and ``suspended`` are switches beside the state.
    ``created_by`` is the person who asked for the cloud; ``None`` where a token did.
    """

    id: CloudId
    account_id: AccountId
    name: str
    type: CloudType
    state: CloudState
    created_at_ms: int
    updated_at_ms: int
    created_by: PersonId | None = None
    region: str | None = None
    enabled: bool = True
    suspended: bool = False
    connected: bool = False
    status: str | None = None
    error: str | None = None
    progress: str | None = None
    host: str | None = None
    is_open: bool | None = None
    api: str | None = None
    api_gateway: str | None = None
    aws_account: str | None = None
    device_role: str | None = None
    iot_policy: str | None = None
    schema: Mapping[str, Any] | None = None
    shadows: bool = True
    sync: bool = False
    stack: str | None = None
    template_version: int | None = None
    plan_id: str | None = None
    quota: Mapping[str, Any] = field(default_factory=dict)
    provisioned_at_ms: int | None = None
    user_pool: str | None = None
    user_pool_client: str | None = None
    trail_bucket: str | None = None
    devices: int | None = None
    hubs: int | None = None
    tenants: int | None = None
    load: float | None = None
    tenant_id: AccountId | None = None


@dataclass(frozen=True, slots=True)
class CloudSecret:
    """What proves the cloud to us and us to the cloud; apart from the record, which is shown.

    ``sealed_external`` is the external id that the customer's role demands of us, ``role_arn`` that role.
    """

    cloud_id: CloudId
    sealed_external: bytes = field(repr=False)
    role_arn: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """The way into the customer's account: the role to assume and the external id that it demands."""

    role_arn: str
    external: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyUsage:
    """What a cloud reported for one calendar month; ``month`` is ``2026-01``, ``count`` as it was sent."""

    cloud_id: CloudId
    account_id: AccountId
    month: str
    devices: int
    tenants: int
    load: float
    count: float | None
    reported_at_ms: int
