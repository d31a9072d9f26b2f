"""A stack calls back: it proves that it is the one, the role it hands over is tried, and only then is it kept."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.clouds.errors import CloudNotFound, CloudStateForbids, ConnectRefused, EngineFailed
from cloudstead.core.clouds.model import Access, CloudId, CloudState, CloudType
from cloudstead.core.clouds.records import MAX_ERROR_CHARS
from cloudstead.core.clouds.states import CloudEvent, may
from cloudstead.core.clouds.tokens import NewCloudToken, TokenKind, used_for
from cloudstead.core.clouds.work import PROVISION, CloudWork
from cloudstead.core.errors import InvalidField
from cloudstead.core.texts import require_prose

if TYPE_CHECKING:
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.core.clouds.engines import Engines
    from cloudstead.core.clouds.model import Cloud
    from cloudstead.core.clouds.records import CloudRecords
    from cloudstead.core.clouds.tokens import CloudTokens
    from cloudstead.core.unit import Unit

_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/[\w+=,.@/-]{1,512}", re.ASCII)
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_VERSION: Final = re.compile(r"[0-9]{1,9}")
_ADDRESS: Final = re.compile(r"https?://[^\s\x00-\x1f\x7f]{1,2000}")
_STACK: Final = re.compile(r"[\w:/.-]{1,1024}", re.ASCII)
_NAME: Final = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What a stack says of itself."""

    cloud_id: CloudId
    connected: bool = True
    error: str | None = None
    external: str | None = field(default=None, repr=False)
    role_arn: str | None = None
    aws_account: str | None = None
    api: str | None = None
    device_role: str | None = None
    stack: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """The cloud after a call back; ``token`` is there after the first connect, for the cloud to call back later."""

    cloud: Cloud
    token: NewCloudToken | None = field(default=None, repr=False)


