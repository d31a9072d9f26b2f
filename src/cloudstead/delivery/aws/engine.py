"""The engine of dedicated clouds: each lives in the AWS account of its owner, and is reached through one role there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from cloudstead.core.clouds.errors import ConnectRefused, EngineFailed
from cloudstead.core.clouds.model import TEMPLATE_VERSION, CloudType, StackStatus
from cloudstead.core.clouds.ports import BrowserKeys, EnrolledDevice, Launch, Provisioned, Removed, StackLook
from cloudstead.core.clouds.ulids import ulid_of
from cloudstead.core.errors import InvalidField
from cloudstead.delivery.aws import steps, things
from cloudstead.delivery.aws.calls import LONGEST_S, AwsRefused
from cloudstead.delivery.aws.template import (
    CAPABILITIES,
    OWNER_PARAMETER,
    VERSION_PARAMETER,
    launch_of,
    parameters,
    stack_name,
    template_body,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.model import Access, Cloud
    from cloudstead.core.clouds.ports import DeviceToEnrol, Measured, Tell
    from cloudstead.delivery.aws.calls import Aws, Reach
    from cloudstead.delivery.aws.steps import Stack

_BEING_DELETED: Final = "DELETE_IN_PROGRESS"
_KEPT: Final = ("DataBucketName", "DeviceTableName", "TrailBucketName", "UserPoolId", "StackRoleArn")
_LOOKS: Final = 24
_LOOKS_EVERY_S: Final = 5.0
_NO_KEYS: Final = frozenset({"InvalidClientTokenId", "ExpiredToken", "ExpiredTokenException"})
_NOTHING_TO_DO: Final = "No updates are to be performed"
_LOST: Final = "The role lets us in no more: what is left in the AWS account is its owner's to remove"


class AwsEngine:
    """Makes dedicated clouds (``core.clouds.ports.Engine``)."""

    types: Collection[CloudType] = frozenset({CloudType.DEDICATED})
    has_stacks = True

    def __init__(
        self,
        aws: Aws,
        clock: Clock,
        *,
        builder_account: str,
        connect_url: Callable[[], str],
        api_url: Callable[[], str],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        template_url: str | None = None,
    ) -> None:
        """``builder_account`` is the operator's.

        ``connect_url`` tells where stacks call back, and ``api_url`` where their devices enrol.
        ``template_url`` is an address in S3 where the template lies; without one the owner gets the file.
        """
        self._aws = aws
        self._clock = clock
        self._builder_account = builder_account
        self._connect_url = connect_url
        self._api_url = api_url
        self._pause = pause
        self._template_url = template_url

    def admit(self, cloud: Cloud) -> None:
        """Raise ``InvalidField`` for a cloud in no region of AWS."""
        if cloud.region is None:
            raise InvalidField("region", "is needed for a dedicated cloud")
        if cloud.region not in self._aws.regions():
            raise InvalidField("region", "is none of AWS")

    def launch(self, cloud: Cloud, *, external: str, token: str) -> Launch | None:
        """Return how the owner starts the stack."""
        given = parameters(
            cloud,
            external=external,
            token=token,
            builder_account=self._builder_account,
            connect_url=self._connect_url(),
        )
        return launch_of(cloud, _region(cloud), given, template_url=self._template_url)

    async def verify(self, cloud: Cloud, access: Access) -> None:
        """Return when the role lets us in with the external id, and lets nobody in without it."""
        try:
            keys = await self._aws.assume(access, _region(cloud))
            told = await self._aws.reach(keys, _region(cloud)).call("sts", "get_caller_identity")
        except AwsRefused as refusal:
            if not refusal.is_denial:
                raise EngineFailed(f"The role could not be tried. {refusal}") from None
            raise ConnectRefused(f"The role cannot be assumed. {refusal}") from None
        if told["Account"] != cloud.aws_account:
            raise ConnectRefused("The role leads into another AWS account")
        try:
            await self._aws.assume_as_anybody(access, _region(cloud))
        except AwsRefused as refusal:
            if refusal.is_denial:
                return
            raise EngineFailed(f"It could not be tried whether the role is safe. {refusal}") from None
        raise ConnectRefused(
            "The role can be assumed without the external id: anybody who knows its name could make us use it. Its "
            "trust policy has to demand sts:ExternalId"
        )

    async def provision(self, cloud: Cloud, access: Access | None, tell: Tell) -> Provisioned:
        """Make all that the cloud needs in the account, and try it."""
        async with self._reach(cloud, access) as reach:
            return await steps.provision(reach, cloud, tell, api=self._api_url())

    async def update(self, cloud: Cloud, access: Access | None) -> StackLook:
        """Begin to bring the stack to the current template."""
        async with self._reach(cloud, access) as reach:
            stack = await steps.look_at_stack(reach, cloud)
            if stack is None:
                raise EngineFailed("The stack of the cloud is not there", is_final=True)
            kept = [
                {"ParameterKey": name, "UsePreviousValue": True}
                for name in stack.parameters
                if name != VERSION_PARAMETER
            ]
            new = [{"ParameterKey": VERSION_PARAMETER, "ParameterValue": str(TEMPLATE_VERSION)}]
            if OWNER_PARAMETER not in stack.parameters:  # made before the template had it
                new.append({"ParameterKey": OWNER_PARAMETER, "ParameterValue": ulid_of(cloud.account_id)})
            try:
                await reach.call(
                    "cloudformation",
                    "update_stack",
                    StackName=stack.id,
                    Parameters=[*kept, *new],
                    Capabilities=list(CAPABILITIES),
                    # Not its address: the customer's role has no business in the operator's bucket.
                    TemplateBody=template_body(),
                    **_in_its_name(stack),
                )
            except AwsRefused as refusal:
                if _NOTHING_TO_DO in refusal.message:
                    return StackLook(status=StackStatus.UPDATE_COMPLETE, template_version=TEMPLATE_VERSION)
                if StackStatus.UPDATE_IN_PROGRESS not in refusal.message:  # begun, and cut off before it was noted
                    raise
            try:
                return await self._look(reach, cloud)
            except (AwsRefused, EngineFailed):  # it has begun all the same, and a job looks again
                return StackLook(status=StackStatus.UPDATE_IN_PROGRESS)

    async def look(self, cloud: Cloud, access: Access | None) -> StackLook:
        """Return how the stack stands."""
        async with self._reach(cloud, access) as reach:
            return await self._look(reach, cloud)

    async def remove(self, cloud: Cloud, access: Access | None, tell: Tell) -> Removed:
        """Take down everything but what holds data."""
        if access is None:
            return Removed(notes={"stack": "was never connected"})
        try:
            async with self._reach(cloud, access) as reach:
                return await self._take_down(reach, cloud, tell)
        except _RoleLost:
            return Removed(notes={"role": _LOST})

    async def browser_keys(self, cloud: Cloud, access: Access | None, caller: Caller) -> BrowserKeys:
        """Return temporary keys that may read metrics and what devices have sent."""
        del caller
        try:
            keys = await self._aws.assume(
                _needed(access), _region(cloud), seconds=LONGEST_S, policy=steps.browser_policy(cloud)
            )
        except AwsRefused as refusal:
            raise refusal.as_failure() from None
        return BrowserKeys(
            access_key_id=keys.access_key_id,
            secret_access_key=keys.secret_access_key,
            session_token=keys.session_token,
            expires_at_ms=keys.expires_at_ms,
            region=_region(cloud),
        )

    async def enrol(self, cloud: Cloud, access: Access | None, device: DeviceToEnrol) -> EnrolledDevice:
        """Return the thing and a new certificate of a device."""
        async with self._reach(cloud, access) as reach:
            return await things.enrol(reach, cloud, claim_id=device.id, policy=_policy(cloud))

    async def release(self, cloud: Cloud, access: Access | None, device: DeviceToEnrol) -> None:
        """Tell the device that it is released, and withdraw its certificates and its thing."""
        if access is None:
            return
        try:
            async with self._reach(cloud, access) as reach:
                await things.tell_release(reach, device.id, now_ms=self._clock.millis())
                await things.withdraw(reach, device.id, _policy(cloud))
        except _RoleLost:
            return  # ``remove`` says so, and nobody can take anything down any more

    async def measure(self, cloud: Cloud, *, since_ms: int, until_ms: int) -> Measured | None:
        """Dedicated clouds report by themselves."""
        del cloud, since_ms, until_ms
        return None

    @asynccontextmanager
    async def _reach(self, cloud: Cloud, access: Access | None) -> AsyncIterator[Reach]:
        """Enter the customer's account; refusals leave as ``EngineFailed``."""
        region = _region(cloud)
        try:
            keys = await self._aws.assume(_needed(access), region)
        except AwsRefused as refusal:
            failure = refusal.as_failure()
            raise (_RoleLost(failure.reason) if refusal.is_denial else failure) from None
        try:
            yield self._aws.reach(keys, region)
        except AwsRefused as refusal:
            raise refusal.as_failure() from None

    async def _look(self, reach: Reach, cloud: Cloud) -> StackLook:
        stack = await steps.look_at_stack(reach, cloud)
        if stack is None:
            return StackLook(status="DELETE_COMPLETE", reason="The stack is gone")
        return StackLook(status=stack.status, reason=stack.reason, template_version=stack.version)

    async def _take_down(self, reach: Reach, cloud: Cloud, tell: Tell) -> Removed:
        await tell("Taking down what AWS IoT holds")
        stack = await steps.look_at_stack(reach, cloud)
        if stack is None:
            await steps.remove_parts(reach, cloud)
            return Removed(notes={"stack": "was gone already"})
        if stack.status != _BEING_DELETED:
            await steps.remove_parts(reach, cloud)
            await tell("Deleting the stack")
            await reach.call("cloudformation", "delete_stack", StackName=stack.id, **_in_its_name(stack))
        retained = [stack.outputs[each] for each in _KEPT if each in stack.outputs]
        return Removed(retained=retained, notes=await self._see_it_go(reach, cloud, tell))

    async def _see_it_go(self, reach: Reach, cloud: Cloud, tell: Tell) -> dict[str, str]:
        """Return when the stack is gone, with what is to be said of it."""
        await tell("Waiting until the stack is gone")
        for _ in range(_LOOKS):
            try:
                stack = await steps.look_at_stack(reach, cloud)
            except AwsRefused as refusal:
                if not refusal.is_denial and refusal.code not in _NO_KEYS:
                    raise
                return {"stack": "is being deleted, and our role with it: its owner sees the rest"}
            if stack is None:
                return {}
            if stack.status != _BEING_DELETED:
                reason = stack.reason or "see its events"
                raise EngineFailed(f"The stack could not be deleted, it is {stack.status}: {reason}")
            await self._pause(_LOOKS_EVERY_S)
        raise EngineFailed("The stack is still being deleted")


class _RoleLost(EngineFailed):
    """The role may not be assumed any more."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, is_final=True)


def _region(cloud: Cloud) -> str:
    if cloud.region is None:
        raise EngineFailed("The cloud has no region", is_final=True)
    return cloud.region


def _in_its_name(stack: Stack) -> dict[str, str]:
    """Return with whose rights CloudFormation works on the stack: ours are none over what it holds."""
    role = stack.outputs.get("StackRoleArn")
    return {} if role is None else {"RoleARN": role}


def _needed(access: Access | None) -> Access:
    if access is None:
        raise EngineFailed("The stack of the cloud has not called back yet", is_final=True)
    return access


def _policy(cloud: Cloud) -> str:
    return cloud.iot_policy or stack_name(cloud)
