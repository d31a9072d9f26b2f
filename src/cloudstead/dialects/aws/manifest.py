"""The manifest: where clients of an account find its functions, buckets and addresses (Cloud Connect 2.11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from cloudstead.dialects.aws import names

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.dialects.aws.accounts import Accounts
    from cloudstead.web.call import Call


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What the installation tells its clients about itself. ``public_url`` has no slash at its end.

    ``thing_event_url`` is that of the Socket.IO service, empty where it is off.
    """

    region: str
    public_url: str
    iot_host: str
    thing_event_url: str
    revision: str


class ManifestQuery(msgspec.Struct):
    """The query of the manifest: the host name of the application, or the account's number and its stack."""

    hostname: str | None = None
    account: str | None = None
    env: str | None = None


class Manifest:
    """Serves the manifest. Whatever is unknown answers ``{}``."""

    def __init__(self, accounts: Accounts, endpoints: Endpoints) -> None:
        self._accounts = accounts
        self._endpoints = endpoints

    async def by_host(self, call: Call[None]) -> dict[str, str]:
        """Return the manifest of the account that answers to a host name."""
        asked = call.options(ManifestQuery).hostname
        host = call.host if asked is None else asked.strip().lower().partition(":")[0]
        account = await self._accounts.by_host(host)
        return {} if account is None else manifest_of(account, self._endpoints)

    async def by_number(self, call: Call[None]) -> dict[str, str]:
        """Return the manifest of the account with a number and a stack."""
        asked = call.options(ManifestQuery)
        account = await self._accounts.by_number(asked.account or "")
        if account is None or account.stack != asked.env:
            return {}
        return manifest_of(account, self._endpoints)


def manifest_of(account: Account, endpoints: Endpoints) -> dict[str, str]:
    """Return the manifest of an account; every value is text, as clients of Cloud Connect 2.11 expect."""
    functions = {name: names.physical_function(account, name) for name in names.LAMBDAS}
    buckets = {name: names.bucket(account, name) for name in names.BUCKETS}
    # The last group stands for parts of the hosted service that have no counterpart here; clients only look at whether
    # the keys exist.
    return {
        **functions,
        **buckets,
        "AccountNumber": account.number,
        "Env": account.stack,
        "IdentityPool": f"{endpoints.region}:{account.identity_pool}",
        "IotEndpoint": endpoints.iot_host,
        "IotEndpointATS": endpoints.iot_host,
        "Protocol": urlsplit(endpoints.public_url).scheme,
        "Region": endpoints.region,
        "Rev": endpoints.revision,
        "StackName": account.stack,
        "ThingEvent": endpoints.thing_event_url,
        "UserPool": f"{endpoints.region}_{account.user_pool}",
        "UserPoolClient": account.user_pool_client,
        "ApiGatewayRootUrl": endpoints.public_url,
        "ApiId": "",
        "ApiKeyId": "",
        "Es5Endpoint": "",
        "EventLambda": names.physical_function(account, "EventLambda"),
        "LogLevel": "info",
        "ManifestLambda": names.physical_function(account, "ManifestLambda"),
        "MqttFn": "mqtt",
        "SignUpVerificationMedium": "email",
    }