class Connecting:
    """Hears stacks that call back."""

    def __init__(self, records: CloudRecords, engines: Engines, tokens: CloudTokens) -> None:
        self._records = records
        self._engines = engines
        self._tokens = tokens

    async def connect(self, actor: Actor, said: Connection) -> Connected:
        """Take note of what a stack says.

        Raise ``CloudNotFound`` for any cloud but the token's, ``InvalidField``, ``ConnectRefused``, ``LaunchOver``,
        ``CloudStateForbids``, and ``EngineFailed`` where the role could not be tried.
        """
        actor.require_sees(said.cloud_id)
        _check(said)
        cloud = await self._records.database.read(lambda unit: self._known(unit, actor, said))
        if said.error:
            moved = await self._records.move(
                actor.caller, cloud.id, CloudEvent.CONNECT_FAILED, error=said.error[:MAX_ERROR_CHARS]
            )
            return Connected(moved)
        if not said.connected:
            return Connected(await self._records.move(actor.caller, cloud.id, CloudEvent.DISCONNECTED))
        if cloud.type is not CloudType.DEDICATED:
            raise CloudStateForbids(cloud.state, "connect")
        external, role_arn = _needed(said.external, "external"), _needed(said.role_arn, "roleArn")
        account = _account_of(role_arn, said.aws_account)
        if cloud.aws_account not in {None, account}:
            raise ConnectRefused("The cloud is connected to another AWS account")
        async with self._records.turn(cloud.id):
            return await self._admit(actor, said, Access(role_arn, external), account)

    async def _admit(self, actor: Actor, said: Connection, access: Access, account: str) -> Connected:
        def look(unit: Unit) -> tuple[Cloud, bool, bool]:
            cloud = self._known(unit, actor, said)
            return cloud, self._is_same(unit, cloud, said, access), self._is_its_own(unit, cloud, said, access)

        cloud, is_same, is_its_own = await self._records.database.read(look)
        if is_same:
            return Connected(cloud)
        if is_its_own:
            return await self._records.database.write(lambda unit: self._renew(unit, actor, said))
        if not may(cloud, CloudEvent.CONNECTED):
            raise CloudStateForbids(cloud.state, CloudEvent.CONNECTED)
        if cloud.state is not CloudState.UPDATING and actor.token is not None:
            used_for(actor.token, said.stack or access.role_arn)  # before anybody is called
        try:
            await self._engines.of(cloud.type).verify(replace(cloud, aws_account=account), access)
        except (ConnectRefused, EngineFailed) as failure:
            await self._records.note_error(cloud.account_id, cloud.id, str(failure))
            raise
        return await self._records.database.write(lambda unit: self._keep(unit, actor, said, access, account))

    def _keep(self, unit: Unit, actor: Actor, said: Connection, access: Access, account: str) -> Connected:
        cloud = self._known(unit, actor, said)
        is_first = cloud.state is not CloudState.UPDATING
        if is_first and actor.token is not None:
            token = unit.cloud_tokens.get(actor.token.id)
            if token is None:
                raise CloudNotFound
            used = used_for(token, said.stack or access.role_arn)
            if used is not token:
                unit.cloud_tokens.replace(used)
        secret = unit.clouds.secret(cloud.id)
        if secret is None:
            raise CloudNotFound
        unit.clouds.put_secret(replace(secret, role_arn=access.role_arn))
        moved = self._records.moved(
            unit, actor.caller, cloud, CloudEvent.CONNECTED, **_kept(said), aws_account=account, error=None
        )
        if not is_first:
            return Connected(moved)
        unit.jobs.add([self._records.job(moved, PROVISION, CloudWork(moved.id).encoded())])
        lasting = self._tokens.make(
            unit,
            actor.caller,
            kind=TokenKind.CLOUD_TO_BUILDER,
            description=f"calls of {moved.name}"[:256],
            cloud_id=moved.id,
        )
        return Connected(moved, lasting)

    def _renew(self, unit: Unit, actor: Actor, said: Connection) -> Connected:
        """Take what the cloud's own stack says of itself after its owner has changed it, or has taken a change back.

        Whatever is being done to the cloud goes on: a stack that is refused here cannot be rolled back any more.
        """
        before = self._known(unit, actor, said)
        after = self._records.clouds.put(unit, before, replace(before, **_kept(said)))
        if after is not before:
            self._records.clouds.trail.changed(unit, actor.caller, "cloud.connect", before, after)
        return Connected(after)

    def _known(self, unit: Unit, actor: Actor, said: Connection) -> Cloud:
        """Return the cloud that the stack belongs to; raise ``CloudNotFound`` and ``ConnectRefused``."""
        cloud = self._records.clouds.get(unit, actor, said.cloud_id)
        if said.external is not None:
            external = self._records.clouds.external(unit, cloud)
            if external is None or not hmac.compare_digest(said.external.encode(), external.encode()):
                raise ConnectRefused("The external id is not that of the cloud")
        token = actor.token
        if token is not None and token.stack is not None and (said.stack or said.role_arn) != token.stack:
            raise ConnectRefused("The launch link was used by another stack")
        return cloud

    def _is_same(self, unit: Unit, cloud: Cloud, said: Connection, access: Access) -> bool:
        """Tell whether the stack says again what is known."""
        return self._is_its_own(unit, cloud, said, access) and all(
            getattr(cloud, name) == value for name, value in _kept(said).items()
        )

    def _is_its_own(self, unit: Unit, cloud: Cloud, said: Connection, access: Access) -> bool:
        """Tell whether it is the cloud's own stack, with the role that was tried, and no update of ours ends."""
        if not cloud.connected or cloud.state in {CloudState.UPDATING, CloudState.REMOVING}:
            return False
        secret = unit.clouds.secret(cloud.id)
        return secret is not None and secret.role_arn == access.role_arn and said.stack in {None, cloud.stack}


def _check(said: Connection) -> None:
    require_prose(said.error, field="error")
    for name, value, form in (
        ("awsAccount", said.aws_account, _ACCOUNT),
        ("api", said.api, _ADDRESS),
        ("deviceRole", said.device_role, _NAME),
        ("stack", said.stack, _STACK),
        ("version", said.version, _VERSION),
    ):
        if value is not None and not form.fullmatch(value):
            raise InvalidField(name, "does not look like one")


def _needed(value: str | None, name: str) -> str:
    if not value:
        raise InvalidField(name, "is needed")
    return value


def _account_of(role_arn: str, aws_account: str | None) -> str:
    match = _ROLE.fullmatch(role_arn)
    if match is None:
        raise InvalidField("roleArn", "is no role of an AWS account")
    if aws_account not in {None, match[1]}:
        raise ConnectRefused("The role is one of another AWS account")
    return match[1]


def _kept(said: Connection) -> dict[str, Any]:
    """Return what goes into the record; what is not said stays as it was."""
    values: dict[str, Any] = {
        "api": said.api,
        "device_role": said.device_role,
        "stack": said.stack,
        "template_version": None if said.version is None else int(said.version),
    }
    return {name: value for name, value in values.items() if value is not None}
