"""One way to call AWS: bounded in time, off the event loop, refusals in words.

boto3 blocks, so each call runs in a thread. Its own retries are few; jobs are tried again with pauses anyway.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from cloudstead.core.clouds.errors import EngineFailed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from concurrent.futures import Executor

    from boto3.session import Session

    from cloudstead.core.clouds.model import Access

SESSION_NAME: Final = "cloudstead"
SHORTEST_S: Final = 900  # STS, AssumeRole: no role lasts for less
LONGEST_S: Final = 3600  # likewise: an hour at most where one role assumes another

_CONFIG: Final = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedException", "UnauthorizedOperation"})
_FINAL: Final = _DENIED | {"ValidationError", "ValidationException", "InvalidRequestException", "MalformedPolicy"}
_SERVICES: Final[Mapping[str, str]] = {
    "cloudformation": "CloudFormation",
    "cloudtrail": "CloudTrail",
    "cognito-idp": "Cognito",
    "dynamodb": "DynamoDB",
    "iot": "AWS IoT",
    "iot-data": "AWS IoT",
    "s3": "S3",
    "sts": "STS",
}


class AwsRefused(Exception):
    """AWS answered with an error; ``code`` is its name there, such as ``ResourceAlreadyExistsException``."""

    def __init__(self, service: str, operation: str, code: str, message: str) -> None:
        super().__init__(f"{_SERVICES.get(service, service)} refused {operation}: {message or code}")
        self.code = code
        self.message = message

    @property
    def is_denial(self) -> bool:
        """Whether the role may not do it."""
        return self.code in _DENIED

    def as_failure(self) -> EngineFailed:
        """Return the same for the owner of the cloud."""
        return EngineFailed(str(self)[:900], is_final=self.code in _FINAL)


@dataclass(frozen=True, slots=True)
class Keys:
    """Temporary keys."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at_ms: int


class Aws:
    """The operator's own way into AWS."""

    def __init__(self, session: Session, *, executor: Executor, endpoint_url: str | None = None) -> None:
        """``session`` holds the operator's credentials; ``endpoint_url`` is for whatever stands in for AWS."""
        self._session = session
        self._executor = executor
        self._endpoint_url = endpoint_url

    def regions(self) -> Collection[str]:
        """Return the regions that have CloudFormation, as this release of boto3 knows them; nothing is called."""
        known: list[str] = self._session.get_available_regions("cloudformation")
        return known

    async def own_account(self) -> str:
        """Return the number of the operator's account; raise ``EngineFailed``."""
        try:
            told = await self.run(self.client("sts", None, "us-east-1"), "sts", "get_caller_identity", {})
        except AwsRefused as refusal:
            raise refusal.as_failure() from None
        return str(told["Account"])

    async def assume(
        self, access: Access, region: str, *, seconds: int = SHORTEST_S, policy: str | None = None
    ) -> Keys:
        """Return keys of the customer's role; raise ``AwsRefused`` and ``EngineFailed``."""
        return await self._assume(
            region, access.role_arn, {"ExternalId": access.external}, seconds=seconds, policy=policy
        )

    async def assume_as_anybody(self, access: Access, region: str) -> Keys:
        """Try the role without the external id, which has to be refused."""
        return await self._assume(region, access.role_arn, {}, seconds=SHORTEST_S, policy=None)

    def reach(self, keys: Keys, region: str) -> Reach:
        """Return the way into the customer's account."""
        return Reach(self, keys, region)

    @property
    def is_stand_in(self) -> bool:
        """Whether something stands in for AWS, at one address for all services."""
        return self._endpoint_url is not None

    def client(self, service: str, keys: Keys | None, region: str, *, host: str | None = None) -> Any:
        """Return a client, of an own ``host`` where the account has one; the first call makes it, in its thread."""
        own = {}
        if keys is not None:
            own = {
                "aws_access_key_id": keys.access_key_id,
                "aws_secret_access_key": keys.secret_access_key,
                "aws_session_token": keys.session_token,
            }
        address = self._endpoint_url or (None if host is None else f"https://{host}")
        return _Lazy(self._session, service, region, address, own)

    async def run(self, client: Any, service: str, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Call in a thread; raise ``AwsRefused`` and ``EngineFailed``."""
        loop = asyncio.get_running_loop()
        try:
            told: dict[str, Any] = await loop.run_in_executor(self._executor, lambda: client.call(operation, given))
        except ClientError as error:
            said = error.response.get("Error", {})
            raise AwsRefused(service, operation, str(said.get("Code", "")), str(said.get("Message", ""))) from None
        except (NoCredentialsError, PartialCredentialsError):
            raise EngineFailed("This installation has no AWS credentials: its operator has to give it some") from None
        except BotoCoreError as error:
            name = _SERVICES.get(service, service)
            raise EngineFailed(f"{name} cannot be reached ({type(error).__name__})") from None
        return told

    async def _assume(
        self, region: str, role_arn: str, proof: Mapping[str, str], *, seconds: int, policy: str | None
    ) -> Keys:
        given: dict[str, Any] = {
            "RoleArn": role_arn,
            "RoleSessionName": SESSION_NAME,
            "DurationSeconds": seconds,
            **proof,
        }
        if policy is not None:
            given["Policy"] = policy
        told = (await self.run(self.client("sts", None, region), "sts", "assume_role", given))["Credentials"]
        return Keys(
            told["AccessKeyId"],
            told["SecretAccessKey"],
            told["SessionToken"],
            int(told["Expiration"].timestamp() * 1000),
        )


class _Lazy:
    """A client that is made by the first call, in its thread."""

    def __init__(
        self, session: Session, service: str, region: str, endpoint_url: str | None, keys: Mapping[str, str]
    ) -> None:
        self._session = session
        self._given = {
            "service_name": service,
            "region_name": region,
            "endpoint_url": endpoint_url,
            "config": _CONFIG,
            **keys,
        }
        self._client: Any = None

    def call(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Call and return the answer."""
        if self._client is None:
            self._client = self._session.client(**self._given)
        told: dict[str, Any] = getattr(self._client, operation)(**given)
        return told


class Reach:
    """The customer's account in one region, for the length of one job. One call at a time."""

    def __init__(self, aws: Aws, keys: Keys, region: str) -> None:
        self._aws = aws
        self._keys = keys
        self.region = region
        self._clients: dict[str, Any] = {}
        self._data_host: str | None = None

    async def call(self, service: str, operation: str, **given: Any) -> dict[str, Any]:
        """Call; raise ``AwsRefused`` and ``EngineFailed``."""
        client = self._clients.get(service)
        if client is None:
            # Every account has a host of its own for messages; the one that boto3 would guess is nobody's.
            host = await self.data_host() if service == "iot-data" and not self._aws.is_stand_in else None
            client = self._clients[service] = self._aws.client(service, self._keys, self.region, host=host)
        return await self._aws.run(client, service, operation, given)

    async def data_host(self) -> str:
        """Return where the devices of the account connect, and where messages to them are handed in."""
        if self._data_host is None:
            told = await self.call("iot", "describe_endpoint", endpointType="iot:Data-ATS")
            self._data_host = str(told["endpointAddress"])
        return self._data_host

    async def call_unless(
        self, gone: Collection[str], service: str, operation: str, **given: Any
    ) -> dict[str, Any] | None:
        """Call; ``None`` for a refusal by one of these names."""
        try:
            return await self.call(service, operation, **given)
        except AwsRefused as refusal:
            if refusal.code in gone:
                return None
            raise
